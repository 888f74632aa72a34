"""``mlflow run -b azureml3``: an MLflow Project as a job of the workspace."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlproject.base.errors import JobError
from mlproject.jobs.options import JobOptions
from tests.conftest import Finished, Shell
from tests.emulator.test_jobs import JobClient
from tests.test_mlflow_run import copied
from tests.workspace.conftest import URI, committed

ON = json.dumps({"compute": "cpu-cluster", "env": {"COLOUR": "blue"}})
THEIRS = {
    "MLproject": (
        "name: theirs\nentry_points:\n  main:\n    parameters:\n      rows: string\n"
        "    command: python count.py --rows {rows}\n"
    ),
    "count.py": (
        "import mlflow, sys\n"
        "with mlflow.start_run():\n"
        "    mlflow.log_metric('lines', len(open(sys.argv[2]).read().splitlines()))\n"
    ),
}


def run(shell: Shell, *arguments: str, config: str = ON, uri: str = URI) -> Finished:
    words = ("-b", "azureml3", "--backend-config", config, *arguments)
    return shell.warm("-m", "mlflow", "run", ".", *words, MLFLOW_TRACKING_URI=uri)


def job_of(done: Finished) -> str:
    """Return the job that was submitted, which standard error names."""
    assert done.code == 0, done.err
    return done.err.rpartition("mlproject jobs logs ")[2].split()[0]


def test_a_project_trains_as_a_job(
    azure_shell: Shell, jobs: JobClient, opened: Callable[[str], Any]
) -> None:
    there = committed(copied(azure_shell), {})
    done = run(there, "-P", "recipe=iris-svc", "-P", "seed=7", "--experiment-name", "by-mlflow")

    name = job_of(done)
    assert jobs.until(name)["status"] == "Completed"
    job = jobs.get(f"jobs/{name}")["properties"]
    assert job["command"] == "python src train iris-svc --seed 7"
    assert job["environmentVariables"]["COLOUR"] == "blue"
    run_ = opened(URI).get_run(name)
    assert run_.data.tags["mlflow.project.backend"] == "azureml3"
    assert run_.data.metrics["accuracy"] > 0.8
    assert opened(URI).get_experiment(run_.info.experiment_id).name == "by-mlflow"


def test_any_project_runs_and_gets_data_of_the_workspace(
    azure_shell: Shell, jobs: JobClient, opened: Callable[[str], Any]
) -> None:
    there = committed(azure_shell, THEIRS)
    (there.folder / "rows.csv").write_text("a\n1\n2\n")
    assert there.mlproject("data", "register", "backend-rows", "rows.csv").code == 0

    name = job_of(run(there, "-P", "rows=azureml:backend-rows"))

    assert jobs.until(name)["status"] == "Completed", jobs.log(name)
    job = jobs.get(f"jobs/{name}")["properties"]
    assert job["command"] == "python count.py --rows ${{inputs.rows}}"
    assert opened(URI).get_run(name).data.metrics["lines"] == 3


def test_python_waits_for_it_and_cancels_it(azure_shell: Shell) -> None:
    there = committed(azure_shell, THEIRS | {"wait.py": WAITING, "sleep.py": "import time\n"})
    (there.folder / "sleep.py").write_text("import time\ntime.sleep(100)\n")
    committed(there, {"fail.py": "raise SystemExit(3)\n"})

    done = there.warm("wait.py", MLFLOW_TRACKING_URI=URI)

    assert done.code == 0, done.err
    assert json.loads(done.out.splitlines()[-1]) == ["FAILED", False, "KILLED", True]
    assert "failed with exit code 3" in done.err


WAITING = """\
import json, mlflow
def started(entry_point):
    return mlflow.run(".", entry_point, backend="azureml3", synchronous=False,
                      backend_config={"compute": "cpu-cluster"})
failed = started("fail.py")
waited = failed.wait()
slow = started("sleep.py")
slow.cancel()
run = mlflow.get_run(slow.run_id)
print(json.dumps([failed.get_status(), waited, slow.get_status(), run.info.status == "KILLED"]))
"""


@pytest.mark.parametrize(
    ("config", "uri", "message"),
    [
        ('{"computee": "cpu-cluster"}', URI, "has no key 'computee'. Did you mean 'compute'?"),
        ('{"compute": 3}', URI, "'compute' in the backend configuration should be a text, not 3"),
        ('{"compute": "none"}', URI, "The workspace has no compute 'none'"),
        ('{"instance_count": "2"}', URI, "'instance_count' in the backend configuration should"),
        ("{}", URI, "--compute is missing. The workspace has cpu-cluster, gpu-cluster"),
        (ON, "sqlite:///mlflow.db", 'eval "$(mlproject tracking env azureml)"'),
    ],
)
def test_what_the_backend_cannot_take_is_told_in_one_line(
    azure_shell: Shell, config: str, uri: str, message: str
) -> None:
    there = committed(azure_shell, THEIRS)

    done = run(there, "-P", "rows=count.py", config=config, uri=uri)

    assert done.code == 1
    assert "Traceback" not in done.err
    assert [line for line in done.err.splitlines() if message in line], done.err


def test_a_parameter_that_means_nothing_is_told_before_anything_is_submitted(
    azure_shell: Shell,
) -> None:
    there = committed(copied(azure_shell), {})

    done = run(there, "-P", "recipe=iris-svm")

    assert done.code == 1
    assert "No recipe 'iris-svm'" in done.err
    assert "Traceback" not in done.err


def test_a_job_that_ends_without_a_run_is_not_waited_for(
    there: Shell, azureml_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlproject.api import submitting
    from mlproject.azure.resources.jobs import Jobs
    from training.request import TrainRequest

    # As when an image does not build: run history never hears of the job.
    monkeypatch.setattr(Jobs, "experiment_id", lambda *_: None)
    monkeypatch.setattr(Jobs, "details", lambda *_: None)
    monkeypatch.chdir(there.folder)
    submission = submitting.training(TrainRequest("iris-svc", target="no such column"))

    with pytest.raises(JobError, match=r"The job 'iris-svc_.*' failed: its status is Failed"):
        submitting.started(submission, JobOptions(compute="cpu-cluster"), None)
