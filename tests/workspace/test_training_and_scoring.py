"""The two jobs in a workspace: the same run tree as anywhere, also when everything goes wrong."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell, children_of
from tests.workspace.conftest import URI, emulated, in_workspace

# What differs between any two runs: times, places, and the ids of runs.
_TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")


@pytest.fixture
def opened(
    azureml_workspace: EmulatorInstance, client: Callable[[str], Any]
) -> Callable[[str], Any]:
    return client


def tree(client: Any, run_id: str) -> dict[str, Any]:
    """Return what a run and its children hold, without what differs between any two runs."""
    import mlflow

    mlflow.set_tracking_uri(client.tracking_uri)  # MLflow lists a run's models there
    run = client.get_run(run_id)
    return {
        "run": _content(run),
        "children": [
            _content(child) for child in children_of(client, run.info.experiment_id, run_id)
        ],
        "datasets": [
            (item.dataset.name, item.dataset.digest, item.dataset.profile)
            for item in run.inputs.dataset_inputs
        ],
        "artifacts": _artifacts(client, run_id),
        "models": len(run.outputs.model_outputs),
    }


def _content(run: Any) -> dict[str, Any]:
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": {k: v for k, v in run.data.metrics.items() if k not in _TIMES},
        "tags": {k: v for k, v in run.data.tags.items() if k.startswith("mlproject.")},
    }


def _artifacts(client: Any, run_id: str) -> set[str]:
    """Return the paths of all files, those of the model among them."""
    found: set[str] = set()
    todo: list[str | None] = [None, "best_estimator"]
    while todo:
        for item in client.list_artifacts(run_id, todo.pop()):
            if item.is_dir:
                todo.append(item.path)
            else:
                found.add(item.path)
    return found


def test_the_run_tree_is_that_of_the_file_store(
    azure_shell: Shell, opened: Callable[[str], Any]
) -> None:
    there = azure_shell.trained("--tracking", "azureml", "--seed", "7")
    here = azure_shell.trained("--tracking", "local", "--seed", "7")

    local = opened((azure_shell.folder / "mlruns").as_uri())
    assert there["tracking_uri"] == URI
    assert there["metrics"] == here["metrics"]
    assert tree(opened(URI), there["run_id"]) == tree(local, here["run_id"])


# A quarter of all requests fail; ``make bench-workspace`` has half of them fail.
FAULTS = ["--token-life", "3", "--throttled", "0.05", "--unavailable", "0.05", "--gateway", "0.05"]
FAULTS += ["--reset", "0.05", "--lost", "0.05", "--retry-after", "0", "--seed", "3"]


def test_with_every_fault_at_once_everything_is_there_exactly_once(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Callable[[str], Any]
) -> None:
    expected = shell.trained("iris-svc", "--tracking", "local", "--seed", "7")
    local = tree(client((shell.folder / "mlruns").as_uri()), expected["run_id"])
    with emulated(tmp_path / "emulator", *FAULTS) as running:
        there = in_workspace(shell, running)
        trained = there.trained(
            "iris-svc", "--tracking", "azureml", "--seed", "7", "--register", "flowers"
        )
        header = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"
        (shell.folder / "in.csv").write_text(header + "5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n" * 50)
        scored = there.score(
            *("--run-id", trained["run_id"], "--tracking", "azureml"),
            *("--input", "in.csv", "--output", "out.csv", "--json"),
        )
        assert scored.code == 0, scored.err
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        opened = client(URI)
        found = tree(opened, trained["run_id"])
        experiment = opened.get_run(trained["run_id"]).info.experiment_id
        runs = opened.search_runs([experiment], max_results=1000)
        versions = opened.search_model_versions("name='flowers'")
    assert found == local
    assert len(runs) == 1 + len(found["children"]) + 1  # the scoring run
    assert [version.version for version in versions] == ["1"]
    assert scored.json["rows_out"] == 100


def test_scoring_a_registered_model_gives_what_scoring_its_run_gives(azure_shell: Shell) -> None:
    trained = azure_shell.trained("--tracking", "azureml", "--register", "for-scoring")
    (azure_shell.folder / "in.csv").write_text(
        "age,sex,bmi,bp,s1,s2,s3,s4,s5,s6\n" + "0.1,0.2,0.1,0.3,0.1,0.2,0.1,0.1,0.1,0.2\n" * 20
    )
    for given, output in (
        (("--run-id", trained["run_id"]), "a.csv"),
        (("--model", "models:/for-scoring/1"), "b.csv"),
    ):
        done = azure_shell.score(
            *given, "--tracking", "azureml", "--input", "in.csv", "--output", output
        )
        assert done.code == 0, done.err

    first, second = (azure_shell.folder / name for name in ("a.csv", "b.csv"))
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_text().splitlines()) == 21


def test_the_choice_is_saved_and_the_summary_links_to_the_studio(azure_shell: Shell) -> None:
    used = azure_shell.mlproject("tracking", "use", "azureml")
    shown = azure_shell.mlproject("tracking", "show")
    exported = azure_shell.mlproject("tracking", "env")
    trained = azure_shell.train()

    assert used.code == 0, used.err
    assert "the Azure ML workspace 'workspace' at westeurope.api.azureml.ms" in shown.out
    assert f"export MLFLOW_TRACKING_URI={URI}" in exported.out
    assert "https://ml.azure.com/runs/" in trained.out


RECIPE = """\
name: slow
task: regression
data: {source: "sklearn:diabetes", target: target}
imports: [slow]
pipeline:
  - model: "slow:Slow"
