"""Resource Manager, and the workspace's discovery."""

from __future__ import annotations

import re

from mlproject.emulator.messages import Answer, Request, Routes, arm_refused, of_json
from mlproject.emulator.names import (
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

_SERVICES = ("experimentation", "history", "hyperdrive", "modelmanagement", "pipelines")


def routes() -> Routes:
    """Return what management.azure.com answers."""

    def endpoints(request: Request) -> Answer:
        return of_json([])

    def subscriptions(request: Request) -> Answer:
        listed = {
            "subscriptionId": SUBSCRIPTION,
            "displayName": "Emulated",
            "state": "Enabled",
            "tenantId": TENANT,
        }
        return of_json({"value": [listed]})

    def workspace(request: Request) -> Answer:
        properties = {
            "workspaceId": WORKSPACE_ID,
            "friendlyName": WORKSPACE,
            "discoveryUrl": f"https://{API_HOST}/discovery",
            "storageAccount": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
            f"/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}",
            "provisioningState": "Succeeded",
        }
        content = {
            "id": SCOPE,
            "name": WORKSPACE,
            "type": "Microsoft.MachineLearningServices/workspaces",
            "location": REGION,
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": properties,
            "identity": {"type": "SystemAssigned", "tenantId": TENANT},
        }
        return of_json(content)

    def missing(request: Request) -> Answer:
        return arm_refused(404, "ResourceNotFound", f"{request.path} was not found.")

    found = Routes()
    found.add("GET", "/metadata/endpoints", endpoints)
    found.add("GET", "/subscriptions", subscriptions)
    found.add("GET", re.escape(SCOPE), workspace)
    found.add("GET", ".*", missing)
    return found


def discovery(request: Request) -> Answer:
    """Return the services of the workspace; one host has all of them."""
    services = dict.fromkeys(("api", *_SERVICES), f"https://{API_HOST}")
    return of_json(services | {"studio": f"https://{STUDIO_HOST}", "arm": f"https://{ARM_HOST}"})
