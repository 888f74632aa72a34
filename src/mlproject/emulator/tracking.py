"""The workspace's MLflow 2 API: MLflow's own server code on SQLite, less what the service lacks."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from mlproject.emulator.messages import MISSING, Answer, Request, refused
from mlproject.emulator.state import API_HOST, SCOPE, TRACKING_URI, State

PREFIX = f"/mlflow/v2.0{SCOPE}"
MOST_PARAMETERS = 200
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
_ARTIFACT_URI = re.compile(rb"(/experiments/\d+)/([0-9a-f]{32})/artifacts")


def service(state: State) -> Callable[[Request], Answer]:
    """Return what answers below ``/mlflow/v2.0``.

    MLflow keeps its store in this process's environment, so that there is one of these a process.
    """
    os.environ["_MLFLOW_SERVER_FILE_STORE"] = state.database
    os.environ["_MLFLOW_SERVER_REGISTRY_STORE"] = state.database
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = f"{TRACKING_URI}/experiments"
    os.environ["MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE"] = "true"
    from mlflow.server import app

    def answer(request: Request) -> Answer:
        name = request.path[len(PREFIX) :].removeprefix(_API)
        if not _KNOWN.fullmatch(name):
            return MISSING
        refusal = _refusal(name, request)
        if refusal is not None:
            return refusal
        found = _asked(app, request, request.target[len(PREFIX) :])
        return Answer(
            found.status, _ARTIFACT_URI.sub(rb"\1/runs/\2/artifacts", found.body), found.headers
        )

    return answer


def _refusal(name: str, request: Request) -> Answer | None:
    """Return the answer to what MLflow would take and the service does not."""
    if name != "runs/log-batch" and name != "runs/log-parameter":
        return None
    from mlflow.server.handlers import _get_tracking_store

    content = request.json()
    given = content.get("params") or ([content] if name == "runs/log-parameter" else [])
    if not given:
        return None
    run = _get_tracking_store().get_run(content["run_id"])
    names = set(run.data.params) | {item["key"] for item in given}
    if len(names) <= MOST_PARAMETERS:
        return None
    message = f"A run can have at most {MOST_PARAMETERS} parameters, and this has {len(names)}."
    return refused(400, "INVALID_PARAMETER_VALUE", message)


def _asked(app: Any, request: Request, target: str) -> Answer:
    """Ask a WSGI application in this process."""
    url = urlsplit(target)
    kept: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        kept["status"] = int(status.partition(" ")[0])
        kept["headers"] = {"Content-Type": dict(headers).get("Content-Type", "application/json")}

    environment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": API_HOST,
        "SERVER_PORT": "443",
        "HTTP_HOST": API_HOST,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    body = b"".join(app(environment, start))
    return Answer(kept["status"], body, kept["headers"])
