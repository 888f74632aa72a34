"""Data assets of the workspace: names, and versions that stay as they were registered."""

from __future__ import annotations

import threading
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.lines import Lines
from mlproject.emulator.messages import Routes, arm_error, json_of, json_response
from mlproject.emulator.resources import WORKSPACE, listed, resource, unknown
from mlproject.emulator.signing import now
from mlproject.emulator.state import State

_FIXED = ("dataType", "dataUri")
_KINDS = ("uri_file", "uri_folder", "mltable")


class _Assets:
    """What is registered, in a file that survives restarts."""

    def __init__(self, state: State) -> None:
        self._lines = Lines(state.folder / "data_assets.jsonl")
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, dict[str, Any]]] = {}
        for name, version, content in self._lines:
            self._known.setdefault(name, {})[version] = content

    def put(self, request: Request, name: str, version: str) -> Response:
        given = dict(json_of(request)["properties"])
        if given.get("dataType") not in _KINDS or not given.get("dataUri"):
            return arm_error(400, "ValidationError", "dataType and dataUri are needed.")
        with self._lock:
            before = self._known.get(name, {}).get(version)
            if before and any(before["properties"][key] != given[key] for key in _FIXED):
                message = f"A data version with this name and version already exists: {name}."
                return arm_error(409, "Conflict", message)
            properties = {"isAnonymous": False, "isArchived": False, "tags": {}} | given
            made = before["systemData"]["createdAt"] if before else now()
            system = {"createdAt": made, "createdByType": "Application", "lastModifiedAt": now()}
            content = resource(f"data/{name}/versions/{version}", properties, systemData=system)
            self._known.setdefault(name, {})[version] = content
            self._lines.append([name, version, content])
        return json_response(content, 200 if before else 201)

    def get(self, request: Request, name: str, version: str) -> Response:
        found = self._known.get(name, {}).get(version)
        return json_response(found) if found else unknown(request)

    def container(self, request: Request, name: str) -> Response:
        found = self._known.get(name)
        return json_response(_container(name, found)) if found else unknown(request)

    def containers(self, request: Request) -> Response:
        return listed(_container(name, found) for name, found in sorted(self._known.items()))

    def versions(self, request: Request, name: str) -> Response:
        """List what was registered last first, as the service does."""
        found = self._known.get(name)
        if not found:
            return unknown(request)
        newest = list(reversed(found.values()))
        most = request.args.get("$top", type=int)
        return listed(newest[:most])


def add_routes(routes: Routes, state: State) -> None:
    assets = _Assets(state)
    one = f"{WORKSPACE}/data/(?P<name>[^/]+)"
    version = f"{one}/versions/(?P<version>[^/]+)"
    routes.add("GET", f"{WORKSPACE}/data", assets.containers)
    routes.add("GET", one, assets.container)
    routes.add("GET", f"{one}/versions", assets.versions)
    routes.add("GET", version, assets.get)
    routes.add("PUT", version, assets.put)


def _container(name: str, versions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    latest, content = list(versions.items())[-1]
    numbers = [int(version) for version in versions if version.isdigit()]
    properties = {
        "dataType": content["properties"]["dataType"],
        "latestVersion": latest,
        "nextVersion": str(max(numbers, default=0) + 1),
        "isArchived": all(item["properties"]["isArchived"] for item in versions.values()),
        "tags": {},
    }
    return resource(f"data/{name}", properties, systemData=content["systemData"])
