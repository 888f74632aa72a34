"""Entra ID and the machine's managed identity: where tokens come from, and what they permit."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import (
    API_HOST,
    CLIENT_ID,
    CLIENT_SECRET,
    GUEST_ID,
    IDENTITY_HEADER,
    IDENTITY_PATH,
    LOGIN_HOST,
    MANAGED_ID,
    SCOPE,
    TENANT,
)
from mlproject.emulator.messages import Routes, arm_error, json_response
from mlproject.emulator.state import State

_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


def routes(state: State) -> Routes:
    """Return what login.microsoftonline.com answers."""

    def token(request: Request, tenant: str) -> Response:
        form = request.form
        client = form.get("client_id", "")
        if client not in (CLIENT_ID, GUEST_ID) or form.get("client_secret") != CLIENT_SECRET:
            message = "AADSTS7000215: Invalid client secret provided."
            return json_response({"error": "invalid_client", "error_description": message}, 401)
        audience = (form.get("scope") or form.get("resource") or "").split("/.default")[0]
        text, expires = state.token(audience, client)
        seconds = max(1, int(state.settings.token_life))
        return json_response(
            {
                "token_type": "Bearer",
                "access_token": text,
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "expires_on": str(expires),
                "resource": audience,
            }
        )

    def configuration(request: Request, tenant: str) -> Response:
        base = f"https://{LOGIN_HOST}/{tenant}"
        return json_response(
            {
                "issuer": f"https://{LOGIN_HOST}/{TENANT}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
            }
        )

    def instance(request: Request) -> Response:
        endpoint = f"https://{LOGIN_HOST}/{TENANT}/v2.0/.well-known/openid-configuration"
        names = [LOGIN_HOST, "login.windows.net", "sts.windows.net"]
        known = {"preferred_network": LOGIN_HOST, "preferred_cache": names[1], "aliases": names}
        return json_response({"tenant_discovery_endpoint": endpoint, "metadata": [known]})

    routes = Routes()
    routes.add("GET", r"/common/discovery/instance", instance)
    routes.add(
        "GET", r"/(?P<tenant>[^/]+)(/v2\.0)?/\.well-known/openid-configuration", configuration
    )
    routes.add("POST", r"/(?P<tenant>[^/]+)/oauth2(/v2\.0)?/token", token)
    return routes


def managed_identity(state: State) -> Routes:
    """Return what the machine itself answers, in the form of Azure App Service.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """

    def token(request: Request) -> Response:
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(given.encode(), IDENTITY_HEADER.encode()):
            message = "The header X-IDENTITY-HEADER is missing or wrong."
            return json_response({"statusCode": 401, "message": message}, 401)
        resource = request.args.get("resource")
        if not resource:
            return json_response({"statusCode": 400, "message": "The resource is missing."}, 400)
        text, expires = state.token(resource, MANAGED_ID)
        return json_response(
            {
                "access_token": text,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": MANAGED_ID,
            }
        )

    routes = Routes()
    routes.add("GET", IDENTITY_PATH, token)
    return routes


def denial(request: Request, claims: Mapping[str, Any]) -> Response | None:
    """Return what the guest is answered, who has no role; None for all others, who have each."""
    client = claims["appid"]
    if client != GUEST_ID:
        return None
    if request.path == "/subscriptions":  # a list of what one has a role on is refused to nobody
        return json_response({"value": []})
    verb = "read" if request.method == "GET" else "write"
    part = "/experiments/runs" if request.host == API_HOST else ""
    message = (
        f"The client '{client}' with object id '{claims['oid']}' does not have authorization to "
        f"perform action '{_WORKSPACES}{part}/{verb}' over scope '{SCOPE}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials."
    )
    return arm_error(403, "AuthorizationFailed", message)
