"""An emulator starts, is found, ends, and keeps what it was told."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance, find
from mlproject.emulator.start import started
from tests.conftest import Shell, served
from tests.emulator.conftest import emulated

# It takes a while to end, and needs the emulator then.
COMMAND = """
import os, pathlib, signal, time
import requests
def ended(number, frame):
    print(int(number), flush=True)
    time.sleep(1)
    print(requests.get("https://westeurope.api.azureml.ms/discovery").status_code, flush=True)
    os._exit(5)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, ended)
pathlib.Path("began").touch()
time.sleep(100)
"""


def emulator(shell: Shell, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlproject", "emulator", *words],
        cwd=shell.folder,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def waited(for_what: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not for_what():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def timed() -> Iterator[list[float]]:
    """Yield a list that gets the seconds that the block takes."""
    seconds, began = list[float](), time.monotonic()
    yield seconds
    seconds.append(time.monotonic() - began)


def test_what_was_recorded_survives_a_restart(tmp_path: Path) -> None:
    with emulated(tmp_path) as (_, client):
        run = client.run()
        client.written(run, "a.txt", b"hello")
        client.recorded(run, "b.txt")
    with (tmp_path / "artifacts.jsonl").open("a") as stream:
        stream.write('["ExperimentRun", "dc')
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
    with (
        pytest.raises(ConfigurationError, match=r"mlflow\.db cannot be opened"),
        emulated(tmp_path) as (_, client),
    ):
        assert client.mlflow("experiments/search", max_results=1).status_code == 500

    assert "\n" not in str(caught.value)


def test_a_second_emulator_on_a_folder_is_refused(
    azureml_emulator: EmulatorInstance, shell: Shell
) -> None:
    folder = azureml_emulator.folder
    second = shell.mlproject("emulator", "start", "--state", str(folder))

    assert second.code == 2
    assert second.error == (
        f"Error: An emulator is already running in the folder {folder}. "
        "Use it: mlproject emulator env; or give another --state."
    )
    assert find(folder) == azureml_emulator


def test_two_emulators_in_one_process_are_apart(tmp_path: Path) -> None:
    with emulated(tmp_path / "a") as (_, one), emulated(tmp_path / "b") as (_, other):
        one.uploaded("a.txt")
        listed = [client.upload().json()["value"] for client in (one, other)]

    assert [len(items) for items in listed] == [1, 0]


def test_who_took_the_port_of_a_killed_emulator_is_not_taken_for_it(
    azureml_emulator: EmulatorInstance, tmp_path: Path
) -> None:
    with emulated(tmp_path / "killed") as (instance, _):
        assert find(instance.folder).address == instance.address
    with served(tmp_path) as stranger:
        for address in (azureml_emulator.address, stranger.rstrip("/")):
            (instance.folder / "emulator.json").write_text(json.dumps({"address": address}))
            with pytest.raises(ConfigurationError, match="No emulator is running in the folder"):
                find(instance.folder)


def test_a_killed_emulator_leaves_a_database_that_can_be_opened(shell: Shell) -> None:
    folder = shell.folder / "state"
    with emulator(shell, "start", "--state", "state") as process:
        waited(lambda: list(folder.glob("mlflow.*")))
        process.kill()
        process.communicate()
    with emulated(folder) as (_, client):
        assert client.mlflow("experiments/search", max_results=1).status_code == 200


def test_a_line_that_a_killed_emulator_half_wrote_is_left_out(tmp_path: Path) -> None:
    for count in (1, 2):
        with emulated(tmp_path) as (instance, _):
            assert len(instance.requests()) == count
        with (tmp_path / "requests.jsonl").open("a") as log:
            log.write('{"time": 1, "meth')
    assert len(instance.requests()) == 2


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
    assert "No emulator is running in the folder" in status.error
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
    assert "0 to 1 together" in many.error


def test_the_exit_code_of_a_killed_command_is_a_shells(shell: Shell) -> None:
    for number, code in ((signal.SIGKILL, 137), (signal.SIGTERM, 143)):
        script = f"kill -{int(number)} $$"
        assert shell.mlproject("emulator", "run", "--", "sh", "-c", script).code == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_the_commands_and_the_emulator_stays_until_it_has_ended(
    shell: Shell, number: signal.Signals
) -> None:
    (shell.folder / "command.py").write_text(COMMAND)
    with emulator(shell, "run", "--", sys.executable, "command.py") as process:
        waited(lambda: (shell.folder / "began").exists())
        process.send_signal(number)
        out, err = process.communicate(timeout=120)

    assert (process.returncode, err) == (5, "")
    assert out.splitlines() == [str(int(number)), "200"]


def test_ctrl_c_in_a_terminal_comes_to_the_command_once(shell: Shell) -> None:
    (shell.folder / "command.py").write_text(COMMAND)
    run = [sys.executable, "-m", "mlproject", "emulator", "run", "--", sys.executable, "command.py"]
    script = f"import pty, sys; sys.exit(pty.spawn({run!r}) >> 8)"
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=shell.folder,
        env=shell.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as terminal:
        waited(lambda: (shell.folder / "began").exists())
        out, _ = terminal.communicate("\x03", timeout=120)

    assert terminal.returncode == 5
    assert out.split() == ["^C2", "200"]


def test_a_quick_command_waits_for_nothing_and_ctrl_c_ends_a_start_at_once(shell: Shell) -> None:
    with timed() as quick, emulator(shell, "run", "--", "true") as process:
        assert process.wait(60) == 0
    with emulator(shell, "start", "--state", "state") as process:
        waited(lambda: (shell.folder / "state" / "config.json").exists())
        with timed() as ended:
            process.send_signal(signal.SIGINT)
            error = process.communicate(timeout=60)[1]
    # The store imports it: seconds, and more where others are busy.
    with timed() as imports:
        shell.run(sys.executable, "-c", "import mlflow.server.handlers")

    assert max(*quick, *ended) < imports[0]
    assert (process.returncode, error) == (130, "Error: Interrupted.\n")


def test_without_the_extra_it_says_what_to_install(shell: Shell) -> None:
    script = (
        "import sys; sys.modules['trustme'] = None; sys.argv[1:] = ['emulator', 'start']\n"
        "from mlproject.cli.main import main\n"
        "main()"
    )
    done = shell.run(sys.executable, "-c", script)

    assert done.code == 2
    assert done.error.startswith("Error: The emulator needs the package 'trustme'. Install the ")


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
    assert "No emulator is running in the folder" in gone.error


def test_what_mlflows_server_imports_is_not_warned_of_while_requests_are_answered(
    shell: Shell,
) -> None:
    command = ("emulator", "run", "--", "mlproject", "train", "--tracking", "azureml", "--quiet")
    done = shell.run("mlproject", *command)

    assert done.code == 0, done.err
    assert "Warning" not in done.err
