"""Entra ID and the machine's managed identity: where tokens come from."""

from __future__ import annotations

import hmac

from mlproject.emulator.messages import Answer, Request, Routes, of_json
from mlproject.emulator.names import (
    CLIENT_ID,
    CLIENT_SECRET,
    GUEST_ID,
    IDENTITY_HEADER,
    IDENTITY_PATH,
    LOGIN_HOST,
    MANAGED_ID,
    TENANT,
)
from mlproject.emulator.state import State


def routes(state: State) -> Routes:
    """Return what login.microsoftonline.com answers."""

    def token(request: Request, tenant: str) -> Answer:
        form = request.form()
        client = form.get("client_id", "")
        if client not in (CLIENT_ID, GUEST_ID) or form.get("client_secret") != CLIENT_SECRET:
            message = "AADSTS7000215: Invalid client secret provided."
            return of_json({"error": "invalid_client", "error_description": message}, 401)
        audience = (form.get("scope") or form.get("resource") or "").split("/.default")[0]
        text, expires = state.token(audience, client)
        seconds = max(1, int(state.token_seconds))
        return of_json(
            {
                "token_type": "Bearer",
                "access_token": text,
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "expires_on": str(expires),
                "resource": audience,
            }
        )

    def configuration(request: Request, tenant: str) -> Answer:
        base = f"https://{LOGIN_HOST}/{tenant}"
        return of_json(
            {
                "issuer": f"https://{LOGIN_HOST}/{TENANT}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
            }
        )

    def instance(request: Request) -> Answer:
        endpoint = f"https://{LOGIN_HOST}/{TENANT}/v2.0/.well-known/openid-configuration"
        names = [LOGIN_HOST, "login.windows.net", "sts.windows.net"]
        known = {"preferred_network": LOGIN_HOST, "preferred_cache": names[1], "aliases": names}
        return of_json({"tenant_discovery_endpoint": endpoint, "metadata": [known]})

    found = Routes()
    found.add("GET", r"/common/discovery/instance", instance)
    found.add(
        "GET", r"/(?P<tenant>[^/]+)(/v2\.0)?/\.well-known/openid-configuration", configuration
    )
    found.add("POST", r"/(?P<tenant>[^/]+)/oauth2(/v2\.0)?/token", token)
    return found


def managed_identity(state: State) -> Routes:
    """Return what the machine itself answers, in the form of Azure App Service.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """

    def token(request: Request) -> Answer:
        given = request.headers.get("x-identity-header", "")
        if not hmac.compare_digest(given.encode(), IDENTITY_HEADER.encode()):
            message = "The header X-IDENTITY-HEADER is missing or wrong."
            return of_json({"statusCode": 401, "message": message}, 401)
        resource = request.query.get("resource")
        if not resource:
            return of_json({"statusCode": 400, "message": "The resource is missing."}, 400)
        text, expires = state.token(resource, MANAGED_ID)
        return of_json(
            {
                "access_token": text,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": MANAGED_ID,
            }
        )

    found = Routes()
    found.add("GET", IDENTITY_PATH, token)
    return found
