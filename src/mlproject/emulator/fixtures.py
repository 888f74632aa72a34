"""Fixtures for tests that need an Azure ML workspace, with pytest.

In a project's ``conftest.py``::

    pytest_plugins = ["mlproject.emulator.fixtures"]

and in a test::

    def test_training_records_in_the_workspace(azureml_workspace):
        subprocess.run([sys.executable, "train.py"], check=True)

        paths = [request.path for request in azureml_workspace.requests()]
        assert any(path.endswith("/runs/log-batch") for path in paths)

Nothing else in this package imports pytest.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.emulator.environment import astray
from mlproject.emulator.instance import EmulatorInstance, find

_PATIENCE = 120.0


@pytest.fixture(scope="session")
def azureml_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorInstance]:
    """Run an emulator that all tests of a session share, as a process of its own.

    What one test records stays there for the next: give experiments and models names of their
    own. ``MLPROJECT_EMULATOR_OPTIONS`` has options for it, such as ``--no-write-call``.
    """
    folder = tmp_path_factory.mktemp("azureml-emulator")
    options = shlex.split(environ.get(environ.EMULATOR_OPTIONS) or "")
    command = [sys.executable, "-m", "mlproject", "emulator", "start", "--state", "state", *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield _started(process, folder)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def azureml_workspace(
    azureml_emulator: EmulatorInstance, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> EmulatorInstance:
    """Lead this process's environment to the emulated workspace.

    Clients keep what they discovered below the home folder, so that each test has one of its own.
    """
    for name in astray(os.environ):
        monkeypatch.delenv(name)
    home = tmp_path / "azureml-home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name, value in azureml_emulator.environment.items():
        monkeypatch.setenv(name, value)
    return azureml_emulator


def _started(process: subprocess.Popen[bytes], folder: Path) -> EmulatorInstance:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            return find(folder / "state")
        except ConfigurationError:
            time.sleep(0.05)
    pytest.fail(f"The emulator did not start: {(folder / 'log').read_text(errors='replace')}")
