"""Entra ID and the machine's managed identity: where tokens come from, and what they permit."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import (
    AML_AUDIENCE,
    API_HOST,
    ARM_HOST,
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
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes, api_error, arm_error, json_response

_EXPIRED = "The token is missing, wrong or expired."
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_ARM_AUDIENCES = frozenset({f"https://{ARM_HOST}", "https://management.core.windows.net"})
# What the real clients ask for; whether the service takes others is not known.
_AUDIENCES = {ARM_HOST: _ARM_AUDIENCES, API_HOST: _ARM_AUDIENCES | {AML_AUDIENCE}}


def routes(state: State) -> Routes:
    """Return what login.microsoftonline.com answers."""

    def token(request: Request, tenant: str) -> Response:
        form = request.form
        client, grant = form.get("client_id", ""), form.get("grant_type", "")
        if tenant != TENANT:
            return _unknown(tenant, "invalid_request")
        if grant != "client_credentials":
            message = f"AADSTS70003: The app requested an unsupported grant type '{grant}'."
            return _refused(400, "unsupported_grant_type", message)
        if client not in (CLIENT_ID, GUEST_ID) or form.get("client_secret") != CLIENT_SECRET:
            message = "AADSTS7000215: Invalid client secret provided."
            return _refused(401, "invalid_client", message)
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
        if tenant != TENANT:
            return _unknown(tenant, "invalid_tenant")
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


def _refused(status: int, error: str, message: str) -> Response:
    return json_response({"error": error, "error_description": message}, status)


def _unknown(tenant: str, error: str) -> Response:
    return _refused(400, error, f"AADSTS90002: Tenant '{tenant}' not found.")


def managed_identity(state: State) -> Routes:
    """Return what the machine itself answers: to GET as Azure App Service, to POST as MSI did.

    https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    """

    def app_service(request: Request) -> Response:
        given = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(given.encode(), IDENTITY_HEADER.encode()):
            message = "The header X-IDENTITY-HEADER is missing or wrong."
            return json_response({"statusCode": 401, "message": message}, 401)
        return token(request.args.get("resource"))

    def msi(request: Request) -> Response:
        if request.headers.get("Metadata") != "true":
            return json_response({"error": "The header Metadata is missing."}, 400)
        return token(request.form.get("resource"))

    def token(resource: str | None) -> Response:
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
    routes.add("GET", IDENTITY_PATH, app_service)
    routes.add("POST", IDENTITY_PATH, msi)
    return routes


def denial(state: State, request: Request) -> Response | None:
    """Return why a request is not permitted; None where it is."""
    claims, arm = state.key.claims(request), request.host == ARM_HOST
    if claims is None:
        if arm:
            return arm_error(401, "ExpiredAuthenticationToken", _EXPIRED)
        return api_error(401, None, _EXPIRED)
    audience = str(claims["aud"])
    if audience.rstrip("/") not in _AUDIENCES[request.host] and not state.settings.any_audience:
        message = f"The access token has been obtained for wrong audience or resource '{audience}'."
        if arm:
            return arm_error(401, "InvalidAuthenticationTokenAudience", message)
        return api_error(401, None, message)
    return _without_a_role(request, claims) if claims["appid"] == GUEST_ID else None


def _without_a_role(request: Request, claims: Mapping[str, Any]) -> Response:
    if request.path == "/subscriptions":  # a list of what one has a role on is refused to nobody
        return json_response({"value": []})
    verb = "read" if request.method == "GET" else "write"
    part = "/experiments/runs" if request.host == API_HOST else ""
    message = (
        f"The client '{claims['appid']}' with object id '{claims['oid']}' does not have "
        f"authorization to perform action '{_WORKSPACES}{part}/{verb}' over scope '{SCOPE}' or "
        "the scope is invalid. If access was recently granted, please refresh your credentials."
    )
    return arm_error(403, "AuthorizationFailed", message)
