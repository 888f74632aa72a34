"""Runs MLflow's own tests, on SQLite or led to ``azureml3``; a plugin of pytest.

``MLFLOW_TESTS_STORE`` is ``sqlite`` or ``azureml3``, ``MLFLOW_TESTS_RESULTS`` the file to write to.

MLflow's tests take their store from a few fixtures. The one that makes an SQLite file starts an
emulator instead, and the clients of a server that MLflow would start are clients of it. Everything
else of a test is as MLflow has it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest

from mlproject.emulator.environment import astray
from mlproject.emulator.identities import TRACKING_URI
from mlproject.emulator.instance import LOG_FILE, EmulatorInstance, find

ROOT = Path(__file__).resolve().parents[1]
URI = TRACKING_URI.replace("azureml:", "azureml3:")
# A test is about MLflow's server, and not about a client, when it, or a function of its module
# that it calls, uses one of these names: raw requests, the server's own code, a server of its own.
SERVER = frozenset(
    {"requests", "_send_rest_tracking_post_request", "_init_server", "ServerThread", "handlers"}
    | {"SqlAlchemyStore", "flask", "app", "initialize_backend_stores"}
)
# Fixtures that start a server for what only a server has: its gateway, with its secrets.
SERVER_FIXTURES = frozenset({"mlflow_client_with_secrets"})
# Fixtures with a parameter that says on which store.
STORES = ("store_type", "client", "tracking_uri", "registry_uri")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "asyncio: a test of pytest-asyncio")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests of MLflow's server, and those on a store other than SQLite."""
    left_out: dict[str, str] = {}
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        if any(parameters.get(name) == "file" for name in STORES):
            left_out[item.nodeid] = "on the FileStore"
        elif item.get_closest_marker("asyncio"):
            left_out[item.nodeid] = "asynchronous"
        elif _is_about_the_server(item):
            left_out[item.nodeid] = "not about a tracking client"
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":  # every worker has them all
        for name, reason in left_out.items():
            _write({"test": name, "left_out": reason})


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message if crash is not None else report.longrepr or "")
    # A test that MLflow expects to fail shows nothing, whichever way it ends.
    outcome = "skipped" if hasattr(report, "wasxfail") else report.outcome
    _write({"test": report.nodeid, "when": report.when, "outcome": outcome, "error": text})


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> None:
    """Have a fixture do ours instead; pytest goes on to call it."""
    if os.environ["MLFLOW_TESTS_STORE"] != "azureml3":
        return
    if fixturedef.argname == "db_uri":
        fixturedef.func = _workspace
    elif fixturedef.argname in ("mlflow_client", "client") and "db_uri" in fixturedef.argnames:
        fixturedef.func = _client


def _workspace(**_: Any) -> Iterator[str]:
    """Yield the URI of a workspace with nothing in it."""
    import mlflow.tracking._model_registry.utils as registry
    import mlflow.tracking._tracking_service.utils as tracking

    from mlproject.azure.connection import context

    emulator = _EMULATORS.empty()
    context._KNOWN.clear()  # its tokens are another emulator's
    for stores in (tracking._tracking_store_registry, registry._get_store_registry()):
        stores._get_store_with_resolved_uri.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for name in astray(os.environ):
            patch.delenv(name)
        for name, value in emulator.environment.items():
            if name != "MLFLOW_TRACKING_URI":  # MLflow's own fixtures set it
                patch.setenv(name, value)
        yield URI


def _client(db_uri: str, **_: Any) -> Iterator[Any]:
    from mlflow import MlflowClient

    yield MlflowClient(db_uri)


class Emulators:
    """Emulators, each of which serves one test; one that was not asked anything serves the next."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mlflow-tests-"))
        self._warm: Any = None
        self._running: tuple[Any, EmulatorInstance] | None = None
        self._number = 0

    def empty(self) -> EmulatorInstance:
        if self._running is None or (self._running[1].folder / LOG_FILE).exists():
            self.end()
            self._running = self._start()
        return self._running[1]

    def end(self) -> None:
        if self._running is not None:
            process, instance = self._running
            process.terminate()
            process.wait()
            if instance.folder.name != "0":
                shutil.rmtree(instance.folder)
            self._running = None

    def close(self) -> None:
        self.end()
        shutil.rmtree(self._folder)

    def _start(self) -> tuple[Any, EmulatorInstance]:
        if self._warm is None:
            self._warm = _warm()
            # The first makes the database, which takes MLflow long; the others get a copy.
            self._running = self._begin()
            self.end()
        return self._begin()

    def _begin(self) -> tuple[Any, EmulatorInstance]:
        folder = self._folder / str(self._number)
        folder.mkdir()
        if self._number:
            for path in (self._folder / "0").glob("mlflow.db*"):
                shutil.copy2(path, folder)
        self._number += 1
        environment = {n: v for n, v in os.environ.items() if n in ("PATH", "LANG", "HOME")}
        environment |= {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
        process = self._warm.start(
            *("-m", "mlproject", "emulator", "start", "--state", str(folder)),
            folder=self._folder,
            environment=environment,
        )
        return process, _found(process, folder)


def _found(process: Any, folder: Path) -> EmulatorInstance:
    from mlproject.base.errors import ConfigurationError

    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            return find(folder)
        except ConfigurationError:
            time.sleep(0.01)
    raise RuntimeError(f"The emulator did not start: {process.communicate()}")


def _warm() -> Any:
    """Return a process that is forked for each emulator; ``tests`` is MLflow's package here."""
    path = ROOT / "tests" / "warm.py"
    spec = importlib.util.spec_from_file_location("warm", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    warm = module.Warm()

    class Starter:
        def start(self, *arguments: str, folder: Path, environment: dict[str, str]) -> Any:
            return warm.start(arguments, folder, environment)

    return Starter()


_EMULATORS = Emulators()


def pytest_sessionfinish() -> None:
    _EMULATORS.close()


def _is_about_the_server(item: pytest.Item) -> bool:
    function = getattr(item, "function", None)
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & SERVER_FIXTURES or (function and _names(function, set()) & SERVER))


def _names(function: Any, seen: set[Any]) -> set[str]:
    """Return the names that a function uses, and those of its module that it calls."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or function in seen:
        return set()
    seen.add(function)
    names = _of_code(function.__code__)
    for name in list(names):
        called = function.__globals__.get(name)
        if getattr(called, "__module__", None) == function.__module__:
            names |= _names(called, seen)
    return names


def _of_code(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _of_code(constant)
    return names


def _write(record: dict[str, Any]) -> None:
    with Path(os.environ["MLFLOW_TESTS_RESULTS"]).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record) + "\n")
