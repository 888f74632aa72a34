"""What can go wrong between a client and a service, on demand."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from werkzeug import Request, Response

from mlproject.base.errors import ConfigurationError
from mlproject.emulator.front import FaultyService
from mlproject.emulator.identities import LOGIN_HOST, LOOPBACK
from mlproject.emulator.messages import Service, api_error

_SHARES = ("throttled", "unavailable", "reset", "lost")
_SIGN_IN = (LOGIN_HOST, LOOPBACK)


@dataclass(frozen=True)
class Faults:
    """Shares of requests, each between 0 and 1, that end in a fault.

    Attributes
    ----------
    throttled, unavailable : float
        Answered with 429 or 503, and never carried out.
    reset : float
        The connection breaks before anything is done.
    lost : float
        Carried out, and the connection breaks before the answer.
    delay : float
        Seconds that every request waits.
    seed : int
        The same one gives the same faults to the same sequence of requests.

    Raises
    ------
    ConfigurationError
        When a share is below 0, or all together are above 1.
    """

    throttled: float = 0.0
    unavailable: float = 0.0
    reset: float = 0.0
    lost: float = 0.0
    delay: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the shares."""
        shares = {name: float(getattr(self, name)) for name in _SHARES}
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items() if share)
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise ConfigurationError(
                f"Faults are shares of all requests, at most 1 together, and these are {given}"
            )


def faulty(service: Service, faults: Faults) -> FaultyService:
    """Return a service with faults; signing in has none, as clients do not repeat it."""
    chance = random.Random(faults.seed)  # noqa: S311 - no secret
    lock = threading.Lock()

    def answer(request: Request) -> Response | None:
        time.sleep(faults.delay)
        if request.host in _SIGN_IN:
            return service(request)
        with lock:
            drawn = chance.random()
        for name in _SHARES:
            drawn -= getattr(faults, name)
            if drawn < 0:
                return _fault(name, service, request)
        return service(request)

    return answer


def _fault(name: str, service: Service, request: Request) -> Response | None:
    if name == "throttled":
        response = api_error(429, "REQUEST_LIMIT_EXCEEDED", "Slower.")
        response.headers["Retry-After"] = "0"
        return response
    if name == "unavailable":
        return api_error(503, "TEMPORARILY_UNAVAILABLE", "Busy.")
    if name == "lost":
        service(request).close()
    return None
