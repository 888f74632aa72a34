"""What can go wrong between a client and a service, on demand."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlproject.emulator.messages import Answer, Request, refused
from mlproject.emulator.state import LOGIN_HOST

Service = Callable[[Request], Answer]


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
    """

    throttled: float = 0.0
    unavailable: float = 0.0
    reset: float = 0.0
    lost: float = 0.0
    delay: float = 0.0
    seed: int = 0


def faulty(service: Service, faults: Faults) -> Callable[[Request], Answer | None]:
    """Return a service with faults; signing in has none, as clients do not repeat it."""
    chance = random.Random(faults.seed)  # noqa: S311 - no secret
    lock = threading.Lock()

    def answer(request: Request) -> Answer | None:
        time.sleep(faults.delay)
        if request.host == LOGIN_HOST:
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


def logged(
    service: Callable[[Request], Answer | None], path: Path
) -> Callable[[Request], Answer | None]:
    """Return a service that writes down each request, as a line of JSON without its secrets."""
    lock = threading.Lock()

    def answer(request: Request) -> Answer | None:
        started = time.time()
        found = service(request)
        entry = {
            "time": round(started, 3),
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "status": found.status if found is not None else None,
            "seconds": round(time.time() - started, 4),
        }
        with lock, path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")
        return found

    return answer


def _later(answer: Answer) -> Answer:
    return Answer(answer.status, answer.body, answer.headers | {"Retry-After": "0"})


def _lost(service: Service, request: Request) -> None:
    service(request)
