"""The artifact service: which paths a run or an upload has, and where their content is."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from werkzeug import Request, Response

from mlproject.emulator.identities import BLOB_HOST, SCOPE
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes, api_error, json_of, json_response, missing

PAGE = 500
"""How many artifacts one answer lists."""

_RUN = rf"/history/v1\.0{re.escape(SCOPE)}/experiments/[^/]+/runs/(?P<run>[^/]+)/artifacts"
_SERVICE = rf"/artifact/v2\.0{re.escape(SCOPE)}/artifacts"
_OWNER = r"(?P<origin>[^/]+)/(?P<container>[^/]+)"
_READ, _WRITE = "r", "rcw"
_CONTAINER = "azureml"


class _Artifacts:
    """Handlers of requests on artifacts, each for one owner."""

    def __init__(self, state: State) -> None:
        self._state = state
        # By what public logs show, what is asked for to read cannot write.
        self._reading = _WRITE if state.settings.writable_contentinfo else _READ

    def created(self, request: Request, owner: Owner) -> Response:
        """Make records; the content comes later, to signed URLs."""
        known, content, errors = {}, {}, {}
        for path in (item["path"] for item in json_of(request)["paths"]):
            if {"", ".", ".."} & set(path.split("/")):
                errors[path] = _error("InvalidUri", f"'{path}' is no path of an artifact.")
            elif not self._state.records.created(owner, path):
                name = "/".join((*owner, path))
                message = f"Resource Conflict: ArtifactId {name} already exists."
                errors[path] = _error("UserError", message)
            else:
                known[path] = _dto(owner, path)
                content[path] = self._located(owner, path, _WRITE)
        return json_response(
            {"artifacts": known, "artifactContentInformation": content, "errors": errors}
        )

    def listed(self, request: Request, owner: Owner) -> Response:
        return _page(request, self._state.records.listed(owner), lambda path: _dto(owner, path))

    def below(self, request: Request, owner: Owner, path: str) -> Response:
        """List the paths in a folder, each with a URL of its content."""
        paths = self._state.records.listed(owner, path)
        return _page(request, paths, lambda item: self._located(owner, item, self._reading))

    def readable(self, request: Request, owner: Owner, path: str | None = None) -> Response:
        """Return a URL of one artifact's content."""
        return self._location(request, owner, path, self._reading)

    def writable(self, request: Request, owner: Owner, path: str | None = None) -> Response:
        """Return a URL by which the content of an artifact that there is can be written."""
        if self._state.settings.no_write_call:
            return missing()
        return self._location(request, owner, path, _WRITE)

    def _location(
        self, request: Request, owner: Owner, path: str | None, permissions: str
    ) -> Response:
        path = request.args.get("path", "") if path is None else path
        if not self._state.records.holds(owner, path):
            return api_error(404, "RESOURCE_DOES_NOT_EXIST", f"There is no artifact {path}.")
        return json_response(self._located(owner, path, permissions))

    def _located(self, owner: Owner, path: str, permissions: str) -> dict[str, object]:
        address = self._state.key.url(
            BLOB_HOST, blob_of(owner, path), permissions, self._state.settings.url_life
        )
        return _dto(owner, path) | {"contentUri": address}


def blob_of(owner: Owner, path: str) -> str:
    """Return the name of an artifact's blob: its container has those of the whole workspace."""
    return "/".join(("", _CONTAINER, *owner, path))


def add_routes(routes: Routes, state: State) -> None:
    artifacts = _Artifacts(state)
    created, listed = _with_owner(artifacts.created), _with_owner(artifacts.listed)
    readable, writable = _with_owner(artifacts.readable), _with_owner(artifacts.writable)
    for prefix in (_RUN, f"{_SERVICE}/{_OWNER}"):
        routes.add("POST", f"{prefix}/batch/metadata", created)
        routes.add("GET", f"{prefix}/contentinfo", readable)
        routes.add("GET", f"{prefix}/write", writable)
        routes.add("GET", prefix, listed)
    # The order in which azureml-core has the parts of the same paths.
    inside = rf"{_OWNER}/(?P<path>.+)"
    routes.add("POST", f"{_SERVICE}/batch/metadata/{_OWNER}", created)
    routes.add("GET", f"{_SERVICE}/contentinfo/{inside}", readable)
    routes.add("GET", f"{_SERVICE}/write/{inside}", writable)
    routes.add("GET", f"{_SERVICE}/prefix/contentinfo/{inside}", _with_owner(artifacts.below))


def _with_owner(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Return a handler whose owner is the run, or the origin and container, of its path."""

    def handle(
        request: Request, run: str = "", origin: str = "", container: str = "", **more: str
    ) -> Response:
        owner = Owner("ExperimentRun", f"dcid.{run}") if run else Owner(origin, container)
        return handler(request, owner, **more)

    return handle


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


def _dto(owner: Owner, path: str) -> dict[str, object]:
    return {
        "artifactId": "/".join((*owner, path)),
        "origin": owner.origin,
        "container": owner.container,
        "path": path,
        "tags": {},
    }


def _error(code: str, message: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message}}
