"""What tests on Azure ML share: an emulated workspace, and clients of it."""

from __future__ import annotations

import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance, find
from tests.conftest import Shell, new_environment

URI = identities.TRACKING_URI.replace("azureml:", "azureml3:")


@contextmanager
def emulated(folder: Path, *options: str) -> Iterator[EmulatorInstance]:
    """Run an emulator of its own, with faults, for the block."""
    folder.mkdir()
    there = Shell(folder, new_environment(folder / "home"))
    options = (*shlex.split(environ.get(environ.EMULATOR_OPTIONS) or ""), *options)
    process = there.start("-m", "mlproject", "emulator", "start", "--state", "state", *options)
    try:
        yield _found(process, folder)
    finally:
        process.terminate()
        process.wait()


def _found(process: Any, folder: Path) -> EmulatorInstance:
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            return find(folder / "state")
        except ConfigurationError:
            time.sleep(0.1)
    pytest.fail(str(process.communicate()))


@pytest.fixture(scope="session")
def azureml_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorInstance]:
    """An emulator for all tests, as the fixture of this name that ships; its jobs start warm."""
    with emulated(tmp_path_factory.mktemp("azureml-emulator") / "shared") as running:
        yield running


@pytest.fixture
def azure_shell(shell: Shell, azureml_emulator: EmulatorInstance) -> Shell:
    """A shell that is led to the emulated workspace."""
    return in_workspace(shell, azureml_emulator)


def in_workspace(shell: Shell, running: EmulatorInstance) -> Shell:
    return Shell(shell.folder, shell.environment | running.environment)


@pytest.fixture
def store(azureml_workspace: EmulatorInstance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """MLflow in this process, pointed at the emulated workspace."""
    import mlflow

    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(URI)
    mlflow.set_experiment(f"test-{uuid.uuid4().hex[:8]}")
    try:
        yield mlflow
    finally:
        while mlflow.active_run():
            mlflow.end_run()
        mlflow.set_tracking_uri(before)


@pytest.fixture
def name() -> str:
    """A name that no other test uses for a registered model."""
    return f"model-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def asked(azureml_emulator: EmulatorInstance) -> Callable[[], list[str]]:
    """A function that returns what was asked since the last time."""
    seen = [len(azureml_emulator.requests())]

    def since() -> list[str]:
        requests = azureml_emulator.requests()
        new = requests[seen[0] :]
        seen[0] = len(requests)
        return [f"{item.method} {item.path.rpartition('/mlflow/')[2]}" for item in new]

    return since


@pytest.fixture
def opened(
    azureml_workspace: EmulatorInstance, client: Callable[[str], Any]
) -> Callable[[str], Any]:
    """A function that opens the emulated workspace from this process."""
    return client


@pytest.fixture
def there(azure_shell: Shell) -> Shell:
    """A shell in a repository that has one file, led to the emulated workspace."""
    return committed(azure_shell, {"notes.txt": "of ours"})


@pytest.fixture
def jobs(azureml_emulator: EmulatorInstance) -> Any:
    """A client of jobs that knows HTTP and nothing of this project."""
    from tests.emulator.conftest import Client
    from tests.emulator.test_jobs import JobClient

    return JobClient(Client(azureml_emulator))


def committed(shell: Shell, files: dict[str, str]) -> Shell:
    """Commit files in the shell's folder."""
    for name, text in files.items():
        path = shell.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "files")):
        done = shell.run("git", *words)
        assert done.code == 0, done.err
    return shell
