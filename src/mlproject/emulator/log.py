"""The log of requests: a line of JSON each, without queries, headers and bodies."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from werkzeug import Request, Response

from mlproject.emulator.front import FaultyService
from mlproject.emulator.keeping.lines import Lines


@dataclass(frozen=True)
class LoggedRequest:
    """A request that was answered, or whose connection was broken.

    Attributes
    ----------
    time : float
        When it came, in seconds since the epoch.
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


def logged(service: FaultyService, path: Path) -> FaultyService:
    lines = Lines(path)

    def answer(request: Request) -> Response | None:
        came = time.time()
        response = service(request)
        entry = LoggedRequest(
            round(came, 3),
            request.method,
            request.host,
            urlsplit(request.environ["RAW_URI"]).path,  # as it was sent
            response.status_code if response is not None else None,
            round(time.time() - came, 4),
        )
        lines.append(asdict(entry))
        return response

    return answer


def read(path: Path) -> list[LoggedRequest]:
    return [LoggedRequest(**entry) for entry in Lines(path)]
