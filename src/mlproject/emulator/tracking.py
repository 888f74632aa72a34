"""The workspace's MLflow 2 API: MLflow's own server code, less what the service lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mlproject.emulator import ids, limits
from mlproject.emulator.messages import MISSING, Answer, Request, of_json, refused
from mlproject.emulator.names import SCOPE
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


def answer(state: State, store: Callable[[], Store], request: Request) -> Answer:
    """Return what is answered below ``/mlflow/v2.0``.

    Parameters
    ----------
    state : State
    store : callable
        Returns the store, when it is open.
    request : Request
    """
    endpoint = request.path[len(PREFIX) :].removeprefix(_API)
    if not _KNOWN.fullmatch(endpoint):
        return MISSING
    try:
        target, content = _inside(request)
    except ids.UnknownIdError as error:
        return refused(404, "RESOURCE_DOES_NOT_EXIST", str(error))
    found = limits.refusal(endpoint, content, state.refuse, store().parameters)
    if found is not None:
        return found
    body = json.dumps(content).encode() if request.body else b""
    inside = Request(request.method, request.host, target, request.headers, body)
    return _outside(store().answer(inside))


def _inside(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the target and the JSON of a request in the store's terms."""
    url = urlsplit(request.target)
    pairs = parse_qsl(url.query, keep_blank_values=True)
    query = urlencode(
        [pair for name, text in pairs for pair in ids.for_store({name: text}).items()]
    )
    target = url.path[len(PREFIX) :] + (f"?{query}" if query else "")
    return target, ids.for_store(request.json())


def _outside(answer: Answer) -> Answer:
    """Return the store's answer in the service's terms."""
    try:
        content = json.loads(answer.body)
    except ValueError:
        return answer
    if answer.status < 400:
        return of_json(ids.for_client(content), answer.status)
    message = ids.text_for_client(str(content.get("message", "")))
    return refused(answer.status, content.get("error_code", "INTERNAL_ERROR"), message)
