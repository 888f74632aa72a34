"""The artifact service: which paths a run or an upload has, and where their content is."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from werkzeug import Request, Response

from mlproject.emulator.identities import BLOB_HOST, SCOPE
from mlproject.emulator.messages import Routes, api_error, json_of, json_response
from mlproject.emulator.records import Place
from mlproject.emulator.signing import zulu
from mlproject.emulator.state import State

PAGE = 500
"""How many artifacts one answer lists."""

_HISTORY = rf"/history/v1\.0{re.escape(SCOPE)}"
_RUN = rf"{_HISTORY}/experiments/[^/]+/runs/(?P<run>[^/]+)/artifacts"
_SERVICE = rf"/artifact/v2\.0{re.escape(SCOPE)}/artifacts"
_PLACE = r"(?P<origin>[^/]+)/(?P<container>[^/]+)"
_SAS_SECONDS = 3600


class _Artifacts:
    """Handlers of requests on artifacts, each for one place."""

    def __init__(self, state: State) -> None:
        self._state = state

    def created(self, request: Request, place: Place) -> Response:
        """Make records; the content comes later, to signed URLs."""
        known, content, errors = {}, {}, {}
        for path in (item["path"] for item in json_of(request)["paths"]):
            if {"", ".", ".."} & set(path.split("/")):
                errors[path] = _error("InvalidUri", f"'{path}' is no path of an artifact.")
            elif not self._state.records.created(place, path):
                name = "/".join((*place, path))
                message = f"Resource Conflict: ArtifactId {name} already exists."
                errors[path] = _error("UserError", message)
            else:
                known[path] = _dto(place, path)
                content[path] = self._located(place, path, "rcw")
        return json_response(
            {"artifacts": known, "artifactContentInformation": content, "errors": errors}
        )

    def listed(self, request: Request, place: Place) -> Response:
        """List all paths."""
        return _page(request, self._state.records.listed(place), lambda path: _dto(place, path))

    def below(self, request: Request, place: Place, path: str) -> Response:
        """List the paths in a folder, each with a URL of its content."""
        paths = self._state.records.listed(place, path)
        return _page(request, paths, lambda found: self._located(place, found, "rc"))

    def location(self, request: Request, place: Place, path: str | None = None) -> Response:
        """Return a URL of one artifact's content."""
        path = request.args.get("path", "") if path is None else path
        if not self._state.records.holds(place, path):
            return api_error(404, "RESOURCE_DOES_NOT_EXIST", f"There is no artifact {path}.")
        return json_response(self._located(place, path, "rc"))

    def token(self, request: Request, run: str) -> Response:
        """Return a token of a run, for the job that it is."""
        text, expires = self._state.token("https://ml.azure.com", run=run)
        return json_response({"token": text, "expiryTimeUtc": zulu(expires)})

    def _located(self, place: Place, path: str, permissions: str) -> dict[str, object]:
        blob = "/" + "/".join((*place, path))
        address = self._state.key.url(BLOB_HOST, blob, permissions, _SAS_SECONDS)
        return _dto(place, path) | {"contentUri": address}


def routes(state: State) -> Routes:
    """Return what the workspace's host answers on artifacts."""
    artifacts = _Artifacts(state)
    routes = Routes()
    run_token = rf"{_HISTORY}/experimentids/[^/]+/runs/(?P<run>[^/]+)/token"
    routes.add("GET", run_token, artifacts.token)
    for prefix, wrapped in ((_RUN, _of_run), (rf"{_SERVICE}/{_PLACE}", _of_container)):
        routes.add("POST", f"{prefix}/batch/metadata", wrapped(artifacts.created))
        routes.add("GET", f"{prefix}/contentinfo", wrapped(artifacts.location))
        routes.add("GET", prefix, wrapped(artifacts.listed))
    # The order in which azureml-core has the parts of the same paths.
    below = rf"{_PLACE}/(?P<path>.+)"
    routes.add("POST", f"{_SERVICE}/batch/metadata/{_PLACE}", _of_container(artifacts.created))
    routes.add("GET", f"{_SERVICE}/contentinfo/{below}", _of_container(artifacts.location))
    routes.add("GET", f"{_SERVICE}/prefix/contentinfo/{below}", _of_container(artifacts.below))
    return routes


def _of_run(handler: Callable[..., Response]) -> Callable[..., Response]:
    return lambda request, run: handler(request, ("ExperimentRun", f"dcid.{run}"))


def _of_container(handler: Callable[..., Response]) -> Callable[..., Response]:
    def wrapped(request: Request, origin: str, container: str, **more: str) -> Response:
        return handler(request, (origin, container), **more)

    return wrapped


def _page(request: Request, paths: list[str], item: Callable[[str], dict[str, object]]) -> Response:
    """Return the artifacts after those of the page before; its last path is the token."""
    after = request.args.get("continuationToken", "")
    rest = [path for path in paths if path > after]
    shown = rest[:PAGE]
    token = shown[-1] if len(rest) > PAGE else None
    link = f"{request.base_url}?continuationToken={quote(token or '', safe='')}"
    return json_response(
        {
            "value": [item(path) for path in shown],
            "continuationToken": token,
            "nextLink": link if token else None,
        }
    )


def _dto(place: Place, path: str) -> dict[str, object]:
    return {
        "artifactId": "/".join((*place, path)),
        "origin": place[0],
        "container": place[1],
        "path": path,
        "tags": {},
    }


def _error(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message}}
