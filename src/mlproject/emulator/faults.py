"""What goes wrong between a client and a service, on demand."""

from __future__ import annotations

import random
import threading
import time

from werkzeug import Request, Response

from mlproject.emulator.front import FaultyService
from mlproject.emulator.identities import BLOB_HOST, LOGIN_HOST, LOOPBACK
from mlproject.emulator.messages import Service, api_error, json_response
from mlproject.emulator.settings import SHARES, Settings
from mlproject.emulator.storage import blobs

_SIGN_IN = (LOGIN_HOST, LOOPBACK)


def faulty(service: Service, settings: Settings) -> FaultyService:
    """Return a service with faults; signing in has none, as clients do not repeat it."""
    chance = random.Random(settings.seed)  # noqa: S311 - no secret
    lock = threading.Lock()

    def answer(request: Request) -> Response | None:
        time.sleep(settings.delay)
        if request.host in _SIGN_IN:
            return service(request)
        with lock:
            drawn = chance.random()
        for name in SHARES:
            drawn -= getattr(settings, name)
            if drawn < 0:
                return _fault(name, service, settings, request)
        return service(request)

    return answer


def _fault(name: str, service: Service, settings: Settings, request: Request) -> Response | None:
    if name == "gateway":
        return json_response({"error": {"code": "BadGateway"}}, 502)
    if name in ("throttled", "unavailable") and request.host == BLOB_HOST:
        # https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
        return blobs.error(503, "ServerBusy")
    if name == "throttled":
        response = api_error(429, "REQUEST_LIMIT_EXCEEDED", "Slower.")
        response.headers["Retry-After"] = str(settings.retry_after)
        return response
    if name == "unavailable":
        return api_error(503, "TEMPORARILY_UNAVAILABLE", "Busy.")
    if name == "lost":
        service(request).close()
    return None
