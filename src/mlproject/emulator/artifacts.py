"""The artifact service: which paths a run or an upload has, and where their content is."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import quote

from mlproject.emulator.messages import Answer, Request, Routes, of_json, refused
from mlproject.emulator.state import BLOB_HOST, SCOPE, State

_HISTORY = rf"/history/v1\.0{re.escape(SCOPE)}"
_RUN = rf"{_HISTORY}/experiments/[^/]+/runs/(?P<run>[^/]+)"
_UPLOAD = rf"/artifact/v2\.0{re.escape(SCOPE)}/artifacts/(?P<origin>[^/]+)/(?P<container>[^/]+)"
_SAS_SECONDS = 3600


def routes(state: State) -> Routes:
    """Return what the workspace's host answers on artifacts."""
    found = Routes()

    def of_run(handler: Callable[[Request, str, str], Answer]) -> Callable[..., Answer]:
        return lambda request, run: handler(request, "ExperimentRun", f"dcid.{run}")

    def metadata(request: Request, origin: str, container: str) -> Answer:
        paths = [item["path"] for item in request.json()["paths"]]
        known, content, errors = {}, {}, {}
        for path in paths:
            if (state.blobs / origin / container / path).exists():
                message = (
                    f"Resource Conflict: ArtifactId {origin}/{container}/{path} already exists."
                )
                errors[path] = {"error": {"code": "UserError", "message": message}}
                continue
            known[path] = _item(origin, container, path)
            content[path] = known[path] | {"contentUri": _address(origin, container, path)}
        return of_json(
            {"artifacts": known, "artifactContentInformation": content, "errors": errors}
        )

    def listing(request: Request, origin: str, container: str) -> Answer:
        folder = state.blobs / origin / container
        paths = sorted(
            item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()
        )
        items = [_item(origin, container, path) for path in paths]
        return of_json({"value": items, "continuationToken": None, "nextLink": None})

    def location(request: Request, origin: str, container: str) -> Answer:
        path = request.query.get("path", "")
        if not (state.blobs / origin / container / path).is_file():
            return refused(404, "RESOURCE_DOES_NOT_EXIST", f"There is no artifact {path}.")
        address = _address(origin, container, path)
        return of_json(_item(origin, container, path) | {"contentUri": address})

    for prefix, wrap in ((_RUN, of_run), (_UPLOAD, lambda handler: handler)):
        tail = "/artifacts" if prefix == _RUN else ""
        found.add("POST", f"{prefix}{tail}/batch/metadata", wrap(metadata))
        found.add("GET", f"{prefix}{tail}/contentinfo", wrap(location))
        found.add("GET", f"{prefix}{tail}", wrap(listing))

    def token(request: Request, run: str) -> Answer:
        text, expires = state.token("https://ml.azure.com")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        return of_json({"token": text, "expiryTimeUtc": when})

    found.add("GET", rf"{_HISTORY}/experimentids/[^/]+/runs/(?P<run>[^/]+)/token", token)
    return found


def _item(origin: str, container: str, path: str) -> dict[str, object]:
    return {
        "artifactId": f"{origin}/{container}/{path}",
        "origin": origin,
        "container": container,
        "path": path,
        "tags": {},
    }


def _address(origin: str, container: str, path: str) -> str:
    """Return a URL of the blob store with the shape of a shared access signature."""
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + _SAS_SECONDS))
    query = f"sv=2024-11-04&sr=b&sp=racw&se={quote(ends)}&sig=emulated"
    return f"https://{BLOB_HOST}/{origin}/{container}/{quote(path)}?{query}"
