"""An emulator starts, is found, ends, and keeps what it was told."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance, find
from mlproject.emulator.start import started
from tests.conftest import Shell
from tests.emulator.conftest import PUT, emulated


def test_what_was_recorded_survives_a_restart(tmp_path: Path) -> None:
    with emulated(tmp_path) as (_, client):
        run = client.run()
        client.recorded(run, "a.txt", "b.txt")
        client.session.put(client.located(run, "a.txt"), b"hello", headers=PUT)
    with (tmp_path / "artifacts.jsonl").open("a") as stream:
        stream.write('\n["ExperimentRun", "dc')
    with emulated(tmp_path) as (_, client):
        assert client.get("runs/get", run_id=run["run_id"]).ok
        assert list(client.recorded(run, "b.txt", "c.txt")["errors"]) == ["b.txt"]
        assert client.session.get(client.located(run, "a.txt")).content == b"hello"
    with emulated(tmp_path) as (_, client):
        listed = client.session.get(client.artifacts(run)).json()["value"]

    assert [item["path"] for item in listed] == ["a.txt", "b.txt", "c.txt"]


def test_a_damaged_database_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database\n" * 100)
    with pytest.raises(ConfigurationError, match=r"mlflow\.db cannot be opened") as caught:
        started(tmp_path).__enter__()

    assert "\n" not in str(caught.value)


def test_a_second_emulator_on_a_folder_is_refused(
    azureml_emulator: EmulatorInstance, shell: Shell
) -> None:
    folder = azureml_emulator.folder
    second = shell.mlproject("emulator", "start", "--state", str(folder))

    assert second.code == 2
    assert second.error == (
        f"Error: An emulator already runs with the folder {folder}. "
        "Use it: mlproject emulator env; or give another --state."
    )
    assert find(folder) == azureml_emulator


def test_two_emulators_in_one_process_are_refused(tmp_path: Path) -> None:
    with (
        emulated(tmp_path / "a"),
        pytest.raises(ConfigurationError, match="already runs in this process"),
    ):
        started(tmp_path / "b").__enter__()


def test_a_killed_emulator_is_no_obstacle(shell: Shell) -> None:
    (shell.folder / "state").mkdir()
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    (shell.folder / "state" / "emulator.json").write_text(json.dumps({"address": address}))
    (shell.folder / "state" / "emulator.lock").touch()
    status = shell.mlproject("emulator", "status", "--state", "state")
    done = shell.mlproject("emulator", "run", "--state", "state", "--", "env")

    assert status.code == 2
    assert "No emulator runs with the folder" in status.error
    assert (done.code, done.err) == (0, "")
    assert "MLPROJECT_WORKSPACE=" in done.out


def test_the_exit_code_is_that_of_the_command(shell: Shell) -> None:
    script = "import os; raise SystemExit(7 if os.environ.get('IDENTITY_HEADER') else 1)"
    command = ["emulator", "run", "--identity", "managed", "--", sys.executable, "-c", script]
    assert shell.mlproject(*command).code == 7
    missing = shell.mlproject("emulator", "run", "--", "no-such-command")
    assert missing.code == 2
    assert "'no-such-command' cannot be run" in missing.error
    many = shell.mlproject("emulator", "run", "--lost", "0.6", "--reset", "0.6", "--", "true")
    assert many.code == 2
    assert "at most 1 together" in many.error


def test_a_started_emulator_is_found_by_its_folder(shell: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlproject", "emulator", "start"],
        cwd=shell.folder,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "The emulator is at http://127.0.0.1:" in process.stderr.readline()
        exported = shell.mlproject("emulator", "env", "--identity", "guest", AZURE_USERNAME="me")
        state = shell.mlproject("emulator", "status", "--json").json
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()

    assert exported.out.startswith("unset AZURE_USERNAME\n")
    assert f"export HTTPS_PROXY={state['address']}\n" in exported.out
    assert f"export AZURE_CLIENT_ID={identities.GUEST_ID}\n" in exported.out
    assert process.returncode == 0
    gone = shell.mlproject("emulator", "status")
    assert gone.code == 2
    assert "No emulator runs with the folder" in gone.error


def test_what_mlflows_server_imports_is_not_warned_of_while_requests_are_answered(
    shell: Shell,
) -> None:
    command = ("emulator", "run", "--", "mlproject", "train", "--tracking", "azureml", "--quiet")
    done = shell.run("mlproject", *command)

    assert done.code == 0, done.err
    assert "Warning" not in done.err
