"""The workspace's MLflow 2 API: MLflow's own server code, less what the service lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from mlproject.emulator import ids, limits
from mlproject.emulator.identities import API_HOST, SCOPE
from mlproject.emulator.messages import api_error, json_of, json_response, missing
from mlproject.emulator.state import State
from mlproject.emulator.store import Store

PREFIX = f"/mlflow/v2.0{SCOPE}"
_API = "/api/2.0/mlflow/"
# What the workspace has of MLflow's API; anything else is 404 without a body.
_KNOWN = re.compile(
    r"experiments/(create|get|get-by-name|search|set-experiment-tag|delete|restore)"
    r"|runs/(create|get|update|search|delete|restore|log-metric|log-parameter|log-batch|set-tag"
    r"|delete-tag|log-model|log-inputs)"
    r"|metrics/get-history"
    r"|registered-models/(create|get|search|update|get-latest-versions|set-tag|delete-tag)"
    r"|model-versions/(create|get|update|delete|search|transition-stage|get-download-uri|set-tag"
    r"|delete-tag)"
)


def answer(state: State, store: Callable[[], Store], request: Request) -> Response:
    """Answer below ``/mlflow/v2.0``; ``store`` returns the store when it is open."""
    path = request.path[len(PREFIX) :]
    endpoint = path.removeprefix(_API)
    if not _KNOWN.fullmatch(endpoint):
        return missing()
    try:
        query = ids.for_store(request.args.to_dict(flat=False))
        content = ids.for_store(json_of(request))
    except ids.UnknownIdError as error:
        return api_error(404, "RESOURCE_DOES_NOT_EXIST", str(error))
    rejection = limits.rejection(endpoint, content, state.settings.pattern, store().parameters)
    if rejection is not None:
        return rejection
    handed_on = EnvironBuilder(
        path,
        f"https://{API_HOST}",
        query,
        request.method,
        json=content if request.get_data() else None,
    )
    return _for_client(store().answer(handed_on.get_environ()))


def _for_client(response: Response) -> Response:
    """Return the store's answer in the service's terms, with none of its headers."""
    try:
        content = json.loads(response.get_data())
    except ValueError:
        kind = response.content_type
        return Response(response.get_data(), response.status, content_type=kind)
    if response.status_code < 400:
        return json_response(ids.for_client(content), response.status_code)
    message = ids.text_for_client(str(content.get("message", "")))
    code = content.get("error_code", "INTERNAL_ERROR")
    return api_error(response.status_code, code, message)
