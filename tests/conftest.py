"""What tests share: a folder and a HOME of their own, the command line, and a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlproject.cli.frame import collect_garbage_rarely
from tests.new_databases import copy_new_databases
from tests.warm import CAN_FORK, Started, Warm

ROOT = Path(__file__).resolve().parents[1]
# Tests that take longer than four seconds of CPU and are not the only one of their kind, by their
# ids; `make nightly` runs them.
LONG = ROOT / "tests" / "long.txt"
SHARED_DATA = ROOT.parent / "shared" / "data"
_INHERITED = ("PATH", "LANG", "SYSTEMROOT", "TEMP", "TMP", "UV_CACHE_DIR", "PIP_CONFIG_FILE")
_OF_THE_TESTS = ("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_ALLOW_FILE_STORE")
_WARM = Warm()
# Files of tests to what they share, which takes long to make.
SHARING = {
    "test_deploy": "a workspace with a model",
    "test_mlflow_run": "an environment",
    "test_nothing_is_lost": "a server",
    "test_promotion": "runs to promote",
    "test_report_in_a_browser": "a server",
    "test_runs": "runs to look at",
    "test_scoring": "runs to score",
    "test_scoring_cluster_frames": "a cluster",
    "test_scoring_engines": "a cluster",
    "test_scoring_object_stores": "a server of S3",
    "test_scoring_report": "a model",
    "test_serving": "a server of a model",
    "test_tracking_targets": "a server",
    "test_what_programs_log": "a server",
}
_INHERITED_PREFIXES = ("PIP_", "SSL_", "REQUESTS_", "UV_", "PYENV_")


# A shell has what it starts in the background ignore Ctrl-C, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
collect_garbage_rarely()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let one worker run what shares a server or trained runs, and any worker the rest."""
    from xdist.scheduler import LoadScopeScheduling

    class Sharing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0].rpartition("/")[2].removesuffix(".py")
            return SHARING.get(file, nodeid)

    return Sharing(config, log)


