"""Data sets of version 1: registered, and found by name with their definitions."""

from __future__ import annotations

import re
import uuid

from werkzeug import Request, Response

from mlproject.emulator.identities import SCOPE
from mlproject.emulator.keeping.resource_store import Resource, Resources
from mlproject.emulator.messages import Routes, api_error, json_of, json_response

_DATASETS = rf"/dataset/v1\.0{re.escape(SCOPE)}/datasets"
_SAVED = rf"/data/v1\.0{re.escape(SCOPE)}/dataversion/unregistered-(?P<saved>[^/]+)/versions/1"


def add_routes(routes: Routes, resources: Resources) -> None:
    def register(request: Request) -> Response:
        """Make a data set, or another version of it: what azureml-core sends for ``register``."""
        given = json_of(request)
        name = str(given["name"])
        versions = resources.below(f"/v1datasets/{name}/versions")
        latest = {**given["latest"], "versionId": str(len(versions) + 1)}
        latest["savedDatasetId"] = str(uuid.uuid4())
        first = versions[0]["properties"]["datasetId"] if versions else str(uuid.uuid4())
        made = {"isVisible": True, **given, "datasetId": first, "latest": latest}
        path = f"/v1datasets/{name}/versions/{latest['versionId']}"
        return json_response(resources.put(path, made)["properties"])

    def by_name(request: Request, name: str) -> Response:
        versions = resources.below(f"/v1datasets/{name}/versions")
        wanted = request.args.get("versionId") or str(len(versions))
        found = resources.get(f"/v1datasets/{name}/versions/{wanted}")
        if found is None:
            return api_error(404, "NotFound", f"Dataset {name} was not found.")
        return json_response(found["properties"])

    def definition(request: Request, saved: str) -> Response:
        """Return the steps of a data set; the service makes YAML of whatever they were sent as."""
        found = next((item for item in _all(resources) if _saved_id(item) == saved), None)
        if found is None:
            return api_error(404, "NotFound", f"There is no saved dataset {saved}.")
        dataflow = found["properties"]["latest"].get("dataflow")
        return json_response({"legacyDataflow": dataflow, "dataVersion": None})

    routes.add("POST", _DATASETS, register)
    routes.add("GET", rf"{_DATASETS}/query/name=(?P<name>[^/]+)", by_name)
    routes.add("GET", _SAVED, definition)


def _all(resources: Resources) -> list[Resource]:
    return resources.below("/v1datasets", 3)


def _saved_id(version: Resource) -> str:
    return str(version["properties"]["latest"]["savedDatasetId"])
