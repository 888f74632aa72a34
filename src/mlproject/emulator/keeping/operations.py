"""Long-running operations of Resource Manager: started by one request, asked about by others."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.identities import ARM_HOST, REGION, SUBSCRIPTION
from mlproject.emulator.messages import Routes, arm_error, json_response

_PATH = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices"
    f"/locations/{REGION}/mfeOperationsStatus"
)


class Operations:
    """What is under way, and how what was has ended; nothing of it outlasts the emulator."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def started(self, work: Callable[[], str | None]) -> dict[str, str]:
        """Begin in a thread, and return the headers that tell where to ask.

        ``work`` returns why it has failed.
        """
        name = f"oe:{uuid.uuid4()}:{uuid.uuid4()}"
        self._known[name] = {"status": "InProgress"}

        def run() -> None:
            try:
                problem = work()
            except Exception as error:  # noqa: BLE001 - a thread's end; the client is to hear of it
                problem = f"{type(error).__name__}: {error}"
            if problem is None:
                self._known[name] = {"status": "Succeeded"}
            else:
                error_of = {"code": "BadArgument", "message": problem}
                self._known[name] = {"status": "Failed", "error": error_of}

        threading.Thread(target=run, daemon=True).start()
        address = f"https://{ARM_HOST}{_PATH}/{name}?api-version=2025-12-01"
        return {"Azure-AsyncOperation": address, "Location": address, "Retry-After": "0"}

    def add_routes(self, routes: Routes) -> None:
        def status(request: Request, name: str) -> Response:
            found = self._known.get(name)
            if found is None:
                return arm_error(404, "OperationNotFound", f"There is no operation {name}.")
            response = json_response(found)
            response.headers["Retry-After"] = "0"
            return response

        routes.add("GET", rf"{_PATH}/(?P<name>[^/]+)", status)
