"""The score script of an endpoint: azureml-inference-server-http calls ``init`` once, then ``run``.

What it needs of this project lies beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / ".mlproject" / "src"))

from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

from mlproject.base import environ
from mlproject.models.finding import ModelSource
from mlproject.models.opening import open_folder
from mlproject.models.trust import Policy
from mlproject.serving.answering import JSON, Answerer

_held: dict[str, Answerer] = {}


def init() -> None:
    """Open the model; the hash that was trusted when it was deployed is trusted here."""
    folder = min(Path(os.environ[environ.AZUREML_MODEL_DIR]).rglob("MLmodel"), key=_depth).parent
    name = os.environ[environ.SERVED_MODEL]
    source = ModelSource(name, str(folder), version=os.environ[environ.SERVED_VERSION])
    policy = Policy(hashes=frozenset([os.environ[environ.SERVED_SHA256]]))
    model = open_folder(folder, source, policy)
    _held["answerer"] = Answerer(model, os.environ[environ.SERVED_METHOD])
    sys.stdout.write(f"Serving {name}, version {source.version}\n")


@rawhttp  # type: ignore[untyped-decorator]
def run(request: Any) -> Any:
    """Answer one request, which is 400 where no row of it fits the model."""
    answer = _held["answerer"].azure(request.get_data())
    return AMLResponse(answer.content, answer.status, {"Content-Type": JSON})


def _depth(path: Path) -> int:
    return len(path.parts)
