"""The compute of jobs: each one a local process, with the environment and the statuses of a job."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlproject.base import environ
from mlproject.emulator.assets import codes, computes, data_assets
from mlproject.emulator.compute import job_outputs, job_runs
from mlproject.emulator.identities import AML_AUDIENCE
from mlproject.emulator.jobs import JobRun, variables
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.runs.artifacts import blob_of
from mlproject.emulator.runs.tracking import API
from mlproject.emulator.storage import blobs

ENDED = frozenset({"Completed", "Failed", "Canceled"})
LOG = "user_logs/std_log.txt"
_RUN_STATUS = {
    "Running": "RUNNING",
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "Canceled": "KILLED",
}
# All that a job has of the environment in which the emulator was started.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK")
_REFERENCE = re.compile(r"\$\{\{\s*(inputs|outputs)\.(\w+)\s*\}\}")
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_POLL = 0.05
_KILLED = 128


class EndedEarlyError(Exception):
    """A job ends before its process does; with the status, and what run history says of it."""

    def __init__(self, status: str, message: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class JobRunner:
    """Runs jobs, as many at a time as the cluster of each has nodes.

    Attributes
    ----------
    network : dict
        The variables by which a job's process reaches the emulated hosts.
    """

    def __init__(self, state: State, store: Store) -> None:
        self.network: dict[str, str] = {}
        self._state = state
        self._store = store
        self._changes = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._cancelled: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False
        for job in state.resources.below("/jobs"):
            if job["properties"]["status"] not in ENDED:
                self.enter(job["name"], "Failed", "The emulator has ended.", in_store=False)

    def start(self, job: Resource, run: JobRun) -> None:
        thread = threading.Thread(target=self._run, args=(job, run), daemon=True)
        self._threads[run.run_id] = thread
        thread.start()

    def busy(self, cluster: str) -> int:
        """Return how many nodes of a cluster run a job."""
        with self._changes:
            return self._busy[cluster]

    def cancel(self, name: str) -> None:
        with self._changes:
            job = self._state.resources.get(f"/jobs/{name}")
            if job is not None and job["properties"]["status"] not in ENDED:
                self._cancelled.add(job["name"])
                self.enter(job["name"], "CancelRequested")
                self._changes.notify_all()

    def close(self) -> None:
        """End every job that is not at its end."""
        self._closed = True
        for thread in list(self._threads.values()):
            thread.join()

    def _run(self, job: Resource, run: JobRun) -> None:
        name, properties = run.run_id, job["properties"]
        folder = self._state.folder / "jobs" / name
        cluster = str(computes.name_of(properties.get("computeId") or ""))
        count = (properties.get("resources") or {}).get("instanceCount") or 1
        try:
            self._pause(name)
            self.enter(name, "Preparing")
            self._pause(name)
            if self._state.settings.job_fate == "fail":
                job_runs.failed_build(self._state, self._store, name)
                self._pause(name)
                message = "The image of the environment cannot be built."
                return self.enter(name, "Failed", message)
            self.enter(name, "Queued")
            self._pause(name)
            with self._nodes(name, cluster, min(count, computes.nodes_of(cluster))):
                code = self._process(job, run, folder)
            failed = f"Execution failed. User process 'bash' exited with status code {code}. "
            failed += f"Please check log file '{LOG}' for error details."
            self.enter(name, *(("Failed", failed) if code else ("Completed",)))
        except EndedEarlyError as end:
            self.enter(name, end.status, end.message)
        except Exception as error:  # noqa: BLE001 - a thread's end; the client is to hear of it
            self.enter(name, "Failed", f"{type(error).__name__}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _process(self, job: Resource, run: JobRun, folder: Path) -> int:
        """Run the job's command to its end, and return its exit code."""
        properties, name = job["properties"], run.run_id
        code = folder / "code"
        code.mkdir(parents=True)
        if properties.get("codeId"):
            codes.copy(self._state, properties["codeId"], code)
        inputs = self._inputs(properties.get("inputs") or {}, folder)
        outputs = properties.get("outputs") or {}
        written = job_outputs.prepared(name, outputs, folder)
        paths = {"inputs": inputs, "outputs": written}
        command = _REFERENCE.sub(lambda match: paths[match[1]][match[2]], properties["command"])
        environment = self._environment(run, folder) | {
            f"AZURE_ML_{section[:-1].upper()}_{key}": value
            for section, found in paths.items()
            for key, value in found.items()
        }
        environment |= properties.get("environmentVariables") or {}
        owner = Owner("ExperimentRun", f"dcid.{name}")
        self._state.records.created(owner, LOG)
        log = blobs.growing(self._state, blob_of(owner, LOG))
        most = seconds_of((properties.get("limits") or {}).get("timeout"))
        self.enter(name, "Running")
        with log.open("ab") as stream:
            process = subprocess.Popen(
                ["bash", "-c", command],  # noqa: S607 - as the service runs a command
                cwd=code,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                returned = self._waited(name, process, log, most)
            finally:
                with suppress(OSError):  # what the command has left running
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.enter(name, "Finalizing")
        for top in ("outputs", "logs"):
            self._upload(owner, code, top)
        if returned == 0:
            job_outputs.upload(self._state, name, outputs, written)
        self._pause(name)
        return _KILLED - returned if returned < 0 else returned

    def _waited(
        self, name: str, process: subprocess.Popen[bytes], log: Path, most: float | None
    ) -> int:
        started, preempted = time.monotonic(), self._state.settings.job_fate == "preempt"
        while (returned := process.poll()) is None:
            self.check(name)
            if preempted and log.stat().st_size:
                raise EndedEarlyError("Failed", "The node was preempted.")
            if most is not None and time.monotonic() - started > most:
                raise EndedEarlyError("Canceled", f"The job has run for longer than {most:g} s.")
            time.sleep(_POLL)
        return returned

    @contextmanager
    def _nodes(self, name: str, cluster: str, count: int) -> Iterator[None]:
        """Hold some of a cluster's nodes for the block; wait until they are free."""

        def are_free() -> bool:
            stays = self._state.settings.job_fate == "queue"
            return not stays and self._busy[cluster] + count <= computes.nodes_of(cluster)

        with self._changes:
            while not self._changes.wait_for(are_free, _POLL):
                self.check(name)
            self._busy[cluster] += count
        try:
            yield
        finally:
            with self._changes:
                self._busy[cluster] -= count
                self._changes.notify_all()

    def _pause(self, name: str) -> None:
        end = time.monotonic() + self._state.settings.job_delay
        while (left := end - time.monotonic()) > 0:
            self.check(name)
            time.sleep(min(left, _POLL))
        self.check(name)

    def check(self, name: str) -> None:
        """Raise EndedEarlyError for a job whose end was asked for."""
        if name in self._cancelled:
            raise EndedEarlyError("Canceled")
        if self._closed:
            raise EndedEarlyError("Failed", "The emulator has ended.")

    def enter(
        self, name: str, status: str, message: str | None = None, *, in_store: bool = True
    ) -> None:
        """Change a job's status, and its run's; one whose end was asked for does not go on."""
        with self._changes:
            job = self._state.resources.get(f"/jobs/{name}")
            if job is None or (
                name in self._cancelled and status not in {*ENDED, "CancelRequested"}
            ):
                return
            properties = job["properties"] | {"status": status}
            if message is not None:
                properties["error"] = message
            self._state.resources.put(f"/jobs/{name}", properties)
        if in_store and status in _RUN_STATUS:
            content: dict[str, Any] = ids.for_store({"run_id": name})
            content["status"] = _RUN_STATUS[status]
            if status in ENDED:
                content["end_time"] = int(time.time() * 1000)
            with suppress(ConnectionError, OSError):  # the store has ended, and with it the run
                self._store.answer("POST", f"{API}runs/update", content=content)

    def _inputs(self, inputs: dict[str, Any], folder: Path) -> dict[str, str]:
        """Return what stands for each input: a literal, or the path of what was downloaded."""
        found = {}
        for name, item in inputs.items():
            if item["jobInputType"] == "literal":
                found[name] = str(item["value"])
                continue
            target = folder / "inputs" / name
            target.mkdir(parents=True)
            blobs.copy(self._state, data_assets.path_of(self._state, item["uri"]), target)
            files = list(target.iterdir())
            is_file = item["jobInputType"] == "uri_file" and len(files) == 1
            found[name] = str(files[0] if is_file else target)
        return found

    def _environment(self, run: JobRun, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        scripts = str(Path(sys.executable).parent)
        kept["PATH"] = os.pathsep.join(filter(None, (scripts, kept.get("PATH"))))
        home = folder / "home"
        home.mkdir()
        token, expires = self._state.token(AML_AUDIENCE, run=run.run_id)
        own = {"HOME": str(home), environ.OPENMP_WAITS: "passive", "PYTHONUNBUFFERED": "1"}
        return kept | own | self.network | variables(run, token, expires)

    def _upload(self, owner: Owner, code: Path, top: str) -> None:
        """Make artifacts of what the command has left in a folder."""
        for path in sorted((code / top).rglob("*")):
            if path.is_file():
                name = path.relative_to(code).as_posix()
                if self._state.records.created(owner, name):
                    target = blobs.growing(self._state, blob_of(owner, name))
                    shutil.copyfile(path, target)


def seconds_of(duration: str | None) -> float | None:
    """Return a limit in seconds; None for as long as it takes."""
    match = _DURATION.fullmatch(duration or "")
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return 3600.0 * hours + 60 * minutes + seconds