@pytest.hookimpl(tryfirst=True)  # before marks choose
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the night what takes long, and start with what waits most."""
    long = set(LONG.read_text(encoding="utf-8").splitlines())
    for item in items:
        if item.nodeid in long:
            item.add_marker(pytest.mark.nightly)
    items.sort(key=lambda item: "workspace" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _no_telemetry() -> None:
    """Tests talk to loopback only."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout: what MLflow puts into ./mlruns goes elsewhere."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _own_variables() -> Iterator[None]:
    """What MLflow puts into the environment, such as the experiment it was set to, ends there."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)
    if "mlflow.tracking.fluent" in sys.modules:  # which remembers it beside the variable
        sys.modules["mlflow.tracking.fluent"]._active_experiment_id = None


def new_environment(home: Path) -> dict[str, str]:
    """Return the environment of a new user: an empty HOME, and nothing of this process's MLflow."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    home.mkdir()
    scripts = Path(sys.executable).parent
    return kept | {
        "HOME": str(home),
        "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', '')}",
        "PYTHONPATH": str(ROOT / "src"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return new_environment(tmp_path / "home")


@dataclass
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        assert self.out.count("\n") == 1, self.out
        parsed: dict[str, Any] = json.loads(self.out)
        return parsed

    @property
    def error(self) -> str:
        """The one line that a failure ends with."""
        lines = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err, self.err
        return lines[0]


@dataclass
class Shell:
    """Runs commands in a folder, as a user would."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, **more: str) -> Finished:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=540,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def python(self, *arguments: str, **more: str) -> Finished:
        return self.run(sys.executable, *arguments, **more)

    def warm(self, *arguments: str, **more: str) -> Finished:
        """Run ``python …`` in a process that need not import MLflow again."""
        if not CAN_FORK or any(name.startswith("PYTHON") for name in more):
            return self.python(*arguments, **more)
        code, out, err = _WARM.run(arguments, self.folder, self.environment | more, 540)
        return Finished(code, out.decode(), err.decode())

    def script(self, text: str, printed: Path, **more: str) -> Finished:
        """Run a program of bash whose ``python`` and the like need not import MLflow again."""
        commands = Path(self.environment["HOME"]) / "commands"
        commands.mkdir(exist_ok=True)
        python = _WARM.python(self.environment) if CAN_FORK else sys.executable
        for name, words in (
            ("python", ""),
            ("mlflow", "-m mlflow "),
            ("mlproject", "-m mlproject "),
        ):
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec {python} {words}"$@"\n')
            command.chmod(0o755)
        path = f"{commands}{os.pathsep}{self.environment['PATH']}"
        log = printed.with_name(f"{printed.name}.log")
        with printed.open("w") as out, log.open("w") as err:
            done = subprocess.run(
                ["bash", "-xc", text],
                cwd=self.folder,
                env=self.environment | {"PATH": path} | more,
                stdout=out,
                stderr=err,
                timeout=540,
                check=False,
            )
        return Finished(done.returncode, printed.read_text(), log.read_text())

    def start(self, *arguments: str, **more: str) -> Started | subprocess.Popen[str]:
        """Start ``python -m …`` and leave it running."""
        environment = self.environment | more
        if CAN_FORK:
            return _WARM.start(arguments, self.folder, environment)
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def train(self, *arguments: str, **more: str) -> Finished:
        return self.warm("-m", "training", *arguments, **more)

    def score(self, *arguments: str, **more: str) -> Finished:
        return self.warm("-m", "inference", *arguments, **more)

    def mlproject(self, *arguments: str, **more: str) -> Finished:
        return self.warm("-m", "mlproject", *arguments, **more)

    def trained(self, *arguments: str, **more: str) -> dict[str, Any]:
        """Train with --json and return its object; without a report, which takes a second."""
        done = self.train(*arguments, "--no-report", "--json", **more)
        assert done.code == 0, done.err
        return done.json


@pytest.fixture
def shell(tmp_path: Path, environment: dict[str, str]) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder, environment)


@pytest.fixture(scope="module")
def own_shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shell]:
    """A function that gives a new folder and HOME, for what several tests only read."""

    def made() -> Shell:
        base = tmp_path_factory.mktemp("shell")
        (base / "work").mkdir()
        return Shell(base / "work", new_environment(base / "home"))

    return made


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, for tests inside this process."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in list(os.environ):
        if name.startswith("MLFLOW_") and name not in _OF_THE_TESTS:
            monkeypatch.delenv(name)
    return folder


@pytest.fixture(scope="session")
def new_databases(tmp_path_factory: pytest.TempPathFactory) -> None:
    """MLflow in this process that need not make the tables of each new SQLite file."""
    copy_new_databases(tmp_path_factory.mktemp("databases"))


@pytest.fixture(scope="session")
def client() -> Callable[[str], Any]:
    """A function that opens any store from this process."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

    def opened(uri: str) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    return opened


@pytest.fixture(scope="session")
def pima() -> Path:
    path = SHARED_DATA / "pima-diabetes.csv"
    if not path.is_file():
        pytest.skip(f"the Pima data is not at {path}")
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real ``mlflow server`` on loopback; it takes ten seconds to start, so tests share it."""
    port = free_port()
    folder = tmp_path_factory.mktemp("server")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder.as_posix()}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            # Its jobs, which nothing here uses, are seven processes more that import MLflow.
            env=new_environment(folder / "home") | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                urllib.request.urlopen(f"{address}/health", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def children_of(client: Any, experiment_id: str, run_id: str) -> list[Any]:
    """Return a run's children, by candidate."""
    found = client.search_runs(
        [experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'", max_results=1000
    )
    return sorted(found, key=lambda run: int(run.data.tags["mlproject.candidate"]))


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP for the block, and yield the address."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_port}"
        finally:
            web.shutdown()
            thread.join()


@contextmanager
def dask_cluster(address: str, folder: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Run a scheduler and a worker as processes of their own."""
    log = folder / "dask.log"
    host, port = address.removeprefix("tcp://").split(":")
    scheduler = ["scheduler", "--host", host, "--port", port, "--no-dashboard"]
    worker = ["worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard"]
    worker += ["--local-directory", str(folder), "--no-nanny"]
    with log.open("wb") as stream:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{part[0]}", *part[1:]],
                cwd=folder,
                env=environment,
                stdout=stream,
                stderr=stream,
            )
            for part in (scheduler, worker)
        ]
        try:
            for _ in range(150):
                if "Registered to" in log.read_text():
                    break
                time.sleep(0.2)
            yield log
        finally:
            for process in started:
                process.kill()
                process.wait()


def saved(folder: Path, model: Any, X: Any, **options: Any) -> Path:
    """Save a model as MLflow does."""
    import mlflow
    from mlflow.models import infer_signature

    signature = infer_signature(X, model.predict(X))
    options = {"serialization_format": "cloudpickle"} | options
    mlflow.sklearn.save_model(
        model, folder, signature=signature, input_example=X.head(3), pip_requirements=[], **options
    )
    return folder
