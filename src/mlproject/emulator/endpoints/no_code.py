"""The score script of deployments without one: what the service runs for models of MLflow.

It asks ``pyfunc``, and imports what the service's script imports, which the model's conda.yaml has
to list. https://github.com/Azure/azureml-assets, environment ``mlflow-py312-inference``
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_NEEDED = {"azureml-ai-monitoring": "azureml.ai"}
_held: dict[str, Any] = {}


def init() -> None:
    """Load the model."""
    import mlflow

    (path,) = sorted(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("MLmodel"))[:1]
    requirements = (path.parent / "conda.yaml").read_text(encoding="utf-8")
    for package, module in _NEEDED.items():
        if package not in requirements:
            raise ModuleNotFoundError(f"No module named '{module}'", name=module)
    _held["model"] = mlflow.pyfunc.load_model(str(path.parent))


def run(raw: str) -> Any:
    """Answer one request."""
    import pandas as pd
    from mlflow.pyfunc import scoring_server

    given = json.loads(raw)["input_data"]
    if isinstance(given, dict) and "columns" in given:
        given = pd.DataFrame(given["data"], given["index"], given["columns"])
    server: Any = scoring_server  # whose function is none of its public ones
    return server._get_jsonable_obj(_held["model"].predict(given), pandas_orient="records")
