"""The artifact service: which paths a run or an upload has, and where their content is."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote

from mlproject.emulator.messages import Answer, Request, Routes, of_json, refused
from mlproject.emulator.names import API_HOST, BLOB_HOST, SCOPE
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

    def created(self, request: Request, place: Place) -> Answer:
        """Make records; the content comes later, to signed URLs."""
        known, content, errors = {}, {}, {}
        for path in (item["path"] for item in request.json()["paths"]):
            if {"", ".", ".."} & set(path.split("/")):
                errors[path] = _error("InvalidUri", f"'{path}' is no path of an artifact.")
            elif not self._state.records.created(place, path):
                name = "/".join((*place, path))
                message = f"Resource Conflict: ArtifactId {name} already exists."
                errors[path] = _error("UserError", message)
            else:
                known[path] = _dto(place, path)
                content[path] = self._located(place, path, "rcw")
        return of_json(
            {"artifacts": known, "artifactContentInformation": content, "errors": errors}
        )

    def listed(self, request: Request, place: Place) -> Answer:
        """List all paths."""
        return _page(request, self._state.records.listed(place), lambda path: _dto(place, path))

    def below(self, request: Request, place: Place, path: str) -> Answer:
        """List the paths in a folder, each with a URL of its content."""
        paths = self._state.records.listed(place, path)
        return _page(request, paths, lambda found: self._located(place, found, "rc"))

    def location(self, request: Request, place: Place, path: str | None = None) -> Answer:
        """Return a URL of one artifact's content."""
        path = request.query.get("path", "") if path is None else path
        if not self._state.records.holds(place, path):
            return refused(404, "RESOURCE_DOES_NOT_EXIST", f"There is no artifact {path}.")
        return of_json(self._located(place, path, "rc"))

    def token(self, request: Request, run: str) -> Answer:
        """Return a token of a run, for the job that it is."""
        text, expires = self._state.token("https://ml.azure.com", run=run)
        return of_json({"token": text, "expiryTimeUtc": zulu(expires)})

    def _located(self, place: Place, path: str, permissions: str) -> dict[str, object]:
        blob = "/" + "/".join((*place, path))
        address = self._state.key.url(BLOB_HOST, blob, permissions, _SAS_SECONDS)
        return _dto(place, path) | {"contentUri": address}


def routes(state: State) -> Routes:
    """Return what the workspace's host answers on artifacts."""
    artifacts = _Artifacts(state)
    found = Routes()
    run_token = rf"{_HISTORY}/experimentids/[^/]+/runs/(?P<run>[^/]+)/token"
    found.add("GET", run_token, artifacts.token)
    for prefix, wrapped in ((_RUN, _of_run), (rf"{_SERVICE}/{_PLACE}", _of_container)):
        found.add("POST", f"{prefix}/batch/metadata", wrapped(artifacts.created))
        found.add("GET", f"{prefix}/contentinfo", wrapped(artifacts.location))
        found.add("GET", prefix, wrapped(artifacts.listed))
    # The order in which azureml-core has the parts of the same paths.
    below = rf"{_PLACE}/(?P<path>.+)"
    found.add("POST", f"{_SERVICE}/batch/metadata/{_PLACE}", _of_container(artifacts.created))
    found.add("GET", f"{_SERVICE}/contentinfo/{below}", _of_container(artifacts.location))
    found.add("GET", f"{_SERVICE}/prefix/contentinfo/{below}", _of_container(artifacts.below))
    return found


def _of_run(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    return lambda request, run: handler(request, ("ExperimentRun", f"dcid.{unquote(run)}"))


def _of_container(handler: Callable[..., Answer]) -> Callable[..., Answer]:
    def wrapped(request: Request, origin: str, container: str, **more: str) -> Answer:
        rest = {name: unquote(value) for name, value in more.items()}
        return handler(request, (unquote(origin), unquote(container)), **rest)

    return wrapped


def _page(request: Request, paths: list[str], item: Callable[[str], dict[str, object]]) -> Answer:
    """Return the artifacts after those of the page before; its last path is the token."""
    after = request.query.get("continuationToken", "")
    rest = [path for path in paths if path > after]
    shown = rest[:PAGE]
    token = shown[-1] if len(rest) > PAGE else None
    link = f"https://{API_HOST}{request.path}?continuationToken={quote(token or '', safe='')}"
    return of_json(
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
