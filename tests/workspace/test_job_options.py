"""Where a job runs and what it gets: from options, from the project's settings, and here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.conftest import Shell
from tests.emulator.test_jobs import JobClient, new_job
from tests.workspace.conftest import URI, committed
from tests.workspace.test_jobs import FAILING, FLOWERS, ON, submit
from tests.workspace.test_training_and_scoring import tree

WORDS = FAILING[: -len(ON)]
ROWS = FLOWERS + "5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n" * 20


def planned(shell: Shell, *arguments: str) -> dict[str, Any]:
    """Return the properties of the job that would be submitted."""
    done = submit(shell, *WORDS, *arguments, "--dry-run", "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json["body"]["properties"]
    return found


def test_a_serverless_job_names_a_machine_and_no_cluster(there: Shell, jobs: JobClient) -> None:
    words = ("--instance-type", "Standard_DS3_v2", "--no-wait", "--json")
    done = submit(there, *WORDS, *words)

    assert done.code == 0, done.err
    assert done.json["compute"] == "serverless"
    assert jobs.until(done.json["job"])["status"] == "Failed"  # as the command does, having run
    found = jobs.get(f"jobs/{done.json['job']}")["properties"]
    assert "computeId" not in found
    assert found["resources"] == {"instanceCount": 1, "instanceType": "Standard_DS3_v2"}


def test_a_job_that_acts_for_its_submitter_takes_a_token_along(
    there: Shell, jobs: JobClient
) -> None:
    done = submit(there, *FAILING, "--identity", "user", "--no-wait", "--json")

    assert done.code == 0, done.err
    found = jobs.get(f"jobs/{done.json['job']}")["properties"]
    assert found["identity"] == {"identityType": "UserIdentity"}
    without = jobs.put("jobs/nobodys", new_job("true", identity=found["identity"]))
    assert without.status_code == 400
    assert "x-azureml-token" in without.json()["error"]["message"]


def test_an_image_makes_an_environment_of_its_own(there: Shell, jobs: JobClient) -> None:
    done = submit(there, *FAILING, "--image", "some/gpu:1", "--no-wait", "--json")

    assert done.code == 0, done.err
    environment = jobs.get(f"jobs/{done.json['job']}")["properties"]["environmentId"]
    assert jobs.get(environment.partition("/workspaces/")[2].partition("/")[2])["properties"][
        "image"
    ] == ("some/gpu:1")
    assert planned(there, *ON)["environmentId"] != environment


def test_the_settings_of_a_project_say_what_options_do_not(there: Shell) -> None:
    settings = {"compute": "gpu-cluster", "instance_count": 1, "timeout": "2h"}
    (there.folder / ".mlproject.yaml").write_text(yaml.safe_dump({"jobs": settings}))

    saved = planned(there)
    given = planned(there, *ON, "--timeout", "90s")

    assert saved["computeId"].endswith("/gpu-cluster")
    assert saved["limits"]["timeout"] == "PT7200S"
    assert given["computeId"].endswith("/cpu-cluster")
    assert given["limits"]["timeout"] == "PT90S"


def test_settings_that_could_lead_a_job_elsewhere_are_believed_once_they_are_allowed(
    there: Shell,
) -> None:
    jobs = {"compute": "cpu-cluster", "env": {"HTTPS_PROXY": "http://elsewhere"}}
    (there.folder / ".mlproject.yaml").write_text(yaml.safe_dump({"jobs": jobs}))

    refused = submit(there, *WORDS, "--dry-run")
    overridden = planned(there, "--env", "A=b")
    allowed = there.mlproject("allow", "--json")
    believed = planned(there)

    assert refused.code == 2
    assert "jobs.env" in refused.error
    assert "which you have not allowed" in refused.error
    assert "HTTPS_PROXY" not in overridden["environmentVariables"]
    assert allowed.json["allowed"] == ['jobs.env: {"HTTPS_PROXY": "http://elsewhere"}']
    assert believed["environmentVariables"]["HTTPS_PROXY"] == "http://elsewhere"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"computer": "a"}, "has no key 'computer'. Did you mean 'compute'?"),
        ({"compute": ["a"]}, "'compute' in 'jobs' of"),
        ({"instance_count": 0}, "'instance_count': 0 is not at least 1"),
        ({"timeout": "soon"}, "--timeout is 'soon'"),
        ("cpu-cluster", "should hold 'compute: NAME' or the like"),
        (
            {"compute": "cpu-cluster", "instance_type": "S"},
            "--instance-type is for serverless jobs",
        ),
    ],
)
def test_settings_that_mean_nothing_are_told(there: Shell, content: Any, message: str) -> None:
    (there.folder / ".mlproject.yaml").write_text(yaml.safe_dump({"jobs": content}))

    done = submit(there, *WORDS)

    assert done.code == 2
    assert message in done.error


def test_choosing_a_target_leaves_the_settings_of_jobs_alone(there: Shell) -> None:
    path = there.folder / ".mlproject.yaml"
    path.write_text("jobs: {compute: cpu-cluster}\n")

    assert there.mlproject("tracking", "use", "local").code == 0

    assert yaml.safe_load(path.read_text()) == {
        "tracking": "local",
        "jobs": {"compute": "cpu-cluster"},
    }


def test_a_local_job_gives_the_run_of_a_training_here(
    shell: Shell, client: Callable[[str], Any]
) -> None:
    there = committed(shell, {"notes.txt": "of ours"})
    here = there.train("iris-svc", "--tracking", "local", "--seed", "7", "--json").json
    done = submit(there, "train", "iris-svc", "--seed", "7", "--compute", "local", "--json")

    assert done.code == 0, done.err
    assert (done.json["status"], done.json["exit_code"]) == ("Completed", 0)
    store = client((there.folder / "mlruns").as_uri())
    found = tree(store, done.json["run_id"])
    found["artifacts"] -= {"user_logs/std_log.txt"}
    assert found == tree(store, here["run_id"])
    assert "Fitting iris-svc: 6 candidates" in done.err


def test_a_local_job_records_in_a_workspace_and_reads_its_data(
    there: Shell, opened: Callable[[str], Any]
) -> None:
    rows = "".join(f"{n * 7 % 11},{n * 7 % 11 * 2}\n" for n in range(60))
    (there.folder / "rows.csv").write_text(f"a,y\n{rows}")
    assert there.mlproject("data", "register", "local-rows", "rows.csv").code == 0
    words = ("--data", "azureml:local-rows", "--target", "y", "--budget", "3")

    done = submit(there, "train", *words, "--compute", "local", "--tracking", "azureml", "--json")

    assert done.code == 0, done.err
    run = opened(URI).get_run(done.json["run_id"])
    assert (run.info.status, run.data.tags["mlproject.data.rows"]) == ("FINISHED", "60")
    assert done.json["run_id"] in done.json["studio"]


def test_a_local_job_that_fails_or_takes_too_long_ends_as_on_a_cluster(
    shell: Shell, client: Callable[[str], Any]
) -> None:
    there = committed(shell, {"notes.txt": "of ours"})
    failed = submit(there, *WORDS, "--compute", "local", "--json")
    slow = submit(there, "train", "iris-svc", "--compute", "local", "--timeout", "1s", "--json")

    assert (failed.code, slow.code) == (3, 130)
    assert "The job failed with exit code 3; its last line: No target 'nothing'" in failed.err
    assert "The job was cancelled: it has run for longer than 1 s" in slow.err
    store = client((there.folder / "mlruns").as_uri())
    assert store.get_run(failed.json["run_id"]).info.status == "FAILED"
    assert store.get_run(slow.json["run_id"]).info.status == "KILLED"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_a_local_job_that_is_interrupted_ends_with_its_run(
    shell: Shell, client: Callable[[str], Any]
) -> None:
    there = committed(shell, {"notes.txt": "of ours"})
    words = ("-m", "mlproject", "submit", "train", "digits-logistic", "--compute", "local")
    process: Any = there.start(*words)
    while not list(there.folder.glob("mlruns/*/*/tags/mlproject.task")):  # training has begun
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert process.poll() == 130, err
    assert "The job was cancelled: it was interrupted" in err
    store = client((there.folder / "mlruns").as_uri())
    experiment = store.get_experiment_by_name("digits-logistic")
    (run,) = store.search_runs([experiment.experiment_id], "tags.`mlproject-job` = 'train'")
    assert run.info.status == "KILLED"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--no-wait",), "--no-wait needs a cluster, but --compute is local"),
        (("--environment", "e"), "--environment needs a cluster"),
        (("--instance-count", "2"), "--instance-count needs a cluster"),
        (("--dry-run",), "There is no request for --compute local"),
        (("--image", "a", "--environment", "e"), "--image and --environment exclude each other"),
    ],
)
def test_what_a_local_job_cannot_have_is_told(
    shell: Shell, words: tuple[str, ...], message: str
) -> None:
    there = committed(shell, {"notes.txt": "of ours"})

    done = submit(there, *WORDS, "--compute", "local", *words)

    assert done.code == 2
    assert message in done.error


@pytest.mark.parametrize("kind", ["file", "folder", "asset"])
def test_a_scoring_job_writes_into_the_workspace(
    azure_shell: Shell, opened: Callable[[str], Any], kind: str, name: str
) -> None:
    there = committed(azure_shell, {"notes.txt": "of ours"})
    (there.folder / "new.csv").write_text(ROWS)
    assert there.mlproject("data", "register", f"{name}-new", "new.csv").code == 0
    trained = there.trained("iris-svc", "--tracking", "azureml")
    store = f"azureml://datastores/workspaceblobstore/paths/{name}"
    output = {"file": f"{store}/p.csv", "folder": f"{store}/", "asset": f"azureml:{name}"}[kind]
    words = ("--run-id", trained["run_id"], "--input", f"azureml:{name}-new", "--output", output)

    done = submit(there, "score", *words, *ON, "--json")

    assert done.code == 0, done.err
    run = opened(URI).get_run(done.json["run_id"])
    assert run.data.tags["mlproject.input.source"] == f"azureml:{name}-new:1"
    got = there.mlproject("data", "get", output, "--output", "got", "--json")
    assert got.code == 0, got.err
    files = [path for path in Path(there.folder / "got").rglob("*") if path.suffix == ".csv"]
    if kind != "file":
        files = [path for path in Path(there.folder / "got").rglob("part-*") if path.is_file()]
    read = [pd.read_csv(p) if p.suffix == ".csv" else pd.read_parquet(p) for p in files]
    assert sum(map(len, read)) == 40
    if kind == "asset":
        shown = there.mlproject("data", "show", f"azureml:{name}", "--json")
        (version,) = shown.json["versions"]
        assert (version["version"], version["type"]) == ("1", "uri_folder")
