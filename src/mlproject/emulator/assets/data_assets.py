"""Data assets of the workspace, and where the data is that a job is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from mlproject.emulator.assets import datastores, versioned
from mlproject.emulator.identities import BLOB_HOST
from mlproject.emulator.keeping.resources import WORKSPACE
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes

_KINDS = ("uri_file", "uri_folder", "mltable")
_DATASTORE = re.compile(
    r"azureml://(subscriptions/[^?]+/workspaces/[^/]+/)?datastores/(?P<name>[^/]+)/paths/(?P<path>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ASSET = re.compile(rf"{WORKSPACE}/data/[^/]+/versions/[^/]+", re.IGNORECASE)


def add_routes(routes: Routes, state: State) -> None:
    versioned.add_routes(
        routes, state.resources, "data", fixed=("dataType", "dataUri"), check=_problem
    )


def path_of(state: State, uri: str) -> str | None:
    """Return the path that a URI has in the emulator's own blob store; None for another's."""
    if _ASSET.fullmatch(uri):
        asset = state.resources.get(uri)
        return path_of(state, asset["properties"]["dataUri"]) if asset else None
    match = _DATASTORE.fullmatch(uri)
    if match:
        container = datastores.container_of(match["name"])
        return f"/{container}/{match['path']}".rstrip("/") if container else None
    parts = urlsplit(uri)
    return unquote(parts.path).rstrip("/") if parts.netloc == BLOB_HOST else None


def register(state: State, name: str, kind: str, uri: str) -> None:
    """Make the next version of an asset, as the service does for a job's output."""
    versions = [item["name"] for item in state.resources.below(f"/data/{name}/versions")]
    number = max((int(found) for found in versions if found.isdigit()), default=0) + 1
    properties = {"dataType": kind, "dataUri": uri, "isArchived": False, "isAnonymous": False}
    state.resources.put(f"/data/{name}/versions/{number}", properties)


def _problem(properties: Mapping[str, Any]) -> str | None:
    if properties.get("dataType") not in _KINDS or not properties.get("dataUri"):
        return "dataType and dataUri are needed."
    return None
