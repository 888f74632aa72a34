"""Resource Manager, and the workspace's discovery."""

from __future__ import annotations

import re

from werkzeug import Request, Response

from mlproject.emulator.assets import data_assets, datastores
from mlproject.emulator.identities import (
    ACCOUNT,
    API_HOST,
    ARM_HOST,
    LOGIN_HOST,
    REGION,
    RESOURCE_GROUP,
    SCOPE,
    STUDIO_HOST,
    SUBSCRIPTION,
    TENANT,
    WORKSPACE,
    WORKSPACE_ID,
)
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes, arm_error, json_response

METADATA = "/metadata/endpoints"
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
_CLOUD = {
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "authentication": {
        "loginEndpoint": f"https://{LOGIN_HOST}/",
        "audiences": ["https://management.core.windows.net/", f"https://{ARM_HOST}/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "resourceManager": f"https://{ARM_HOST}/",
    "graphAudience": "https://graph.windows.net/",
    "graph": "https://graph.windows.net/",
    "gallery": "https://gallery.azure.com/",
    "media": "https://rest.media.azure.net",
    "batch": "https://batch.core.windows.net/",
    "sqlManagement": "https://management.core.windows.net:8443/",
    "vmImageAliasDoc": "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/master/"
    "arm-compute/quickstart-templates/aliases.json",
    "activeDirectoryDataLake": "https://datalake.azure.net/",
    "suffixes": {
        "storage": "core.windows.net",
        "keyVaultDns": "vault.azure.net",
        "sqlServerHostname": "database.windows.net",
        "acrLoginServer": "azurecr.io",
        "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
        "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
        "azureFrontDoorEndpointSuffix": "azurefd.net",
    },
}


def routes(state: State) -> Routes:
    """Return what management.azure.com answers."""

    def missing(request: Request) -> Response:
        return arm_error(404, "ResourceNotFound", f"{request.path} was not found.")

    routes = Routes(missing)
    routes.add("GET", "/subscriptions", lambda _: json_response({"value": [_SUBSCRIPTION]}))
    routes.add("GET", re.escape(SCOPE), lambda _: json_response(_WORKSPACE))
    datastores.add_routes(routes, state)
    data_assets.add_routes(routes, state)
    return routes


def clouds() -> Response:
    """Return the clouds that there are, as of api-version 2019-05-01; who asks need not sign in."""
    return json_response([_CLOUD])


def discovery() -> Response:
    """Return the services of the workspace; one host has all of them."""
    services = dict.fromkeys(("api", *_SERVICES), f"https://{API_HOST}")
    more = {"studio": f"https://{STUDIO_HOST}", "arm": f"https://{ARM_HOST}"}
    return json_response(services | more)
