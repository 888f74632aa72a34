"""Asks a score script once, as its container would, in the environment of the model.

Run by its path, with the script and the file of a request; prints one JSON object, ``status`` and
``content``, as the last line. It imports nothing of this project, which the script brings itself.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_API = "azureml_inference_server_http.api"


class _Request:
    """The one request, as a script decorated with ``rawhttp`` takes it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def get_data(self) -> bytes:
        return self._body


class _Response:
    """What a script answers with."""

    def __init__(self, message: bytes, status_code: int, headers: dict[str, str]) -> None:
        self.content = message
        self.status_code = status_code

    def get_data(self) -> bytes:
        return self.content


def _stand_in() -> None:
    """Provide the inference server's modules where it is not installed."""
    modules: dict[str, dict[str, Any]] = {
        _API.partition(".")[0]: {},
        _API: {},
        f"{_API}.aml_request": {"rawhttp": lambda function: function},
        f"{_API}.aml_response": {"AMLResponse": _Response},
    }
    for name, content in modules.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules[name] = module


def main(script: str, body: str) -> None:
    """Run ``init``, and ``run`` with the request."""
    if find_spec(_API.partition(".")[0]) is None:
        _stand_in()
    path = Path(script)
    spec = importlib.util.spec_from_file_location("entry_module", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(script)
    module = importlib.util.module_from_spec(spec)
    sys.modules["entry_module"] = module
    spec.loader.exec_module(module)
    module.init()
    answer = module.run(_Request(Path(body).read_bytes()))
    content = json.loads(answer.get_data())
    sys.stdout.write("\n" + json.dumps({"status": answer.status_code, "content": content}) + "\n")


if __name__ == "__main__":
    sys.path.pop(0)  # this folder
    main(*sys.argv[1:])
