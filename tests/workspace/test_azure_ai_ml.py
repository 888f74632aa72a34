"""The emulated workspace's data, judged by Microsoft's own client of version 2, unmodified."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import ROOT, Shell
from tests.workspace.conftest import emulated, in_workspace

PYTHON = ROOT / ".venv-azure-ai-ml" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROGRAM = Path(__file__).with_name("azure_ai_ml_program.py")
TABLE = "paths:\n- file: ./rows.csv\ntransformations:\n- read_delimited\n- keep_columns: a\n"

pytestmark = pytest.mark.nightly


@pytest.fixture(params=["sas", "key", "refused"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> EmulatorInstance:  # type: ignore[misc]
    if not PYTHON.exists():
        pytest.fail(f"there is no {PYTHON}: make .venv-azure-ai-ml/made.stamp")
    with emulated(tmp_path / "emulator", "--secrets", request.param) as running:
        yield running


def test_what_it_registers_is_read_here_and_what_is_registered_here_is_read_by_it(
    workspace: EmulatorInstance, shell: Shell
) -> None:
    there = in_workspace(shell, workspace)
    for name in ("rows.csv", "many/1.csv", "many/2.csv", "table/rows.csv"):
        path = there.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"a,b\n1,{name}\n")
    (there.folder / "table" / "MLTable").write_text(TABLE)
    registered = there.mlproject(
        *("data", "register", "ours", "many", "--description", "of ours", "--tag", "x=1")
    )
    assert registered.code == 0, registered.err
    done = there.run(str(PYTHON), str(PROGRAM), str(there.folder), PYTHONPATH="")
    assert done.code == 0, done.err
    found = json.loads(done.out.splitlines()[-1])

    assert found["default"] == "workspaceblobstore"
    assert {"workspaceblobstore", "workspaceartifactstore", "identity"} <= set(found["datastores"])
    assert found["identity"] == "NoneCredentialConfiguration"
    assert (found["clusters"], found["nodes"]) == ({"cpu-cluster": 4, "gpu-cluster": 1}, 4)
    assert (found["ai-file"], found["ai-folder"]) == (["1", "2"], ["1"])
    assert found["ours"] == ["1", "uri_folder", "of ours", {"x": "1"}]
    assert found["listed"] == ["ai-file", "ai-folder", "ai-table", "ours"]
    assert (found["versions"], found["nothing"]) == (["2", "1"], 404)
    assert found["downloaded"] == ["1.csv", "2.csv"]
    for name, files in (("ai-file:1", 1), ("ai-folder", 2), ("ai-table@latest", 2)):
        got = there.mlproject("data", "get", f"azureml:{name}", "--output", name, "--json")
        assert len(got.json["files"]) == files, got.err
    read = pd.read_csv(there.folder / "ai-file:1" / "rows.csv")
    assert read.to_dict("list") == {"a": [1], "b": ["rows.csv"]}
