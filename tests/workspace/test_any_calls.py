"""Any calls leave in a workspace what they leave on SQLite, whatever fails in passing."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.workspace.any_calls import Call, Program, calls
from tests.workspace.conftest import URI, emulated
from tests.workspace.what_calls_leave import content

pytestmark = pytest.mark.filterwarnings("ignore:.*stages:FutureWarning")  # which programs use
SHARES = ("throttled", "unavailable", "gateway", "reset", "lost")
FAULTS = ["--token-life", "3", "--retry-after", "0", "--seed", "7"]
FAULTS += [word for name in SHARES for word in (f"--{name}", "0.1")]
SLOWLY = settings(
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
# What says that there is nothing to delete or to restore. Where the answer to the first request was
# lost, it says that this was carried out.
AGAIN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An emulator where half of all requests fail."""
    with emulated(tmp_path_factory.mktemp("any-calls") / "emulator", *FAULTS) as running:
        yield running


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    caplog.set_level(logging.ERROR)


@settings(SLOWLY, max_examples=6, derandomize=True)
@given(sequence=calls())
def test_any_calls_leave_what_they_leave_on_sqlite(
    sequence: list[Call], azureml_workspace: Any, quiet: None, tmp_path: Path
) -> None:
    _compare(sequence, tmp_path)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(SLOWLY, max_examples=500)
@given(sequence=calls())
def test_many_calls_leave_what_they_leave_on_sqlite(
    sequence: list[Call], azureml_workspace: Any, quiet: None, tmp_path: Path
) -> None:
    _compare(sequence, tmp_path)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(SLOWLY, max_examples=100)
@given(sequence=calls())
def test_calls_of_which_half_fail_leave_what_they_leave_on_sqlite(
    sequence: list[Call],
    azureml_workspace: Any,
    faulty: Any,
    quiet: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as led:
        for name, value in faulty.environment.items():
            led.setenv(name, value)
        _compare(sequence, tmp_path)


def _compare(sequence: list[Call], folder: Path) -> None:
    name = uuid.uuid4().hex[:8]
    expected, left_here = _made(sequence, f"sqlite:///{folder.as_posix()}/mlflow.db", name)
    seen, left_there = _made(sequence, URI, name)

    for call, here, there in zip(sequence, expected, seen, strict=True):
        is_done_already = there is None and here in AGAIN and "delete" in call[0]
        assert there == here or is_done_already, call
    assert left_there == left_here


def _made(sequence: list[Call], uri: str, name: str) -> tuple[list[Any], Any]:
    """Make calls on a server; return what each came to, and what they have left."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)  # where MLflow looks for the artifacts of models
    try:
        program = Program(mlflow.MlflowClient(uri, uri), name)
        return [program.outcome(call) for call in sequence], content(program)
    finally:
        mlflow.set_tracking_uri(before)
