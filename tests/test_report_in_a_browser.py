"""The report as a reader sees it: in Chromium, from the disk and inside MLflow's own pages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Shell

PYTHON = ROOT / ".venv-browser" / "bin" / "python"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.skipif(not PYTHON.exists(), reason="make nightly installs Playwright"),
]


@pytest.mark.parametrize("recipe", ["diabetes-lassolars", "iris-svc"])
def test_a_report_is_readable_at_every_width_and_inside_mlflow(
    shell: Shell, server: str, recipe: str
) -> None:
    done = shell.train(recipe, "--tracking", server, "--json")
    assert done.code == 0, done.err
    run_id, experiment = done.json["run_id"], done.json["experiment_id"]
    fetched = shell.python(
        *("-m", "mlflow", "artifacts", "download", "--run-id", run_id),
        *("--artifact-path", "report.html", "--dst-path", str(shell.folder)),
        MLFLOW_TRACKING_URI=server,
    )
    assert fetched.code == 0, fetched.err
    page = f"{server}/#/experiments/{experiment}/runs/{run_id}/artifacts/report.html"
    command = [PYTHON, Path(__file__).parent / "browser_program.py", str(CHROMIUM)]
    seen = subprocess.run(
        [*command, shell.folder / "report.html", page],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert seen.stdout.strip() == "seen", seen.stderr
