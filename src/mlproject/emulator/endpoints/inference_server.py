"""The server in the container of a deployment: a score script behind HTTP, as a process of its own.

Run by its path: it imports nothing of this package, so that the script finds what it brought.
It does what azureml-inference-server-http does with ``init`` and ``run``, ``@rawhttp`` included.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from werkzeug import Request, Response
from werkzeug.serving import WSGIRequestHandler, make_server

_API = "azureml_inference_server_http.api"


class AMLResponse(Response):
    """What a script answers with that chooses the status itself."""

    def __init__(
        self, message: Any, status_code: int, response_headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message, status_code, response_headers or {})


def main(script: str, told: str) -> None:
    """Run a script's ``init``, listen, and write the port to a file."""
    raw: list[Callable[..., Any]] = []
    _stand_in(raw)
    path = Path(script)
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("entry_module", path)
    assert spec is not None  # noqa: S101 - it is a file of Python
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_module"] = module
    spec.loader.exec_module(module)
    module.init()
    run = module.run

    def answer(environment: dict[str, Any], start: Any) -> Any:
        request = Request(environment)
        if request.path != "/score":
            return Response("Healthy")(environment, start)
        return _answered(run, request, is_raw=run in raw)(environment, start)

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=_Quiet)
    part = Path(f"{told}.part")
    part.write_text(str(server.server_port), encoding="utf-8")
    part.replace(told)
    sys.stdout.write("Listening on port 31311\n")
    server.serve_forever()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *arguments: Any) -> None:  # noqa: A002
        """Leave the log to the script."""


def _answered(run: Callable[..., Any], request: Request, *, is_raw: bool) -> Response:
    try:
        result = run(request if is_raw else request.get_data(as_text=True))
    except Exception as error:  # noqa: BLE001 - the client is told, and the log has the rest
        traceback.print_exc()
        return Response(str(error), 500, {"x-ms-run-function-failed": "True"})
    if isinstance(result, Response):
        return result
    return Response(json.dumps(result), content_type="application/json")


def _stand_in(raw: list[Callable[..., Any]]) -> None:
    """Provide the modules of azureml-inference-server-http that scripts import."""

    def rawhttp(function: Callable[..., Any]) -> Callable[..., Any]:
        raw.append(function)
        return function

    packages = {name: ModuleType(name) for name in (_API.partition(".")[0], _API)}
    modules: dict[str, dict[str, Any]] = {
        f"{_API}.aml_request": {"AMLRequest": Request, "rawhttp": rawhttp},
        f"{_API}.aml_response": {"AMLResponse": AMLResponse},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        packages[name] = module
    sys.modules.update(packages)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, with modules of the emulator
    main(*sys.argv[1:])
