"""The containers of deployments: each one a local process that runs the score script."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlproject.base import environ
from mlproject.emulator.assets import codes, models
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store

CRASHED = (
    "User container has crashed or terminated: Liveness probe failed: HTTP probe failed with "
    "statuscode: 502. Please see troubleshooting guide, available here: "
    "https://aka.ms/oe-tsg#error-resourcenotready"
)
INFERENCE, STORAGE = "InferenceServer", "StorageInitializer"
_HERE = Path(__file__).resolve().parent
# All that a container has of the environment in which the emulator was started.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK")
_POLL = 0.05
_PATIENCE = 120.0
_SECONDS = re.compile(r"PT(?:(\d+)M)?(?:([\d.]+)S)?")


@dataclass
class Container:
    """One that runs.

    Attributes
    ----------
    seconds : float
        What a request may take.
    room : Semaphore
        For as many requests as are answered at a time.
    """

    process: subprocess.Popen[bytes]
    port: int
    seconds: float
    room: threading.Semaphore = field(repr=False)


class ContainerRunner:
    """Runs the containers of deployments, which are known by their paths below the workspace.

    Attributes
    ----------
    network : dict
        The variables by which a container reaches the emulated hosts.
    """

    def __init__(self, state: State, store: Store) -> None:
        self.network: dict[str, str] = {}
        self._state = state
        self._store = store
        self._running: dict[str, Container] = {}
        self._lock = threading.Lock()

    def start(self, path: str, properties: dict[str, Any]) -> str | None:
        """Run a deployment's container in the place of its last; return why it does not."""
        fate = self._state.settings.deployment_fate
        if fate == "no-image":
            return "The image of the environment cannot be built: pip failed with exit code 1."
        if fate == "no-quota":
            return f"Not enough quota for the size {properties.get('instanceType')}."
        folder = self._folder(path)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "home").mkdir(parents=True)
        script = self._materialised(folder, properties)
        process = self._started(folder, script, properties)
        port = _port(process, folder / "port")
        if port is None or fate == "crash":
            _end(process)
            return CRASHED
        settings = properties.get("requestSettings") or {}
        most = int(settings.get("maxConcurrentRequestsPerInstance") or 1)
        container = Container(
            process, port, _seconds(settings.get("requestTimeout")), threading.Semaphore(most)
        )
        with self._lock:
            before, self._running[path] = self._running.get(path), container
        if before is not None:
            _end(before.process)
        return None

    def running(self, path: str, deployment: Resource) -> Container | None:
        """Return a deployment's container; started again where the emulator was."""
        with self._lock:
            container = self._running.get(path)
        if container is not None and container.process.poll() is None:
            return container
        if self.start(path, deployment["properties"]) is not None:
            return None
        return self._running[path]

    def remove(self, path: str) -> None:
        with self._lock:
            container = self._running.pop(path, None)
        if container is not None:
            _end(container.process)
        shutil.rmtree(self._folder(path), ignore_errors=True)

    def log(self, path: str, kind: str, lines: int | None) -> str:
        """Return the last lines of what a container has printed."""
        file = self._folder(path) / f"{kind}.txt"
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        return "\n".join(text.splitlines()[-(lines or 0) :])

    def close(self) -> None:
        with self._lock:
            for container in self._running.values():
                _end(container.process)

    def _folder(self, path: str) -> Path:
        return self._state.folder / "deployments" / path.strip("/").replace("/", "-").lower()

    def _materialised(self, folder: Path, properties: dict[str, Any]) -> Path:
        """Put model and code where the script finds them, and return the script."""
        model = models.find(self._state, self._store, str(properties.get("model") or ""))
        if model is not None:
            models.copy(self._state, model, folder / "model")
        (folder / f"{STORAGE}.txt").write_text(f"Downloaded {properties.get('model')}\n")
        code = properties.get("codeConfiguration")
        if not code:
            return _HERE / "no_code.py"
        codes.copy(self._state, code["codeId"], folder / "code")
        return folder / "code" / str(code["scoringScript"])

    def _started(
        self, folder: Path, script: Path, properties: dict[str, Any]
    ) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        own = {
            "HOME": str(folder / "home"),
            environ.OPENMP_WAITS: "passive",
            "AZUREML_MODEL_DIR": str(folder / "model"),
            "AML_APP_ROOT": str(folder / "code"),
            "AZUREML_ENTRY_SCRIPT": script.name,
        }
        given = properties.get("environmentVariables") or {}
        server = [str(_HERE / "inference_server.py"), str(script), str(folder / "port")]
        with (folder / f"{INFERENCE}.txt").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-u", *server],
                cwd=folder,
                env=kept | own | self.network | given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _port(process: subprocess.Popen[bytes], told: Path) -> int | None:
    """Return the port once the server listens; None where it does not come to that."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if told.exists():
            return int(told.read_text(encoding="utf-8"))
        time.sleep(_POLL)
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _seconds(duration: str | None) -> float:
    match = _SECONDS.fullmatch(duration or "PT5S")
    minutes, seconds = match.groups() if match else (None, "5")
    return 60.0 * int(minutes or 0) + float(seconds or 0)
