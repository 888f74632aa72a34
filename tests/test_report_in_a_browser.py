"""The pages as a reader sees them: in Chromium, from the disk and inside MLflow's own pages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT, Shell
from tests.promotions import registered

PYTHON = ROOT / ".venv-browser" / "bin" / "python"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
    pytest.mark.skipif(not PYTHON.exists(), reason="make nightly installs Playwright"),
]


def look_at(*pages: Path | str) -> None:
    command = [PYTHON, Path(__file__).parent / "browser_program.py", str(CHROMIUM), *pages]
    seen = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert seen.stdout.strip() == "seen", seen.stderr


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
    look_at(shell.folder / "report.html", page)


def test_the_page_of_a_scoring_is_readable_at_every_width(shell: Shell) -> None:
    registered(shell, "prices")
    rows = pd.read_csv(shell.folder / "rows.csv").astype({"x1": object})
    rows["group"] += " with a name that is not short, and ends with_one_word_that_is_longer_still"
    rows.to_csv(shell.folder / "named.csv", index=False)
    trained = shell.trained("--data", "named.csv", "--target", "y", "--budget", "3s")
    rows["x2"] += 2
    rows.loc[::10, "x1"] = "n.a"
    rows.loc[1::10, "group"] = "new"
    rows.to_csv(shell.folder / "new.csv", index=False)
    model = ("--run-id", trained["run_id"])
    options = ("--on-error", "reject", "--max-rejects", "0.2")
    done = shell.score(*model, "--input", "new.csv", "--output", "scored.csv", *options)
    assert done.code == 0, done.err

    look_at(*shell.folder.glob("mlruns/*/*/artifacts/scoring.html"))


def test_the_pages_of_a_verdict_and_of_a_comparison_are_readable_at_every_width(
    shell: Shell,
) -> None:
    runs = [registered(shell, "prices", alpha=0.5)["run_id"]]
    assert shell.mlproject("models", "promote", "prices").code == 0
    runs.append(registered(shell, "prices", alpha=0.01)["run_id"])
    assert shell.mlproject("models", "promote", "prices", "--slice-by", "group").code == 0
    for name, options in (("differing.html", ()), ("all.html", ("--all",))):
        done = shell.mlproject("runs", "compare", *runs, "--html", name, *options)
        assert done.code == 0, done.err

    verdicts = list(shell.folder.glob("mlruns/*/*/artifacts/verdict.html"))
    assert len(verdicts) == 2
    look_at(*verdicts, shell.folder / "differing.html", shell.folder / "all.html")
