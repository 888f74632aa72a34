"""A request, an answer, and the routes between them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mlproject.emulator.names import REGION


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Attributes
    ----------
    method, host, target : str
        ``target`` is the path with its query, as it was sent.
    headers : dict of str to str
        Names in lower case.
    body : bytes
    """

    method: str
    host: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The first value of each name in the query."""
        parsed = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body or b"{}")

    def form(self) -> dict[str, str]:
        """Return the body as a form."""
        parsed = parse_qs(self.body.decode(), keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}


@dataclass(frozen=True)
class Answer:
    """What the service says."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def of_json(content: Any, status: int = 200) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, json.dumps(content).encode(), {"Content-Type": "application/json"})


def refused(status: int, code: str | None, message: str) -> Answer:
    """Return an error as the workspace's API words it: an envelope without a top-level message.

    MLflow's code of the error stands beside the envelope; None where the request did not get as
    far as MLflow's API.
    """
    error = {
        "Code": "UserError" if status < 500 else "ServiceError",
        "Severity": None,
        "Message": message,
        "MessageFormat": None,
        "InnerError": None,
    }
    envelope = {
        "Error": error,
        "Correlation": {"operation": None, "request": None},
        "Environment": REGION,
        "Location": REGION,
        "Time": dt.datetime.now(dt.timezone.utc).isoformat(),
        "ComponentName": "mlflow",
    }
    return of_json(envelope if code is None else envelope | {"error_code": code}, status)


def arm_refused(status: int, code: str, message: str) -> Answer:
    """Return an error as Resource Manager words it."""
    return of_json({"error": {"code": code, "message": message}}, status)


MISSING = Answer(404)

Handler = Callable[..., Answer]


class Routes:
    """Handlers by method and pattern of the path; named groups become arguments."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Add a handler for paths that match a pattern as a whole, whatever their case."""
        self._routes.append((method, re.compile(pattern, re.IGNORECASE), handler))

    def __call__(self, request: Request) -> Answer:
        """Answer a request; 404 without a body where there is no route, as the service does."""
        for method, pattern, handler in self._routes:
            if method == request.method and (found := pattern.fullmatch(request.path)):
                return handler(request, **found.groupdict())
        return MISSING
