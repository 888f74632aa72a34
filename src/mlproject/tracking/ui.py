"""The page of a run, or of all runs: MLflow's own, started for it where there is none yet.

MLflow's server is a process of this interpreter that answers on loopback only. It is given the
store in its environment, not in its arguments, which every user of the machine may read.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlproject.base import environ
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, TrackingError, one_line
from mlproject.base.redaction import redacted_text
from mlproject.tracking.azureml import studio_home, studio_link
from mlproject.tracking.target import AZUREML, Target

if TYPE_CHECKING:
    from mlflow.entities import Run

_HOST = "127.0.0.1"
_SECONDS_TO_START = 120
_SECONDS_TO_END = 10
_POLL_SECONDS = 0.1
_ERROR = re.compile(r"[\w.]*(?:Error|Exception)\b")
_WEB = ("http://", "https://")


@dataclass(frozen=True)
class Server:
    """MLflow's server, while it runs."""

    address: str
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Return never, but raise TrackingError when the server ends by itself."""
        code = self.process.wait()
        raise TrackingError(f"MLflow's server has ended, with exit code {code}")


def is_served(target: Target) -> bool:
    """Whether a target has pages of its own: a server, or the Studio of Azure ML."""
    return target.name == AZUREML or target.uri.startswith(_WEB)


def page_of(target: Target, run: Run | None, address: str | None = None) -> str:
    """Return the address of a run's page, or of all runs.

    ``address`` is that of a server which was started for a target that has none.
    """
    if target.name == AZUREML:
        return studio_link(target.uri, run.info.run_id) if run else studio_home(target.uri)
    base = (address or target.printable).rstrip("/")
    if run is None:
        return f"{base}/"
    return f"{base}/#/experiments/{quote(run.info.experiment_id)}/runs/{quote(run.info.run_id)}"


@contextmanager
def served(target: Target, port: int | None, reporter: Reporter) -> Iterator[Server]:
    """Run MLflow's server on a target for the block.

    Raises
    ------
    ConfigurationError
        When the port is taken.
    TrackingError
        When the server does not start.
    """
    number = _free(port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", _HOST]
    command += ["--port", str(number), "--workers", "1"]
    environment = os.environ | target.environment | {environ.BACKEND_STORE: target.uri}
    # Jobs of evaluations, which are seven processes more.
    environment |= {environ.SERVER_JOBS: "false"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for this process, which then ends that one
        )
        try:
            address = f"http://{_HOST}:{number}"
            with reporter.step("Starting MLflow's server"):
                _wait(process, address)
            if process.poll() is not None:
                log.seek(0)
                raise TrackingError(f"MLflow's server did not start: {_last_line(log.read())}")
            yield Server(address, process)
        finally:
            _end(process)


def show(address: str) -> bool:
    """Open a browser, where there is somebody to see it; return whether there was one."""
    if environ.get(environ.CI) or not (environ.has_display() or environ.get(environ.BROWSER)):
        return False
    with suppress(webbrowser.Error):
        return webbrowser.open(address)
    return False


def _free(port: int | None) -> int:
    with socket.socket() as probe:
        if os.name == "posix":  # elsewhere it would take a port that is taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port or 0))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} cannot be used: {error.strerror}", "Give another with --port"
            ) from error
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    """Return once the server answers, or has ended."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None:
        with suppress(OSError):
            direct.open(f"{address}/health", timeout=2).close()
            return
        if time.monotonic() > deadline:
            raise TrackingError(f"MLflow's server has not answered for {_SECONDS_TO_START} s")
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it has started, by force where they do not end."""
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607 - Windows' own
            capture_output=True,
            check=False,
        )
        process.wait()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
    finally:  # after one more Ctrl-C too
        with suppress(ProcessLookupError):  # whatever is left of the group
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.match(line)]
    return one_line(redacted_text((errors or lines)[-1])) if lines else "it has printed nothing"
