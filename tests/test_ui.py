"""``mlproject ui``: MLflow's own page at a run, and nothing left of it afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell, free_port
from tests.workspace.conftest import in_workspace

ONE_RUN = """\
import mlflow

with mlflow.start_run() as run:
    mlflow.log_metric("loss", 1)
print(run.info.run_id)
"""


def run_in(shell: Shell, uri: str) -> str:
    """Make a run without mlproject, and return its id."""
    variables = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_ALLOW_FILE_STORE": "true"}
    silent = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
    made = shell.warm("-c", ONE_RUN, **variables, **silent)
    assert made.code == 0, made.err
    return made.out.split()[-1]


@contextmanager
def started(shell: Shell, *arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlproject", "ui", *arguments],
        cwd=shell.folder,
        env=shell.environment | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals of this kind")
@pytest.mark.parametrize(
    ("store", "ending"), [("mlruns", signal.SIGTERM), ("sqlite:///own.db", signal.SIGINT)]
)
def test_a_store_without_a_server_gets_one_which_ends_with_the_command(
    shell: Shell, store: str, ending: signal.Signals, tmp_path: Path
) -> None:
    place = (shell.folder / store).as_uri() if store == "mlruns" else store
    run_id = run_in(shell, place)
    port = free_port()
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    options = ("--tracking", store if store != "mlruns" else "local", "--port", str(port))
    with started(shell, run_id, *options, BROWSER=str(browser)) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        pattern = rf"http://127\.0\.0\.1:{port}/#/experiments/\d+/runs/{run_id}"
        assert re.fullmatch(pattern, address)
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/").read().decode()
        assert "<title>MLflow</title>" in page
        wanted = f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow/runs/get?run_id={run_id}"
        assert run_id in urllib.request.urlopen(wanted).read().decode()
        for _ in range(100):
            if (tmp_path / "opened").exists():
                break
            time.sleep(0.1)
        assert (tmp_path / "opened").read_text().strip() == address

        everything = psutil.Process(process.pid).children(recursive=True)
        assert everything
        process.send_signal(ending)
        _, err = process.communicate(timeout=60)
        left = psutil.wait_procs(everything, timeout=10)[1]

    assert (process.returncode, left) == (0, []), err
    assert "Ctrl-C ends it" in err
    assert "Traceback" not in err


def test_a_server_shows_its_own_pages(shell: Shell, server: str) -> None:
    run_id = run_in(shell, server)
    at_a_run = shell.mlproject("ui", run_id, "--tracking", server)
    at_all = shell.mlproject("ui", "--tracking", server, "--no-browser", "--json")

    assert re.fullmatch(rf"{server}/#/experiments/\d+/runs/{run_id}\n", at_a_run.out)
    assert "No browser can be opened here" in at_a_run.err
    assert at_all.json == {"url": f"{server}/"}


def test_a_workspace_is_shown_in_the_studio(
    shell: Shell, azureml_emulator: EmulatorInstance
) -> None:
    there = in_workspace(shell, azureml_emulator)
    made = there.warm("-c", ONE_RUN, MLFLOW_TRACKING_URI=_uri(there))
    run_id = made.out.split()[-1]
    at_a_run = there.mlproject("ui", run_id, "--tracking", "azureml")
    at_all = there.mlproject("ui", "--tracking", "azureml")

    assert at_a_run.out.startswith(f"https://ml.azure.com/runs/{run_id}?wsid=/subscriptions/")
    assert at_all.out.startswith("https://ml.azure.com/experiments?wsid=/subscriptions/")


def _uri(shell: Shell) -> str:
    return str(
        shell.mlproject("tracking", "env", "azureml", "--json").json["environment"][
            "MLFLOW_TRACKING_URI"
        ]
    )


@pytest.mark.parametrize("store", ["nosuchdir/x", "local", "sqlite:///none.db"])
def test_a_store_that_is_not_there_is_told_and_not_made(shell: Shell, store: str) -> None:
    before = sorted(shell.folder.iterdir())
    done = shell.mlproject("ui", "--tracking", store, "--no-browser")

    assert (done.code, done.out) == (2, "")
    assert re.search(
        r"There are no runs to show: \S+ does not exist. Train a model first", done.error
    )
    assert sorted(shell.folder.iterdir()) == before


def test_a_port_that_is_taken_and_a_run_that_is_not_there_are_told(
    shell: Shell, server: str
) -> None:
    (shell.folder / "mlruns").mkdir()
    taken = shell.mlproject("ui", "--tracking", "local", "--port", server.rpartition(":")[2])
    unknown = shell.mlproject("ui", "0" * 32, "--tracking", "local")

    (shell.folder / "broken.db").write_text("no database")
    broken = shell.mlproject("ui", "--tracking", "sqlite:///broken.db")

    assert broken.code == 4
    assert "file is not a database" in broken.error
    assert taken.code == 2
    assert "cannot be used" in taken.error
    assert "Give another with --port" in taken.error
    assert (unknown.code, unknown.out) == (4, "")
