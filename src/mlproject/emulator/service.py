"""Which host and path is answered by what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from mlproject.emulator import artifacts, blobs, entra, management, tracking
from mlproject.emulator.messages import MISSING, Answer, Request, refused
from mlproject.emulator.state import API_HOST, ARM_HOST, LOGIN_HOST, State


def service(state: State) -> Callable[[Request], Answer]:
    """Return what answers every request of every host."""
    state.blobs.mkdir(parents=True, exist_ok=True)
    login, arm = entra.routes(state), management.routes()
    mlflow, kept = tracking.service(state), artifacts.routes(state)

    def routed(request: Request) -> Answer:
        host = request.host.lower()
        if host == LOGIN_HOST:
            return login(request)
        if host.endswith(".blob.core.windows.net"):
            return blobs.answer(state, request)
        if host == API_HOST and request.path == "/discovery":
            return management.discovery(request)
        if host not in (API_HOST, ARM_HOST):
            return MISSING
        if not state.holds(request.headers.get("authorization")):
            return refused(401, "UNAUTHENTICATED", "The token is missing, wrong or expired.")
        if host == ARM_HOST:
            return arm(request)
        if request.path.startswith(tracking.PREFIX):
            return mlflow(request)
        return kept(request)

    return partial(_answered, routed)


def _answered(service: Callable[[Request], Answer], request: Request) -> Answer:
    try:
        return service(request)
    except (KeyError, TypeError, ValueError) as error:  # what no client of the service sends
        return refused(400, "INVALID_PARAMETER_VALUE", f"{type(error).__name__}: {error}")
