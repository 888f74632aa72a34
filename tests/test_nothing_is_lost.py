"""What happens to a run when the server, the process or the fit does not do as hoped."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell, children_of
from tests.proxy import proxied

SLOW = """
import time, pathlib
from sklearn.linear_model import Ridge
class Slow(Ridge):
    def fit(self, X, y):
        pathlib.Path("fitting").touch()
        time.sleep(60)
        return super().fit(X, y)
def build():
    return Slow()
"""
SLOW_RECIPE = (
    "{name: slow, task: regression, imports: [slow], pipeline: 'slow:build',"
    " data: {source: 'sklearn:diabetes', target: target}, search: {kind: none}, metrics: [r2]}"
)


def slow_training(shell: Shell, *arguments: str, seconds: int = 60) -> Any:
    """Start a training and return once it fits."""
    (shell.folder / "slow.py").write_text(SLOW.replace("60", str(seconds)))
    (shell.folder / "slow.yaml").write_text(SLOW_RECIPE)
    command = ["-m", "training", "slow.yaml", "--json", *arguments]
    process = shell.start(*command, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    for _ in range(600):
        if (shell.folder / "fitting").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_is_marked_killed(shell: Shell, client: Any, sent: signal.Signals) -> None:
    process = slow_training(shell)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    store = client((shell.folder / "mlruns").as_uri())
    experiment = store.get_experiment_by_name("slow").experiment_id
    (run,) = store.search_runs([experiment])

    assert process.returncode == 130
    assert err.splitlines()[-1] == "Error: Interrupted."
    assert json.loads(out)["exit_code"] == 130
    assert run.info.status == "KILLED"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_killed_while_children_are_written_leaves_none_half_written(
    shell: Shell, client: Any
) -> None:
    alphas = ",".join(str(number / 100) for number in range(1, 301))
    process = shell.start("-m", "training", "--param", f"model__alpha={alphas}", "--json")
    written = (shell.folder / "mlruns").glob
    while process.poll() is None and len(list(written("*/*/tags/mlproject.candidate"))) < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    store = client((shell.folder / "mlruns").as_uri())
    experiment = store.get_experiment_by_name("diabetes-lassolars").experiment_id
    runs = store.search_runs([experiment], max_results=1000)
    children = children_of(store, experiment, json.loads(out)["run_id"])

    assert process.returncode == 130, err
    assert len(runs) == len(children) + 1
    assert 5 <= len(children) < 300
    assert all("mean_test_score" in child.data.metrics for child in children)
    assert {child.info.status for child in children} == {"FINISHED"}
    assert store.get_run(json.loads(out)["run_id"]).info.status == "KILLED"


def test_a_run_that_was_already_started_is_joined(shell: Shell, client: Any) -> None:
    uri = f"sqlite:///{shell.folder.as_posix()}/mlflow.db"
    store = client(uri)
    experiment = store.create_experiment("theirs", (shell.folder / "theirs").as_uri())
    started = store.create_run(experiment)
    result = shell.trained(MLFLOW_RUN_ID=started.info.run_id, MLFLOW_TRACKING_URI=uri)

    assert (result["run_id"], result["experiment"]) == (started.info.run_id, "theirs")
    assert len(store.search_runs([experiment])) == 1 + 5


def test_joining_a_run_twice_makes_no_second_child(shell: Shell, client: Any) -> None:
    uri = f"sqlite:///{shell.folder.as_posix()}/mlflow.db"
    store = client(uri)
    experiment = store.create_experiment("theirs", (shell.folder / "theirs").as_uri())
    started = store.create_run(experiment)
    given = {"MLFLOW_RUN_ID": started.info.run_id, "MLFLOW_TRACKING_URI": uri}
    first = shell.train("--json", **given)
    again = shell.train("--json", **given)

    assert first.code == 0, first.err
    assert again.code == 0, again.err
    assert len(children_of(store, experiment, started.info.run_id)) == 5


def test_a_run_that_is_not_there_cannot_be_joined(shell: Shell) -> None:
    done = shell.train(MLFLOW_RUN_ID="0" * 32)

    assert done.code == 4
    assert "cannot be joined" in done.error


def test_a_child_takes_three_requests(shell: Shell, server: str) -> None:
    counts: list[Counter[str]] = []
    for alphas in ("0.1,0.2", "0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0,1.1,1.2"):
        with proxied(server) as proxy:
            shell.trained("--param", f"model__alpha={alphas}", "--tracking", proxy.address)
            counts.append(proxy.requests)

    of_runs = [
        sum(number for path, number in count.items() if path.startswith("runs/"))
        for count in counts
    ]
    assert of_runs[1] - of_runs[0] == 3 * 10


def test_what_autologging_could_not_write_is_told_and_had_by_finishing_the_run(
    shell: Shell, server: str, client: Any
) -> None:
    def denied(path: str, body: bytes) -> str | bool:
        return "PERMISSION_DENIED" if path == "runs/log-batch" and b'"training_' in body else False

    with proxied(server, denied) as proxy:
        failed = shell.train("--tracking", proxy.address, "--json")
    run_id = failed.json["run_id"]
    lost = client(server).get_run(run_id)
    finished = shell.train("--tracking", server, "--json", MLFLOW_RUN_ID=run_id)
    run = client(server).get_run(run_id)

    assert failed.code == 4
    assert "autologging has not written all it had" in failed.error
    assert f"Finish it later with MLFLOW_RUN_ID={run_id}" in failed.error
    assert lost.info.status == "FAILED"
    assert "training_score" not in lost.data.metrics
    assert "nrmse" in lost.data.metrics
    assert finished.code == 0, finished.err
    assert "training_score" in run.data.metrics
    assert run.info.status == "FINISHED"


def test_what_a_server_will_never_take_of_autologging_is_a_warning(
    shell: Shell, server: str
) -> None:
    def refuses(path: str, body: bytes) -> bool:
        return path == "runs/log-batch" and b'"training_' in body

    with proxied(server, refuses) as proxy:
        done = shell.train("--tracking", proxy.address)

    assert done.code == 0, done.err
    assert "Warning: MLflow's autologging has not written all it had" in done.err


def test_a_child_whose_numbers_were_refused_once_is_completed(shell: Shell, server: str) -> None:
    refused: list[bytes] = []

    def once(path: str, body: bytes) -> bool:
        if path == "runs/log-batch" and b"mean_test_score" in body and not refused:
            refused.append(body)
            return True
        return False

    with proxied(server, once) as proxy:
        result = shell.trained("--tracking", proxy.address)
        from mlflow import MlflowClient

        store = MlflowClient(tracking_uri=proxy.address)
        children = children_of(store, result["experiment_id"], result["run_id"])

    assert refused
    assert len(children) == 5
    assert all("mean_test_score" in child.data.metrics for child in children)
    assert {child.info.status for child in children} == {"FINISHED"}


def test_a_child_that_cannot_be_completed_is_named_and_the_exit_code_is_4(
    shell: Shell, server: str
) -> None:
    def always(path: str, body: bytes) -> bool:
        return path == "runs/log-batch" and b'"value": "0.25"' in body

    with proxied(server, always) as proxy:
        done = shell.train("--tracking", proxy.address, "--json")
        from mlflow import MlflowClient

        run = MlflowClient(tracking_uri=proxy.address).get_run(done.json["run_id"])

    assert run.data.metrics["nrmse"] == pytest.approx(0.1769, abs=1e-3)
    assert len(run.outputs.model_outputs) == 1
    assert done.code == 4
    assert "1 of 5 candidates was not recorded: 3 (" in done.error
    assert "refused" in done.error
    assert run.info.status == "FAILED"


def test_what_autologging_dropped_from_the_parent_is_written(shell: Shell, server: str) -> None:
    refused: list[bytes] = []

    def autologging(path: str, body: bytes) -> bool:
        if path == "runs/log-batch" and b"best_cv_score" in body and not refused:
            refused.append(body)
            return True
        return False

    with proxied(server, autologging) as proxy:
        result = shell.trained("--tracking", proxy.address)
        from mlflow import MlflowClient

        run = MlflowClient(tracking_uri=proxy.address).get_run(result["run_id"])

    assert refused
    assert run.data.metrics["best_cv_score"] == pytest.approx(-result["metrics"]["cv_rmse"])
    assert run.data.params["best_model__alpha"] == "0.1"


def test_a_server_that_dies_during_the_fit_ends_in_one_line(shell: Shell, server: str) -> None:
    with proxied(server) as proxy:
        process = slow_training(shell, "--tracking", proxy.address, seconds=6)
        proxy.dead = True
    out, err = process.communicate(timeout=120)

    assert process.returncode == 4, err
    assert "Traceback" not in err
    assert json.loads(out)["run_id"]
    assert err.splitlines()[-1].startswith("Error: ")


def test_a_model_that_cannot_be_registered_leaves_a_finished_run(shell: Shell, server: str) -> None:
    with proxied(server, lambda path, body: path == "model-versions/create") as proxy:
        done = shell.train("--tracking", proxy.address, "--register", "mine", "--json")
        from mlflow import MlflowClient

        run = MlflowClient(tracking_uri=proxy.address).get_run(done.json["run_id"])

    assert done.code == 4
    assert "is complete, but its model cannot be registered as 'mine'" in done.error
    assert run.info.status == "FINISHED"


def test_a_full_disk_is_one_line(shell: Shell) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = shell.run(
        "bash", "-c", f"ulimit -f 40; exec {sys.executable} -m training digits-logistic --json"
    )

    assert done.code in (4, 5), done.err
    assert "File too large" in done.error
