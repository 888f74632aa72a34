"""A process that has imported what is heavy, and is forked for each command.

Importing MLflow and scikit-learn takes longer than most commands, and so does making the tables of
a new database. What it runs is still a process of its own, with the folder and the environment it
is given. Where there is no fork, tests start Python as a user does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import warm_python
from tests.new_databases import copy_new_databases

HEAVY = (
    "alembic.command",
    "azure.identity",
    "azureml.mlflow._store.artifact.artifact_repo",
    "azureml.mlflow._store.model_registry.model_registry",
    "azureml.mlflow._store.tracking.store",
    "click",
    "distributed",
    "IPython",  # which MLflow looks for, whenever it starts a run
    "filelock",
    "fsspec.implementations.http",
    "git",
    "matplotlib.backends.backend_svg",
    "matplotlib.pyplot",
    "mlflow.lightgbm",
    "mlflow.pyfunc.scoring_server",
    "mlflow.server.handlers",
    "mlflow.sklearn.utils",
    "mlflow.store.model_registry.file_store",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.file_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.tracing.processor.base_mlflow",
    "mlflow.xgboost",
    "mpl_toolkits.mplot3d",
    "narwhals._pandas_like.namespace",
    "narwhals.stable.v2",
    "opentelemetry.sdk.trace",
    "pandas",
    "sklearn.dummy",
    "sklearn.frozen",
    "sklearn.impute",
    "sklearn.tree",
    "pyarrow.csv",
    "pyarrow.json",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "skops.io",
    "sqlalchemy.dialects.mssql",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.sqlite",
)
CAN_FORK = hasattr(os, "fork")


class Started:
    """A command that runs, as ``subprocess.Popen`` has it."""

    def __init__(self, warm: Warm, pid: int, out: Path, err: Path) -> None:
        self.returncode: int | None = None
        self._warm, self._pid, self._files = warm, pid, (out, err)

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._warm.code_of(self._pid)
        return self.returncode

    def wait(self, timeout: float = 60) -> int:
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self._pid), timeout)
            time.sleep(0.005)
        return code

    def communicate(self, timeout: float = 60) -> tuple[str, str]:
        self.wait(timeout)
        out, err = (path.read_text(encoding="utf-8") for path in self._files)
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self._pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Warm:
    """The process; started at the first command, ended with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._home = tempfile.TemporaryDirectory()  # of what looks for one when it is imported
        atexit.register(self._home.cleanup)

    def run(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run ``python …``; return exit code, standard output and standard error."""
        out, err, request = self._request(arguments, folder, environment)
        code = self._answer(environment, request | {"wait": True}, timeout)
        found = int(code), out.read_bytes(), err.read_bytes()
        out.unlink()
        err.unlink()
        return found

    def start(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> Started:
        """Start ``python …`` and leave it running."""
        out, err, request = self._request(arguments, folder, environment)
        return Started(self, int(self._answer(environment, request, 60)), out, err)

    def code_of(self, pid: int) -> int | None:
        """Return the exit code of what was started; None while it runs."""
        code: int | None = json.loads(self._answer({}, {"poll": pid}, 60))
        return code

    def python(self, environment: dict[str, str]) -> str:
        """Return the path of a command ``python`` for scripts, whose processes are forked."""
        path: str = json.loads(self._answer(environment, {"python": True}, 60))
        return path

    def _request(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> tuple[Path, Path, dict[str, Any]]:
        self._number += 1
        out, err = (Path(environment["HOME"]) / f".{n}-{self._number}" for n in ("out", "err"))
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "out": str(out),
            "err": str(err),
        }
        return out, err, request

    def _answer(
        self, environment: dict[str, str], request: dict[str, Any], timeout: float
    ) -> bytes:
        process = self._started(environment)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], timeout)
        if not ready:
            self._end()
            raise TimeoutError(f"{request} was not answered in {timeout} s")
        return process.stdout.readline()

    def _started(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        if self._process is None:
            # What it runs says itself where this project's modules are.
            bare = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm"],
                cwd=Path(__file__).resolve().parents[1],
                env=bare | {"HOME": self._home.name},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            atexit.register(self._end)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> None:
    """Answer each request, a line of JSON, with a line.

    It is the exit code of what ran; of what was only started, its process; to a question, null
    or its exit code; or the path of a command that forks.
    """
    gc.disable()
    for name in HEAVY:
        importlib.import_module(name)
    warm_python.import_ours()
    copy_new_databases(Path(os.environ["HOME"]))
    # Which packages are installed, which is asked for each model and then remembered.
    importlib.import_module("mlflow.utils.requirements_utils")._init_modules_to_packages_map()
    importlib.import_module("training.requirements")._all_owners()
    gc.enable()
    gc.freeze()  # else every fork goes through all of it when it ends, which takes most of a second
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        answer: int | str | None
        if "python" in request:
            answer = warm_python.installed()
        elif "poll" in request:
            ended, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                answers.close()
                _become(request)
                return
            if "wait" in request:
                answer = os.waitstatus_to_exitcode(os.waitpid(answer, 0)[1])
        print(json.dumps(answer), file=answers, flush=True)


def _become(request: dict[str, Any]) -> None:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    if "emulator" in request["arguments"]:
        _fork_servers()
        sys.executable = warm_python.installed()
    warm_python.run_and_end(request["arguments"])


class ForkedServer:
    """MLflow's server of an emulator, as ``subprocess.Popen`` has it, forked from what is warm."""

    def __init__(self, database: Path) -> None:
        questions, self._asked = os.pipe()
        self._told, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.setsid()
            os.dup2(questions, 0)
            os.dup2(answers, 1)
            for handle in (questions, answers, self._asked, self._told):
                os.close(handle)
            sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
            try:
                importlib.import_module("mlproject.emulator.keeping.server").main(database)
            finally:
                os._exit(0)
        os.close(questions)
        os.close(answers)
        self.stdin = os.fdopen(self._asked, "w", encoding="utf-8")
        self.stdout = os.fdopen(self._told, encoding="utf-8")
        self._ended = False

    def wait(self, timeout: float | None = None) -> None:
        end = None if timeout is None else time.monotonic() + timeout
        while not self._ended:
            self._ended = os.waitpid(self._pid, os.WNOHANG)[0] != 0
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired("server", timeout or 0)
            time.sleep(0.002)

    def kill(self) -> None:
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)


def _fork_servers() -> None:
    importlib.import_module("mlproject.emulator.keeping.store")._started = ForkedServer


if __name__ == "__main__":
    main()
