"""Who may do what: everybody who can sign in may do everything, but for the guest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlproject.emulator.messages import Answer, Request, arm_refused, of_json
from mlproject.emulator.names import API_HOST, GUEST_ID, SCOPE

_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


def denied(request: Request, claims: Mapping[str, Any]) -> Answer | None:
    """Return the answer to who has no role, or None where the token's owner has one."""
    client = claims["appid"]
    if client != GUEST_ID:
        return None
    if request.path == "/subscriptions":  # a list of what one has a role on is refused to nobody
        return of_json({"value": []})
    verb = "read" if request.method == "GET" else "write"
    part = "/experiments/runs" if request.host == API_HOST else ""
    message = (
        f"The client '{client}' with object id '{claims['oid']}' does not have authorization to "
        f"perform action '{_WORKSPACES}{part}/{verb}' over scope '{SCOPE}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials."
    )
    return arm_refused(403, "AuthorizationFailed", message)
