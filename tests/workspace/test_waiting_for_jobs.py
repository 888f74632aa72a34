"""While a job waits: for what, and what becomes of it when nobody waits with it any more."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.emulator.conftest import Client
from tests.emulator.test_jobs import JobClient
from tests.workspace.conftest import committed, emulated, in_workspace
from tests.workspace.test_jobs import ON, at_a_terminal, submit

PROGRAM = ("train", "digits-logistic", *ON)


def test_the_log_of_an_image_that_does_not_build_is_shown(shell: Shell, tmp_path: Path) -> None:
    options = ("--job-fate", "fail", "--job-delay", "3")
    with emulated(tmp_path / "emulator", *options) as running:
        there = committed(in_workspace(shell, running), {"a.txt": "a"})
        done = submit(there, "train", "iris-svc", *ON)

    assert done.code == 4
    assert "Image: Solving environment: failed" in done.err
    assert "the last line of the image's log: ResolvePackageNotFound" in done.err


def test_a_job_that_is_queued_says_how_many_nodes_there_are(shell: Shell, tmp_path: Path) -> None:
    with emulated(tmp_path / "emulator", "--job-delay", "0") as running:
        clients = JobClient(Client(running))
        busy = [clients.made("sleep 60") for _ in range(4)]
        for name in busy:
            clients.until(name, "Running")
        there = committed(in_workspace(shell, running), {"a.txt": "a"})
        name = submit(there, "train", "iris-svc", *ON, "--no-wait", "--json").json["job"]
        process = there.start("-m", "mlproject", "jobs", "logs", name, "--follow")
        time.sleep(4)
        there.mlproject("jobs", "cancel", name)
        _, err = process.communicate()

    assert "waits for nodes of cpu-cluster: 4 of at most 4 are there, 4 busy" in err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [("cancel", "Canceled", "was cancelled"), ("detach", "Completed", "goes on")],
)
def test_who_presses_ctrl_c_while_submitting_is_asked_what_becomes_of_the_job(
    there: Shell, jobs: JobClient, answer: str, status: str, said: str
) -> None:
    seen = at_a_terminal(there, ["submit", *PROGRAM], after="Running", answer=answer)

    name = job_in(seen)
    assert "Cancel the job, or detach" in seen
    assert said in seen
    assert jobs.until(name)["status"] == status


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
def test_a_submission_that_is_interrupted_without_a_terminal_leaves_the_job(
    there: Shell, jobs: JobClient
) -> None:
    before = names(jobs)
    process: Any = there.start("-m", "mlproject", "submit", *PROGRAM)
    while not (new := names(jobs) - before):
        time.sleep(0.1)
    (name,) = new
    jobs.until(name, "Running")
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate()

    assert process.poll() == 130
    assert f"Come back: mlproject jobs logs {name} --follow" in rest
    assert jobs.until(name)["status"] == "Completed"


def job_in(text: str) -> str:
    return text.partition("Submitted the job ")[2].split(":")[0].strip()


def names(jobs: JobClient) -> set[str]:
    return {job["name"] for job in jobs.get("jobs")["value"]}
