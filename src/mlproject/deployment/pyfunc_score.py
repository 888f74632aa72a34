"""What the service's own script does with a model of MLflow, to be tried before a deployment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

_held: dict[str, Any] = {}


def init() -> None:
    """Load the model."""
    found = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("MLmodel")
    folder = min(found, key=lambda path: len(path.parts)).parent
    _held["model"] = mlflow.pyfunc.load_model(str(folder))


@rawhttp  # type: ignore[untyped-decorator]
def run(request: Any) -> Any:
    """Answer one request."""
    given = json.loads(request.get_data())["input_data"]
    frame = pd.DataFrame(given["data"], given["index"], given["columns"])
    made = _held["model"].predict(frame)
    is_frame = isinstance(made, pd.DataFrame)
    content = made.to_dict("records") if is_frame else pd.Series(list(made)).tolist()
    return AMLResponse(json.dumps(content).encode(), 200, {"Content-Type": "application/json"})
