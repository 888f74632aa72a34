"""Requests with JSON, responses of JSON, how each API words an error, and the routes between."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import REGION

Service = Callable[[Request], Response]


def json_of(request: Request) -> Any:
    """Return a request's body as JSON, whatever it says that it is."""
    return json.loads(request.get_data() or b"{}")


def json_response(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


def missing() -> Response:
    """Return what the service answers where it has nothing: 404 without a body."""
    return Response(status=404)


def api_error(status: int, code: str | None, message: str) -> Response:
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
    return json_response(envelope if code is None else envelope | {"error_code": code}, status)


def arm_error(status: int, code: str, message: str) -> Response:
    return json_response({"error": {"code": code, "message": message}}, status)


class Routes:
    """Handlers by method and pattern of the path; named groups become arguments.

    Azure's paths are the same in any case, which werkzeug's routing does not know.
    """

    def __init__(self, otherwise: Service = lambda _: missing()) -> None:
        self._otherwise = otherwise
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = []

    def add(self, method: str, pattern: str, handler: Callable[..., Response]) -> None:
        """Add a handler for paths that match a pattern as a whole, whatever their case."""
        compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        self._routes.append((method, compiled, handler))

    def __call__(self, request: Request) -> Response:
        for method, pattern, handler in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                return handler(request, **match.groupdict())
        return self._otherwise(request)
