"""Registered models as Resource Manager has them: its own, and those of MLflow's registry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.assets import data_assets, versioned
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.resources import WORKSPACE, resource, unknown
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import Routes, json_response
from mlproject.emulator.runs.artifacts import blob_of
from mlproject.emulator.runs.tracking import API, for_client
from mlproject.emulator.storage import blobs

_VERSION = re.compile(rf"({WORKSPACE})?/models/([^/]+)/versions/([^/]+)", re.IGNORECASE)
_OF_RUN = re.compile(r"/experiments/[^/]+/(?:runs/)?([^/]+)/artifacts/(.+)")
_UPLOADED = re.compile(r"/artifacts/(LocalUpload)/([^/]+)/(.+)")
# azure-ai-ml stumbles over a model without them.
_ALWAYS: dict[str, Any] = {"isArchived": False, "flavors": {}, "properties": {}, "tags": {}}


def add_routes(routes: Routes, state: State, store: Store) -> None:
    def get(request: Request, name: str, version: str) -> Response:
        found = find(state, store, f"/models/{name}/versions/{version}")
        return json_response(found) if found else unknown(request)

    one = rf"{WORKSPACE}/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)"
    routes.add("GET", one, get)
    fixed = ("modelType", "modelUri")
    versioned.add_routes(routes, state.resources, "models", fixed=fixed, always=_ALWAYS)


def find(state: State, store: Store, path: str) -> Resource | None:
    """Return a version by its path below the workspace, or its whole id."""
    match = _VERSION.fullmatch(path)
    if match is None:
        return None
    _, name, version = match.groups()
    own = state.resources.get(f"/models/{name}/versions/{version}")
    if own is not None:
        return own
    query = {"name": name, "version": version}
    found = for_client(store.answer("GET", f"{API}model-versions/get", query))
    if found.status_code != 200:
        return None
    entity: Any = found.json
    properties = {"modelType": "mlflow_model", "modelUri": entity["model_version"]["source"]}
    return resource(f"models/{name}/versions/{version}", _ALWAYS | properties)


def copy(state: State, model: Resource, folder: Path) -> None:
    """Copy a model's files into a folder, below the name of the folder that they were in."""
    uri = str(model["properties"]["modelUri"])
    target = folder / (uri.rstrip("/").rpartition("/")[2] or "model")
    match = _OF_RUN.search(uri) or _UPLOADED.search(uri)
    if match is None:
        blobs.copy(state, data_assets.path_of(state, uri), target)
        return
    *owner, path = match.groups()
    whose = Owner(*owner) if len(owner) > 1 else Owner("ExperimentRun", f"dcid.{owner[0]}")
    blobs.copy(state, blob_of(whose, path.rstrip("/")), target)
