"""The datastores of the workspace, all in its storage account, and what opens them."""

from __future__ import annotations

from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import ACCOUNT, CONTAINER
from mlproject.emulator.keeping.resources import WORKSPACE, listed, resource, unknown
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes, arm_error, json_response
from mlproject.emulator.storage.storage_access import EVERYTHING

DEFAULT = "workspaceblobstore"
ARTIFACTS = "workspaceartifactstore"
_BY_SECRET, _BY_IDENTITY = "AccountKey", "None"
_HOUR = 3600.0


def add_routes(routes: Routes, state: State) -> None:
    known = {item["name"]: item for item in _DATASTORES}

    def all_of_them(request: Request) -> Response:
        default = request.args.get("isDefault", "").lower() == "true"
        return listed(item for item in _DATASTORES if not default or item["name"] == DEFAULT)

    def get(request: Request, name: str) -> Response:
        found = known.get(name.lower())
        return json_response(found) if found else unknown(request)

    def secrets(request: Request, name: str) -> Response:
        found = known.get(name.lower())
        if found is None:
            return unknown(request)
        properties = found["properties"]
        if properties["credentials"]["credentialsType"] == _BY_IDENTITY:
            return arm_error(400, "ValidationError", f"The datastore {name} has no secrets.")
        if state.settings.secrets == "refused":
            action = "Microsoft.MachineLearningServices/workspaces/datastores/listSecrets/action"
            message = f"The client does not have authorization to perform action '{action}'."
            return arm_error(403, "AuthorizationFailed", message)
        if state.settings.secrets == "key":
            return json_response({"secretsType": "AccountKey", "key": state.key.account})
        container = container_of(name) or ""
        seconds = min(_HOUR, state.settings.url_life)
        token = state.key.container_signature(container, EVERYTHING, seconds)
        return json_response({"secretsType": "Sas", "sasToken": token})

    one = f"{WORKSPACE}/datastores/(?P<name>[^/]+)"
    routes.add("GET", f"{WORKSPACE}/datastores", all_of_them)
    routes.add("GET", one, get)
    routes.add("POST", f"{one}/listSecrets", secrets)


def container_of(name: str) -> str | None:
    """Return the container of a datastore; None where there is none."""
    found = next((item for item in _DATASTORES if item["name"] == name.lower()), None)
    properties = found["properties"] if found else {}
    container: str | None = properties.get("containerName") or properties.get("filesystem")
    return container


def _datastore(name: str, kind: str, credentials: str, **place: str) -> dict[str, Any]:
    properties = {
        "datastoreType": kind,
        "accountName": ACCOUNT,
        "endpoint": "core.windows.net",
        "protocol": "https",
        "isDefault": name == DEFAULT,
        "serviceDataAccessAuthIdentity": "None",
        "credentials": {"credentialsType": credentials},
        "tags": {},
        "properties": {},
        **place,
    }
    return resource(f"datastores/{name}", properties)


_DATASTORES: list[dict[str, Any]] = [
    _datastore(DEFAULT, "AzureBlob", _BY_SECRET, containerName=CONTAINER),
    _datastore(ARTIFACTS, "AzureBlob", _BY_SECRET, containerName="azureml"),
    _datastore("identity", "AzureBlob", _BY_IDENTITY, containerName="identity"),
    _datastore("lake", "AzureDataLakeGen2", _BY_IDENTITY, filesystem="lake"),
    _datastore("workspacefilestore", "AzureFile", _BY_SECRET, fileShareName="files"),
]
