"""Which host and path is answered by what."""

from __future__ import annotations

import importlib
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from werkzeug import Request, Response

from mlproject.emulator import artifacts, blobs, entra, management, tracking
from mlproject.emulator.identities import API_HOST, ARM_HOST, BLOB_HOST, LOGIN_HOST, LOOPBACK
from mlproject.emulator.messages import api_error, arm_error, missing
from mlproject.emulator.state import State
from mlproject.emulator.store import Store, opened

_EXPIRED = "The token is missing, wrong or expired."


def _import_quietly(module: str) -> None:
    """Import what warns of itself, while nobody else in the process changes what is shown."""
    with warnings.catch_warnings(), suppress(ImportError):
        warnings.simplefilter("ignore")
        importlib.import_module(module)


class Service:
    """Answers every request of every host.

    The store takes seconds to open, most of them to import MLflow. It is opened beside, and only
    who needs it waits for it.
    """

    def __init__(self, state: State) -> None:
        state.blobs.mkdir(parents=True, exist_ok=True)
        self._state = state
        _import_quietly("starlette.middleware.wsgi")  # which MLflow's server imports
        self._login, self._arm = entra.routes(state), management.routes()
        self._machine, self._artifacts = entra.managed_identity(state), artifacts.routes(state)
        self._opening = ThreadPoolExecutor(1)
        self._store = self._opening.submit(opened, state)

    def store(self) -> Store:
        """Return the store when it is open; raise what kept it from opening."""
        return self._store.result()

    def close(self) -> None:
        self._opening.shutdown()
        if self._store.exception() is None:
            self.store().close()

    def __call__(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except (KeyError, TypeError, ValueError) as error:  # what no client of the service sends
            return api_error(400, "INVALID_PARAMETER_VALUE", f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 - a thread's end; the client is to hear of it
            return api_error(500, "INTERNAL_ERROR", f"{type(error).__name__}: {error}")

    def _answer(self, request: Request) -> Response:
        host = request.host
        if host == LOGIN_HOST:
            return self._login(request)
        if host == LOOPBACK:
            return self._machine(request)
        if host == BLOB_HOST:
            return blobs.answer(self._state, request)
        if host == API_HOST and request.path == "/discovery":
            return management.discovery()
        if host in (API_HOST, ARM_HOST):
            return self._authorized(request)
        return missing()

    def _authorized(self, request: Request) -> Response:
        claims = self._state.key.claims(request)
        if claims is None:
            if request.host == ARM_HOST:
                return arm_error(401, "ExpiredAuthenticationToken", _EXPIRED)
            return api_error(401, None, _EXPIRED)
        denial = entra.denial(request, claims)
        if denial is not None:
            return denial
        if request.host == ARM_HOST:
            return self._arm(request)
        if request.path.startswith(tracking.PREFIX):
            return tracking.answer(self._state, self.store, request)
        return self._artifacts(request)
