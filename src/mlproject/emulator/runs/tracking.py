"""The workspace's MLflow 2 API: MLflow's own server code, less what the service lacks."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import SCOPE
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import api_error, json_of, json_response, missing
from mlproject.emulator.runs import limits
from mlproject.emulator.settings import Settings

PREFIX = f"/mlflow/v2.0{SCOPE}"
API = "/api/2.0/mlflow/"
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
# The service's own calls, and those of MLflow that do as much, at once.
_PREVIEW = "/api/2.0/preview/mlflow/"
_BATCH, _STATUS = f"{_PREVIEW}runs/log-batch-async", f"{_PREVIEW}runs/get-run-data-status"
_AT_ONCE = {_BATCH: "runs/log-batch", _STATUS: "runs/get"}


def answer(settings: Settings, store: Store, request: Request) -> Response:
    """Answer below ``/mlflow/v2.0``."""
    path = request.path[len(PREFIX) :]
    endpoint = _AT_ONCE.get(path) or path.removeprefix(API)
    if not _KNOWN.fullmatch(endpoint):
        return missing()
    query = ids.for_store(request.args.to_dict(flat=False))
    content = ids.for_store(json_of(request))

    def held(run: str) -> dict[str, Any]:
        found: Any = store.answer("GET", f"{API}runs/get", {"run_id": run}).json
        return dict(found.get("run", {}).get("data", {}))

    with store.turn:
        rejection = limits.rejection(endpoint, content, settings, held)
        if rejection is not None:
            return rejection
        body = content if request.get_data() else None
        response = store.answer(request.method, f"{API}{endpoint}", query, body)
    if response.status_code == 200 and path == _BATCH:
        tracked = str(uuid.uuid4()) if content.get("metrics") else ""
        return json_response({"batch_tracking_id": tracked})
    if response.status_code == 200 and path == _STATUS:
        return json_response({"is_complete": True})
    return for_client(response)


def for_client(response: Response) -> Response:
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
