"""The log of requests: a line of JSON each, without queries, headers and bodies."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from mlproject.emulator.messages import Answer, Request


@dataclass(frozen=True)
class Logged:
    """A request that was answered, or whose connection was broken.

    Attributes
    ----------
    time : float
        When it came, in seconds since the epoch.
    method, host, path : str
    status : int or None
        None where the connection was broken.
    seconds : float
        Until the answer.
    """

    time: float
    method: str
    host: str
    path: str
    status: int | None
    seconds: float


def logged(
    service: Callable[[Request], Answer | None], path: Path
) -> Callable[[Request], Answer | None]:
    """Return a service that writes down each request."""
    lock = threading.Lock()

    def answer(request: Request) -> Answer | None:
        came = time.time()
        found = service(request)
        seconds = round(time.time() - came, 4)
        status = found.status if found is not None else None
        entry = Logged(round(came, 3), request.method, request.host, request.path, status, seconds)
        with lock, path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(entry)) + "\n")
        return found

    return answer


def read(path: Path) -> list[Logged]:
    """Return the requests in a log, in the order in which they were answered."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Logged(**json.loads(line)) for line in lines]
