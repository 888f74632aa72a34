"""The emulated workspace's endpoints, judged by Microsoft's own client of version 2, unmodified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell, saved
from tests.workspace.conftest import emulated, in_workspace
from tests.workspace.test_azure_ai_ml import PYTHON

PROGRAM = Path(__file__).with_name("azure_ai_ml_endpoints_program.py")
SCRIPT = """
import json, os, pathlib

def init():
    path = next(pathlib.Path(os.environ["AZUREML_MODEL_DIR"]).rglob("MLmodel"))
    print("found", path.name)

def run(raw):
    return [len(json.loads(raw)["input_data"]["data"])]
"""
BROKEN = "def init():\n    raise RuntimeError('the model is gone')\n\ndef run(raw):\n    pass\n"
ROWS = pd.DataFrame({"a": [1.0, 2.0, 4.0]})

pytestmark = pytest.mark.nightly


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[EmulatorInstance]:
    if not PYTHON.exists():
        pytest.fail(f"there is no {PYTHON}: make .venv-azure-ai-ml/made.stamp")
    with emulated(tmp_path / "emulator", "--job-delay", "0.1") as running:
        yield running


def test_it_creates_endpoints_and_deployments_that_answer(
    workspace: EmulatorInstance, shell: Shell
) -> None:
    there = in_workspace(shell, workspace)
    fitted = LinearRegression().fit(ROWS, 2 * ROWS["a"])
    saved(there.folder / "model", fitted, ROWS)
    saved(there.folder / "monitored", fitted, ROWS)
    with (there.folder / "monitored" / "conda.yaml").open("a") as stream:
        stream.write("# azureml-ai-monitoring\n")
    (there.folder / "code").mkdir()
    (there.folder / "code" / "score.py").write_text(SCRIPT)
    (there.folder / "code" / "broken.py").write_text(BROKEN)
    (there.folder / "conda.yaml").write_text("dependencies: [python=3.11]\n")
    asked = {"input_data": {"columns": ["a"], "index": [0, 1], "data": [[1.5], [3.0]]}}
    (there.folder / "request.json").write_text(json.dumps(asked))
    done = there.run(str(PYTHON), str(PROGRAM), str(there.folder), PYTHONPATH="")
    assert done.code == 0, done.err
    found = json.loads(done.out.splitlines()[-1])

    address = "https://judged.westeurope.inference.ml.azure.com/score"
    assert found["state"] == ["Succeeded", address, {}]
    assert json.loads(found["blue"]) == [2]
    assert json.loads(found["green"]) == pytest.approx([3.0, 6.0])
    assert found["traffic"] == {"blue": 0, "green": 100}
    assert "found MLmodel" in found["log"]
    assert found["listed"] == ["blue", "green"]
    assert "User container has crashed" in found["red"][0]
    assert found["red"][1] == "RuntimeError: the model is gone"
    assert found["grey"][1] == "ModuleNotFoundError: No module named 'azureml.ai'"
    assert found["left"] == []