search: {kind: grid, parameters: {model__alpha: [0.1, 1.0]}, folds: 2, scoring: [r2]}
metrics: [r2]
"""
SLOW = """\
import os, time
from sklearn.linear_model import Lasso

class Slow(Lasso):
    def fit(self, X, y, sample_weight=None, check_input=True):
        if os.environ.get("LOSE"):
            open("gone", "w").close()
        time.sleep(float(os.environ.get("SLEEP", "0")))
        return super().fit(X, y, sample_weight, check_input)
"""


AZ = """\
#!{python}
import json, os, sys, time
if os.path.exists({gone!r}):
    sys.exit("ERROR: AADSTS70043: The refresh token has expired. Please run: az login")
import requests
form = {{"client_id": {client!r}, "client_secret": {secret!r}, "scope": "https://management.azure.com"}}
url = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
answer = requests.post(url, form | {{"grant_type": "client_credentials"}}).json()
token = {{"accessToken": answer["access_token"], "expires_on": int(answer["expires_on"])}}
print(json.dumps(token))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for az is a script")
def test_a_credential_that_is_gone_ends_with_one_line_and_the_run_is_finished_later(
    shell: Shell, tmp_path: Path
) -> None:
    az = shell.folder / "az"
    az.write_text(
        AZ.format(
            python=sys.executable,
            gone=str(shell.folder / "gone"),
            client=identities.CLIENT_ID,
            secret=identities.CLIENT_SECRET,
            tenant=identities.TENANT,
        )
    )
    az.chmod(0o755)
    (shell.folder / "slow.yaml").write_text(RECIPE)
    (shell.folder / "slow.py").write_text(SLOW)
    with emulated(tmp_path / "emulator", "--token-life", "2") as running:
        bare = {k: v for k, v in running.environment.items() if not k.startswith("AZURE_")}
        path = f"{shell.folder}{os.pathsep}{shell.environment['PATH']}"
        there = Shell(shell.folder, shell.environment | bare | {"PATH": path})
        lost = there.train("slow.yaml", "--tracking", "azureml", LOSE="1", SLEEP="1.5")

        assert lost.code == 4, lost.err
        assert "AADSTS70043" in lost.error
        (shell.folder / "gone").unlink()
        assert "Finish it later with MLFLOW_RUN_ID=" in lost.error
        run_id = lost.error.partition("MLFLOW_RUN_ID=")[2].split()[0]
        later = there.train("slow.yaml", "--tracking", "azureml", "--json", MLFLOW_RUN_ID=run_id)

    assert later.code == 0, later.err
    assert later.json["run_id"] == run_id
    assert later.json["children"] == 2


def test_a_run_longer_than_its_token_loses_nothing(shell: Shell, tmp_path: Path) -> None:
    (shell.folder / "slow.yaml").write_text(RECIPE)
    (shell.folder / "slow.py").write_text(SLOW)
    with emulated(tmp_path / "emulator", "--token-life", "1") as running:
        done = in_workspace(shell, running).train(
            "slow.yaml", "--tracking", "azureml", "--json", SLEEP="0.5"
        )

    assert done.code == 0, done.err
    assert done.json["children"] == 2


def test_a_job_joins_its_own_run_with_its_own_token(
    azure_shell: Shell, azureml_workspace: EmulatorInstance, client: Callable[[str], Any]
) -> None:
    opened = client(URI)
    experiment = opened.create_experiment("of-a-job")
    run_id = opened.create_run(experiment).info.run_id
    environment = azureml_workspace.job_environment(run_id, experiment, "of-a-job")
    kept = {k: v for k, v in azure_shell.environment.items() if not k.startswith("AZURE")}
    kept.pop("MLPROJECT_WORKSPACE")
    job = Shell(azure_shell.folder, kept | environment)

    done = job.train("--json")

    assert done.code == 0, done.err
    assert done.json["run_id"] == run_id
    run = opened.get_run(run_id)
    assert run.info.status == "RUNNING"  # the job ends it
    assert run.data.metrics["nrmse"] > 0
    assert json.dumps(dict(run.data.tags)).count("eyJ") == 0  # no token in a tag


def test_a_model_of_the_workspace_brings_its_profile_and_the_page_is_beside_the_scoring(
    azure_shell: Shell, opened: Callable[[str], Any]
) -> None:
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True).data
    frame.assign(bmi=frame["bmi"] + frame["bmi"].std()).to_csv(
        azure_shell.folder / "new.csv", index=False
    )
    trained = azure_shell.trained("--tracking", "azureml", "--register", "profiled")
    for model in (trained["model_uri"], "models:/profiled/1"):
        given = ("--model", model, "--tracking", "azureml", "--max-drift", "0.2", "--json")
        done = azure_shell.score(*given, "--input", "new.csv", "--output", "out.csv", "--overwrite")

        assert done.code == 6, done.err
        assert done.json["drift"]["column"] == "bmi"
        listed = opened(URI).list_artifacts(done.json["scoring_run_id"])
        assert "scoring.html" in [item.path for item in listed]
