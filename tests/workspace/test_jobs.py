"""Commands as jobs: submitted, followed, left and found again, cancelled, and refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from mlproject.jobs.following import JobLog
from tests.conftest import ROOT, Finished, Shell
from tests.emulator.conftest import Client
from tests.emulator.test_jobs import JobClient
from tests.workspace.conftest import URI, committed, emulated, in_workspace
from tests.workspace.test_training_and_scoring import tree

ON = ("--compute", "cpu-cluster")
# Fails before anything is fitted.
FAILING = ("train", "--data", "sklearn:iris", "--target", "nothing", *ON)
FLOWERS = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"


def submit(shell: Shell, *arguments: str) -> Finished:
    return shell.mlproject("submit", *arguments)


def last_error(done: Finished) -> str:
    """Return the line that a command ends with; the log of a job may have such lines as well."""
    return done.err.rstrip().splitlines()[-1]


def test_a_jobs_run_tree_is_that_of_the_laptop(
    there: Shell, opened: Callable[[str], Any], jobs: JobClient
) -> None:
    here = there.train("iris-svc", "--tracking", "local", "--seed", "7", "--json").json
    done = submit(there, "train", "iris-svc", "--seed", "7", *ON, "--json")

    assert done.code == 0, done.err
    result = done.json
    assert (result["status"], result["exit_code"]) == ("Completed", 0)
    assert result["run_id"] == result["job"]
    local = opened((there.folder / "mlruns").as_uri())
    found = tree(opened(URI), result["run_id"])
    found["artifacts"] -= {"user_logs/std_log.txt"}
    assert found == tree(local, here["run_id"])
    run = opened(URI).get_run(result["run_id"])
    assert run.info.experiment_id == result["experiment_id"]
    commit = there.run("git", "rev-parse", "HEAD").out.strip()
    assert run.data.tags["mlflow.source.git.commit"] == commit
    assert "Fitting iris-svc: 6 candidates" in done.err
    assert "Fitting iris-svc: 6 candidates" in jobs.log(result["job"])


def test_a_scoring_job_writes_what_scoring_here_writes(
    azure_shell: Shell, tmp_path: Path, opened: Callable[[str], Any]
) -> None:
    there = committed(azure_shell, {"new.csv": FLOWERS + "5.1,3.5,1.4,0.2\n6.2,2.9,4.3,1.3\n" * 20})
    trained = there.trained("iris-svc", "--tracking", "azureml", "--register", "job-flowers")
    here = there.score(
        *("--run-id", trained["run_id"], "--tracking", "azureml"),
        *("--input", "new.csv", "--output", "here.csv"),
    )
    assert here.code == 0, here.err

    done = submit(
        there,
        *("score", "--model", "models:/job-flowers/1", "--input", "new.csv"),
        *("--output", "outputs/scored.csv", *ON, "--json"),
    )

    assert done.code == 0, done.err
    kept = opened(URI).download_artifacts(done.json["run_id"], "outputs/scored.csv", str(tmp_path))
    assert Path(kept).read_bytes() == (there.folder / "here.csv").read_bytes()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("azureml:job-rows", marks=pytest.mark.nightly),
        pytest.param("azureml:job-rows:1", marks=pytest.mark.nightly),
        "azureml:job-rows@latest",
        "datastore",
    ],
)
def test_a_job_trains_on_data_of_the_workspace(
    there: Shell, opened: Callable[[str], Any], source: str
) -> None:
    rows = "".join(f"{n},{(n * 7) % 5},{n * 2 + (n * 7) % 5}\n" for n in range(60))
    (there.folder / "rows.csv").write_text(f"a,b,y\n{rows}")  # which git does not track
    registered = there.mlproject("data", "register", "job-rows", "rows.csv", "--json")
    assert registered.code == 0, registered.err
    if source == "datastore":
        source = registered.json["uri"]
    what = ("--target", "y", "--seed", "7", "--budget", "5")
    here = there.trained("--data", "rows.csv", *what, "--tracking", "local")

    done = submit(there, "train", "--data", source, *what, *ON, "--json")

    assert done.code == 0, done.err
    run = opened(URI).get_run(done.json["run_id"])
    local = opened((there.folder / "mlruns").as_uri()).get_run(here["run_id"])
    data = "mlproject.data.sha256"
    assert run.data.tags[data] == local.data.tags[data]
    recorded = "azureml:job-rows:1" if source.startswith("azureml:job") else source
    assert run.data.tags["mlproject.data.source"] == recorded
    assert recorded in run.inputs.dataset_inputs[0].dataset.source


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("file: ./a.txt", marks=pytest.mark.nightly),
        pytest.param("folder: ./", marks=pytest.mark.nightly),
        "pattern: ./*.txt",
    ],
)
def test_a_job_trains_on_a_table_as_its_definition_says(
    there: Shell, opened: Callable[[str], Any], name: str, path: str
) -> None:
    folder = there.folder / "table"
    folder.mkdir()
    rows = "".join(f"{n * 7 % 11};{n * 5 % 13};{n * 7 % 11 * 2}\n" for n in range(60))
    (folder / "a.txt").write_text(f"a;b;y\n{rows}")
    steps = "[{read_delimited: {delimiter: ';'}}, {drop_columns: b}]"
    (folder / "MLTable").write_text(f"paths: [{{{path}}}]\ntransformations: {steps}\n")
    assert there.mlproject("data", "register", name, "table").code == 0
    words = ("--data", f"azureml:{name}", "--target", "y", "--budget", "3")

    done = submit(there, "train", *words, *ON, "--json")

    assert done.code == 0, done.err
    run = opened(URI).get_run(done.json["run_id"])
    assert run.data.tags["mlproject.data.source"] == f"azureml:{name}:1"
    assert run.data.tags["mlproject.data.rows"] == "60"
    assert '"b"' not in run.inputs.dataset_inputs[0].dataset.schema


def test_unchanged_code_is_not_uploaded_again(there: Shell, asked: Callable[[], list[str]]) -> None:
    first = submit(there, *FAILING, "--no-wait", "--json")
    asked()
    second = submit(there, *FAILING, "--no-wait", "--json")
    requests = asked()
    (there.folder / "notes.txt").write_text("changed")
    third = submit(there, *FAILING, "--no-wait", "--json")

    assert first.code == second.code == third.code == 0, first.err + second.err + third.err
    assert second.json["code_files"] == first.json["code_files"]
    assert second.json["files_uploaded"] == 0
    assert not [line for line in requests if "startPendingUpload" in line]
    assert not [line for line in requests if line.startswith("PUT") and "/jobs/" not in line]
    assert third.json["files_uploaded"] == third.json["code_files"]
    assert first.json["job"] != second.json["job"]


def test_the_size_of_the_code_and_its_largest_files_are_told(azure_shell: Shell) -> None:
    there = committed(azure_shell, {"weights.bin": "0" * 3_000_000})

    done = submit(there, *FAILING, "--no-wait")

    assert "largest: weights.bin 2.9 MB" in done.err


def test_a_job_that_fails_gives_its_last_line_and_its_exit_code(there: Shell) -> None:
    done = submit(there, *FAILING, "--json")

    assert done.code == 3
    assert "failed with exit code 3; its last line: No target 'nothing'" in last_error(done)
    assert f"mlproject jobs logs {done.json['job']}" in last_error(done)
    assert done.json["exit_code"] == 3
    assert done.json["status"] == "Failed"


def test_a_job_gets_what_was_asked_of_it(there: Shell, jobs: JobClient) -> None:
    done = submit(
        there,
        *FAILING,
        *("--env", "COLOUR=blue", "--timeout", "2h", "--instance-count", "2"),
        *("--identity", "managed", "--run-name", "nightly", "--experiment", "mine"),
        *("--no-wait", "--json"),
    )

    assert done.code == 0, done.err
    found = jobs.get(f"jobs/{done.json['job']}")["properties"]
    assert found["environmentVariables"]["COLOUR"] == "blue"
    assert found["limits"] == {"jobLimitsType": "Command", "timeout": "PT7200S"}
    assert found["resources"] == {"instanceCount": 2}
    assert found["identity"] == {"identityType": "Managed"}
    assert (found["displayName"], found["experimentName"]) == ("nightly", "mine")
    words = "train --data sklearn:iris --target nothing"
    assert found["command"] == f"python .mlproject/src {words}"


def test_an_environment_can_be_named(there: Shell, jobs: JobClient) -> None:
    curated = "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"
    for given, found in (
        ("e", f"{identities.SCOPE}/environments/e/versions/1"),
        ("e:1", f"{identities.SCOPE}/environments/e/versions/1"),
        (curated, curated),
    ):
        done = submit(there, *FAILING, "--environment", given, "--no-wait", "--json")

        assert done.code == 0, done.err
        assert jobs.get(f"jobs/{done.json['job']}")["properties"]["environmentId"] == found


def test_the_environment_of_a_conda_file_is_made_once(azure_shell: Shell, jobs: JobClient) -> None:
    there = committed(azure_shell, {"conda.yaml": f"name: {time.time()}\n"})
    names = [submit(there, *FAILING, "--no-wait", "--json").json["job"] for _ in range(2)]

    first, second = (jobs.get(f"jobs/{name}")["properties"]["environmentId"] for name in names)
    version = jobs.session.get(f"https://{identities.ARM_HOST}{first}").json()
    assert first == second
    assert version["properties"]["condaFile"] == (there.folder / "conda.yaml").read_text()


def test_a_dry_run_prints_the_request_and_sends_nothing(
    there: Shell, asked: Callable[[], list[str]]
) -> None:
    done = submit(there, *FAILING, "--dry-run", "--json")

    assert done.code == 0, done.err
    assert done.json["method"] == "PUT"
    assert done.json["body"]["properties"]["jobType"] == "Command"
    sent = [line for line in asked() if not line.startswith("GET")]
    assert [line for line in sent if "oauth2" not in line] == []


def test_a_checkout_of_this_project_is_sent_as_it_is(azure_shell: Shell) -> None:
    checkout = Shell(ROOT, azure_shell.environment)
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")

    done = submit(checkout, "train", "iris-svc", *ON, "--dry-run", "--json")

    assert done.code == 0, done.err
    assert done.json["body"]["properties"]["command"] == "python src train iris-svc"


def test_a_job_file_says_what_would_have_been_submitted(there: Shell, jobs: JobClient) -> None:
    done = submit(there, *FAILING, "--timeout", "90s", "--yaml", "job.yaml", "--json")

    assert done.code == 0, done.err
    content = yaml.safe_load((there.folder / "job.yaml").read_text())
    assert content["command"] == "python .mlproject/src train --data sklearn:iris --target nothing"
    assert content["compute"] == f"azureml:{identities.SCOPE}/computes/cpu-cluster"
    assert content["limits"] == {"timeout": 90}
    code = content["code"].removeprefix("azureml:")
    assert jobs.session.get(f"https://{identities.ARM_HOST}{code}").status_code == 200


def test_another_program_in_a_job_has_our_plugin_once_its_environment_says_so(
    there: Shell, jobs: JobClient, opened: Callable[[str], Any]
) -> None:
    program = (
        "import mlflow; from sklearn.linear_model import LinearRegression; mlflow.start_run(); "
        "model = LinearRegression().fit([[1], [2]], [1, 2]); "
        "mlflow.sklearn.log_model(model, name='theirs', pip_requirements=[])"
    )
    name = jobs.made(f'eval "$(mlproject tracking env azureml)" && python -c "{program}"')

    followed = there.mlproject("jobs", "logs", name, "--follow")

    assert followed.code == 0, followed.out
    models = opened(URI).get_run(name).outputs.model_outputs
    assert [opened(URI).get_logged_model(item.model_id).name for item in models] == ["theirs"]


def test_a_job_that_is_left_is_found_again(there: Shell, jobs: JobClient) -> None:
    name = jobs.made("for i in 1 2 3; do echo line $i; sleep 0.2; done")

    followed = there.mlproject("jobs", "logs", name, "--follow")
    later = there.mlproject("jobs", "logs", name)
    listed = there.mlproject("jobs", "list", "--all", "--json")
    shown = there.mlproject("jobs", "show", name, "--json")

    assert followed.code == 0, followed.err
    assert followed.out == later.out == "line 1\nline 2\nline 3\n"
    assert name in [job["name"] for job in listed.json["jobs"]]
    assert (shown.json["status"], shown.json["exit_code"]) == ("Completed", 0)


def test_the_list_has_this_projects_jobs_only_unless_it_is_asked_for_all(
    there: Shell, jobs: JobClient
) -> None:
    other = jobs.made("true")
    ours = submit(there, *FAILING, "--no-wait", "--json").json["job"]

    listed = there.mlproject("jobs", "list", "--json").json["jobs"]

    assert ours in [job["name"] for job in listed]
    assert other not in [job["name"] for job in listed]


def test_a_followed_job_ends_with_its_exit_code(there: Shell, jobs: JobClient) -> None:
    name = jobs.made("echo it broke >&2; exit 42")

    done = there.mlproject("jobs", "logs", name, "--follow")

    assert done.code == 42
    assert "exit code 42; its last line: it broke" in done.error


def test_a_job_can_be_cancelled(there: Shell, jobs: JobClient) -> None:
    name = jobs.made("echo begun; sleep 100")
    jobs.until(name, "Running")

    done = there.mlproject("jobs", "cancel", name, "--json")
    followed = there.mlproject("jobs", "logs", name, "--follow")
    again = there.mlproject("jobs", "cancel", name, "--json")

    assert done.json["status"] == again.json["status"] == "Canceled"
    assert followed.code == 130
    assert f"The job '{name}' was cancelled" in followed.error


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_who_presses_ctrl_c_without_a_terminal_leaves_the_job_running(
    there: Shell, jobs: JobClient
) -> None:
    name = jobs.made("echo begun; sleep 3; echo ended")
    process = there.start("-m", "mlproject", "jobs", "logs", name, "--follow")
    jobs.until(name, "Running")
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()

    assert process.poll() == 130
    assert f"Come back: mlproject jobs logs {name} --follow" in err
    assert f"end it: mlproject jobs cancel {name}" in err
    assert jobs.until(name)["status"] == "Completed"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [("cancel", "Canceled", "was cancelled"), ("detach", "Completed", "goes on")],
)
def test_who_presses_ctrl_c_at_a_terminal_is_asked(
    there: Shell, jobs: JobClient, answer: str, status: str, said: str
) -> None:
    # Who cancels may take a while on a busy machine, and who detaches waits for the end.
    name = jobs.made(f"echo begun; sleep {60 if answer == 'cancel' else 6}")
    seen = at_a_terminal(there, ["jobs", "logs", name, "--follow"], after="begun", answer=answer)

    assert "Cancel the job, or detach" in seen
    assert said in seen
    assert jobs.until(name)["status"] == status


def at_a_terminal(shell: Shell, words: list[str], *, after: str, answer: str) -> str:
    """Run a command at a terminal, press Ctrl-C after a text, and answer the question."""
    import pty
    import select

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlproject", *words],
        cwd=shell.folder,
        env=shell.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen, stage, end = "", 0, time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([controller], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            seen += os.read(controller, 65536).decode(errors="replace")
        except OSError:  # the other end was closed
            break
        if stage == 0 and after in seen:
            stage = 1
            process.send_signal(signal.SIGINT)
        if stage == 1 and "[detach]:" in seen:
            stage = 2
            os.write(controller, f"{answer}\n".encode())
    process.wait(60)
    os.close(controller)
    return seen


def test_log_lines_come_in_order_and_each_once_whatever_is_lost(
    shell: Shell, tmp_path: Path
) -> None:
    options = ("--token-life", "2", "--url-life", "1", "--lost", "0.1", "--reset", "0.1")
    with emulated(tmp_path / "emulator", *options, "--job-delay", "0", "--seed", "2") as running:
        lossy = Client(running)
        repeated = HTTPAdapter(max_retries=Retry(20, allowed_methods=None))
        lossy.session.mount("https://", repeated)
        name = JobClient(lossy).made(
            "for i in $(seq 2000); do echo number $i; sleep 0.002; done; printf 'the end'"
        )
        done = in_workspace(shell, running).mlproject("jobs", "logs", name, "--follow")

    assert done.code == 0, done.err
    lines = [f"number {count}" for count in range(1, 2001)]
    assert done.out.splitlines() == [*lines, "the end"]


def test_a_log_whose_urls_all_end_while_it_grows_is_read_on() -> None:
    pieces = [f"number {count}\n".encode() for count in range(20)]

    class Ending:
        """Gives a piece for each URL, which then has ended."""

        def read_log(self, url: str, position: int) -> bytes | None:
            begun = b"".join(pieces[: int(url)])
            return pieces[int(url)] if position == len(begun) else None

    jobs: Any = Ending()
    log = JobLog(jobs)
    lines = [line for count in range(20) for line in log.new_lines(str(count))]

    assert lines == [f"number {count}" for count in range(20)]


def test_a_workspace_that_is_gone_is_told_with_how_to_come_back(
    shell: Shell, tmp_path: Path
) -> None:
    with emulated(tmp_path / "emulator", "--job-delay", "0") as running:
        name = JobClient(Client(running)).made("echo begun; sleep 100")
        there = in_workspace(shell, running)
        words = ("-m", "mlproject", "jobs", "logs", name, "--follow")
        process = there.start(*words, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
        time.sleep(5)
    _, err = process.communicate()

    assert process.poll() == 4, err
    assert f"The job '{name}' cannot be followed" in err
    assert f"The job goes on: mlproject jobs logs {name} --follow" in err


@pytest.mark.parametrize(
    ("fate", "code", "message"),
    [("preempt", 4, "The node was preempted"), ("fail", 4, "image of the environment")],
)
def test_a_job_that_the_service_fails_says_why(
    shell: Shell, tmp_path: Path, fate: str, code: int, message: str
) -> None:
    options = ("--job-fate", fate, "--job-delay", "0")
    with emulated(tmp_path / "emulator", *options) as running:
        there = committed(in_workspace(shell, running), {"a.txt": "a"})
        done = submit(there, "train", "iris-svc", *ON)

    assert done.code == code
    assert message in last_error(done)


def test_a_job_that_waits_says_for_what_and_can_be_cancelled(shell: Shell, tmp_path: Path) -> None:
    options = ("--job-fate", "queue", "--job-delay", "0")
    with emulated(tmp_path / "emulator", *options) as running:
        there = committed(in_workspace(shell, running), {"a.txt": "a"})
        name = submit(there, "train", "iris-svc", *ON, "--no-wait", "--json").json["job"]
        process = there.start("-m", "mlproject", "jobs", "logs", name, "--follow")
        time.sleep(4)
        cancelled = there.mlproject("jobs", "cancel", name, "--json")
        _, err = process.communicate()

    assert cancelled.json["status"] == "Canceled"
    waits = "it waits for nodes of cpu-cluster: 0 of at most 4 are there; The quota of Standard"
    assert f"Queued ({waits}" in err
    assert process.poll() == 130


def many_files(folder: Path) -> None:
    for number in range(2100):
        (folder / f"{number}.txt").touch()


def large_file(folder: Path) -> None:
    with (folder / "large.bin").open("wb") as stream:
        stream.truncate(301 << 20)


def link_outside(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (many_files, "The code of the job is too large"),
        (large_file, "(largest: large.bin 301.0 MB"),
        (link_outside, "link.txt is a link to"),
    ],
)
def test_code_that_cannot_be_sent_is_told_before_anything_is_uploaded(
    azure_shell: Shell,
    asked: Callable[[], list[str]],
    fill: Callable[[Path], None],
    message: str,
) -> None:
    fill(azure_shell.folder)
    done = submit(committed(azure_shell, {}), *FAILING)

    assert done.code == 2
    assert message in done.error
    assert not [line for line in asked() if line.startswith("PUT")]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("train",), 2, "--compute is missing. The workspace has cpu-cluster, gpu-cluster"),
        (
            ("train", "--compute", "cpu-clster"),
            2,
            "no compute 'cpu-clster'. Did you mean 'cpu-cluster'?",
        ),
        (("train", *ON, "--environment", "none"), 2, "has no environment 'none'"),
        (("train", *ON, "--environment", "e:9"), 2, "'e' has the versions 1"),
        (("train", "iris-svm", *ON), 2, "No recipe 'iris-svm'"),
        (("train", "--param", "a", *ON), 2, "'a'"),
        (("train", *ON, "--env", "A"), 2, "--env is 'A'. Give NAME=VALUE"),
        (("train", *ON, "--timeout", "soon"), 2, "--timeout is 'soon'"),
        (("train", *ON, "--tracking", "local"), 2, "Jobs run in an Azure ML workspace"),
        (
            ("train", "--data", "here.csv", "--target", "a", *ON),
            3,
            "--data here.csv is on this machine only: git does not track it",
        ),
        (
            ("train", "--data", "my data.csv", "--target", "a", *ON),
            3,
            "mlproject data register my-data 'my data.csv', and give azureml:my-data@latest",
        ),
        (("train", "--data", "azureml:none", "--target", "a", *ON), 3, "no data asset 'none'"),
        (("train", "--data", "azureml:a:b:c", "--target", "a", *ON), 2, "names no data asset"),
        (
            ("score", "--run-id", "a", "--input", "notes.txt", "--output", "o.csv", *ON),
            2,
            "--output o.csv would be lost when the job ends",
        ),
        (("score", "--run-id", "a", "--output", "outputs/o.csv", *ON), 2, "--input is missing"),
    ],
)
def test_what_cannot_be_submitted_is_told_in_one_line(
    there: Shell, jobs: JobClient, words: tuple[str, ...], code: int, message: str
) -> None:
    (there.folder / "here.csv").write_text("a,b\n1,2\n")

    done = submit(there, *words)

    assert done.code == code, done.err
    assert message in done.error


def test_a_folder_without_a_repository_is_told(azure_shell: Shell) -> None:
    without = submit(azure_shell, *FAILING)
    azure_shell.run("git", "init", "-q")
    empty = submit(azure_shell, *FAILING)

    assert (without.code, empty.code) == (2, 2)
    assert "is not in a git repository" in without.error
    assert "git tracks no file" in empty.error


def test_who_has_no_role_is_told_which_one(
    shell: Shell, azureml_emulator: EmulatorInstance
) -> None:
    guest = Shell(shell.folder, shell.environment | azureml_emulator.environment_of("guest"))

    done = submit(committed(guest, {"a.txt": "a"}), *FAILING)

    assert done.code == 4
    assert "AzureML Data Scientist" in done.error


@pytest.mark.parametrize("words", [("logs",), ("logs", "--follow"), ("show",), ("cancel",)])
def test_a_job_that_is_not_there_is_told(there: Shell, words: tuple[str, ...]) -> None:
    done = there.mlproject("jobs", *words, "nothing")

    assert done.code == 4
    assert "The workspace has no job 'nothing'. See mlproject jobs list" in done.error


def test_python_submits_too(there: Shell) -> None:
    (there.folder / "submitting.py").write_text(SUBMITTING)

    done = there.warm("submitting.py")

    assert done.code == 0, done.err
    assert json.loads(done.out) == ["Failed", 3, True]


SUBMITTING = """\
import json, mlproject
try:
    mlproject.submit_train(data="sklearn:iris", target="nothing", compute="cpu-cluster")
except mlproject.JobError as error:
    job = mlproject.show_job(error.result.job)
    listed = [item.name for item in mlproject.list_jobs()]
    print(json.dumps([job.status, error.exit_code, job.run_id in listed]))
"""
