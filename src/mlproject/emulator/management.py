"""Resource Manager, and the workspace's discovery."""

from __future__ import annotations

import re

from werkzeug import Request, Response

from mlproject.emulator.identities import (
    ACCOUNT,
    API_HOST,
    ARM_HOST,
    REGION,
    RESOURCE_GROUP,
    SCOPE,
    STUDIO_HOST,
    SUBSCRIPTION,
    TENANT,
    WORKSPACE,
    WORKSPACE_ID,
)
from mlproject.emulator.messages import Routes, arm_error, json_response

_SERVICES = ("experimentation", "history", "hyperdrive", "modelmanagement", "pipelines")
_SUBSCRIPTION = {
    "subscriptionId": SUBSCRIPTION,
    "displayName": "Emulated",
    "state": "Enabled",
    "tenantId": TENANT,
}
_WORKSPACE = {
    "id": SCOPE,
    "name": WORKSPACE,
    "type": "Microsoft.MachineLearningServices/workspaces",
    "location": REGION,
    "sku": {"name": "Basic", "tier": "Basic"},
    "properties": {
        "workspaceId": WORKSPACE_ID,
        "friendlyName": WORKSPACE,
        "discoveryUrl": f"https://{API_HOST}/discovery",
        "storageAccount": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
        f"/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
        "provisioningState": "Succeeded",
    },
    "identity": {"type": "SystemAssigned", "tenantId": TENANT},
}


def routes() -> Routes:
    """Return what management.azure.com answers."""

    def missing(request: Request) -> Response:
        return arm_error(404, "ResourceNotFound", f"{request.path} was not found.")

    routes = Routes()
    routes.add("GET", "/metadata/endpoints", lambda _: json_response([]))
    routes.add("GET", "/subscriptions", lambda _: json_response({"value": [_SUBSCRIPTION]}))
    routes.add("GET", re.escape(SCOPE), lambda _: json_response(_WORKSPACE))
    routes.add("GET", ".*", missing)
    return routes


def discovery() -> Response:
    """Return the services of the workspace; one host has all of them."""
    services = dict.fromkeys(("api", *_SERVICES), f"https://{API_HOST}")
    more = {"studio": f"https://{STUDIO_HOST}", "arm": f"https://{ARM_HOST}"}
    return json_response(services | more)
