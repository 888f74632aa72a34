"""A process that has imported what is heavy, and is forked for each command.

Importing MLflow and scikit-learn takes longer than most commands. What it runs is still a process
of its own, with the folder and the environment it is given; this project's modules are imported
there anew. Where there is no fork, tests start Python as a user does.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

HEAVY = (
    "alembic.command",
    "azure.identity",
    "azureml.mlflow._store.artifact.artifact_repo",
    "azureml.mlflow._store.model_registry.model_registry",
    "azureml.mlflow._store.tracking.store",
    "click",
    "distributed",
    "fsspec.implementations.http",
    "git",
    "mlflow.pyfunc",
    "mlflow.server.handlers",
    "mlflow.sklearn",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "skops.io",
)
CAN_FORK = hasattr(os, "fork")


class Warm:
    """The process; started at the first command, ended with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str], timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run ``python -m …``; return exit code, standard output and standard error."""
        home = Path(environment["HOME"])
        out, err = home / ".standard-output", home / ".standard-error"
        request = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "out": str(out),
            "err": str(err),
        }
        process = self._started(environment)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], timeout)
        if not ready:
            self._end()
            raise TimeoutError(f"{arguments} did not end in {timeout} s")
        code = int(process.stdout.readline())
        found = code, out.read_bytes(), err.read_bytes()
        out.unlink()
        err.unlink()
        return found

    def _started(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env={name: text for name, text in environment.items() if name != "HOME"},
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
    """Answer each request, a line of JSON, with the exit code of what it ran."""
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()  # else every fork goes through all of it when it ends, which takes most of a second
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            answers.close()
            _become(json.loads(line))
            return
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _become(request: dict[str, Any]) -> None:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    flag, module, *arguments = request["arguments"]
    assert flag == "-m"
    sys.path[0] = request["folder"]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
