"""What can go wrong between a client and a service, on demand."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Option, Options
from mlproject.emulator.messages import Answer, Request, refused
from mlproject.emulator.names import LOGIN_HOST, LOOPBACK

Service = Callable[[Request], Answer]
_SHARES = ("throttled", "unavailable", "reset", "lost")
_SIGN_IN = (LOGIN_HOST, LOOPBACK)


def _share(fate: str) -> Option:
    return Option(f"Share of requests {fate}.", metavar="SHARE", minimum=0, maximum=1)


@dataclass(frozen=True)
class Faults(Options):
    """Requests that end in a fault, by chance.

    Raises
    ------
    ConfigurationError
        When a share is below 0, or all together are above 1.
    """

    throttled: Annotated[float, _share("answered with 429")] = 0.0
    unavailable: Annotated[float, _share("answered with 503")] = 0.0
    reset: Annotated[float, _share("broken off before anything is done")] = 0.0
    lost: Annotated[float, _share("carried out and never answered")] = 0.0
    delay: Annotated[
        float, Option("Seconds by which every request is delayed.", metavar="S", minimum=0)
    ] = 0.0
    seed: Annotated[
        int, Option("Seed of the faults; the same requests fail for the same seed.")
    ] = 0

    def __post_init__(self) -> None:
        """Check the shares."""
        shares = {name: float(getattr(self, name)) for name in _SHARES}
        given = ", ".join(f"{name} {share:g}" for name, share in shares.items() if share)
        if min(shares.values()) < 0 or sum(shares.values()) > 1 + 1e-9:
            raise ConfigurationError(
                f"Faults are shares of all requests, at most 1 together, and these are {given}"
            )
        super().__post_init__()


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
