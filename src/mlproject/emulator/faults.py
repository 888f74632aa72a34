"""What can go wrong between a client and a service, on demand."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from mlproject.base.errors import ConfigurationError
from mlproject.emulator.messages import Answer, Request, refused
from mlproject.emulator.names import LOGIN_HOST, LOOPBACK

Service = Callable[[Request], Answer]
_SHARES = ("throttled", "unavailable", "reset", "lost")
_SIGN_IN = (LOGIN_HOST, LOOPBACK)


@dataclass(frozen=True)
class Faults:
    """Shares of requests, each between 0 and 1, that end in a fault.

    Attributes
    ----------
    throttled : float
        Answered with 429 and carried out never.
    unavailable : float
        Answered with 503 and carried out never.
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


def faulty(service: Service, faults: Faults) -> Callable[[Request], Answer | None]:
    """Return a service with faults; signing in has none, as clients do not repeat it."""
    chance = random.Random(faults.seed)  # noqa: S311 - no secret
    lock = threading.Lock()

    def answer(request: Request) -> Answer | None:
        time.sleep(faults.delay)
        if request.host in _SIGN_IN:
            return service(request)
        with lock:
            drawn = chance.random()
        for share, fault in (
            (faults.throttled, lambda: _later(refused(429, "REQUEST_LIMIT_EXCEEDED", "Slower."))),
            (faults.unavailable, lambda: refused(503, "TEMPORARILY_UNAVAILABLE", "Busy.")),
            (faults.reset, lambda: None),
            (faults.lost, lambda: _lost(service, request)),
        ):
            if drawn < share:
                return fault()
            drawn -= share
        return service(request)

    return answer


def _later(answer: Answer) -> Answer:
    return Answer(answer.status, answer.body, answer.headers | {"Retry-After": "0"})


def _lost(service: Service, request: Request) -> None:
    service(request)
