"""Sweeps: each trial a job of its own, below a parent that starts them and compares them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

from mlproject.emulator.compute import sampling
from mlproject.emulator.compute.job_runner import ENDED, EndedEarlyError, JobRunner, seconds_of
from mlproject.emulator.compute.job_runs import make
from mlproject.emulator.jobs import JobRun
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.runs.artifacts import blob_of
from mlproject.emulator.runs.tracking import API
from mlproject.emulator.storage import blobs

PARENT = "parentJobName"
"""The property of a trial that names its sweep."""
_LOG = "azureml-logs/hyperdrive.txt"
_REFERENCE = re.compile(r"\$\{\{\s*search_space\.(\w+)\s*\}\}")
_POLL = 0.05
_USUAL_AT_A_TIME = 4


class SweepRunner:
    """Runs sweeps, whose trials are run like any other job."""

    def __init__(self, state: State, store: Store, runner: JobRunner) -> None:
        self._state = state
        self._store = store
        self._runner = runner
        self._threads: list[threading.Thread] = []

    def start(self, job: Resource, run: JobRun) -> None:
        thread = threading.Thread(target=self._run, args=(job, run), daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, job: Resource, run: JobRun) -> None:
        sweep = _Sweep(self._state, self._store, self._runner, job, run)
        try:
            self._runner.enter(run.run_id, "Running")
            self._runner.enter(run.run_id, *sweep.ended())
        except EndedEarlyError as end:
            sweep.end_trials()
            self._runner.enter(run.run_id, end.status, end.message)
        except Exception as error:  # noqa: BLE001 - a thread's end; the client is to hear of it
            self._runner.enter(run.run_id, "Failed", f"{type(error).__name__}: {error}")


class _Sweep:
    """One sweep under way."""

    def __init__(
        self, state: State, store: Store, runner: JobRunner, job: Resource, run: JobRun
    ) -> None:
        self._state = state
        self._store = store
        self._runner = runner
        self._run = run
        self._properties: dict[str, Any] = job["properties"]
        self._going: list[str] = []
        self._scores: dict[str, float] = {}
        self._completed = 0
        owner = Owner("ExperimentRun", f"dcid.{run.run_id}")
        state.records.created(owner, _LOG)
        self._log = blobs.growing(state, blob_of(owner, _LOG))

    def ended(self) -> tuple[str, ...]:
        """Run all trials, and return the status that the sweep ends with, and why."""
        limits = self._properties.get("limits") or {}
        at_a_time = limits.get("maxConcurrentTrials") or _USUAL_AT_A_TIME
        most, started = seconds_of(limits.get("timeout")), time.monotonic()
        waiting = enumerate(sampling.drawn(self._properties))
        following = next(waiting, None)
        while following is not None or self._going:
            self._runner.check(self._run.run_id)
            if most is not None and time.monotonic() - started > most:
                raise EndedEarlyError("Canceled", f"The sweep has run for longer than {most:g} s.")
            while following is not None and len(self._going) < at_a_time:
                self._start(*following)
                following = next(waiting, None)
            self._gather()
            time.sleep(_POLL)
        if not self._completed:
            return "Failed", "All trials have failed."
        # Where none has logged the metric, the service ends a sweep without a best one.
        return ("Completed",)

    def end_trials(self) -> None:
        """Cancel what is going on, and wait until it has ended."""
        for name in self._going:
            self._runner.cancel(name)
        while self._going:
            self._gather()
            time.sleep(_POLL)

    def _start(self, number: int, values: Mapping[str, Any]) -> None:
        """Start a trial as a job whose command has the values of it."""
        properties, parent = self._properties, self._run.run_id
        trial, name = properties["trial"], f"{parent}_{number}"
        command = _REFERENCE.sub(lambda match: str(values[match[1]]), trial["command"])
        swept = {f"AZUREML_SWEEP_{key}": str(value) for key, value in values.items()}
        limits = properties.get("limits") or {}
        own = {
            **trial,
            "jobType": "Command",
            "displayName": f"{properties.get('displayName') or parent}_{number}",
            "experimentName": properties["experimentName"],
            "command": command,
            "computeId": properties.get("computeId"),
            "inputs": properties.get("inputs") or {},
            "outputs": properties.get("outputs") or {},
            "environmentVariables": (trial.get("environmentVariables") or {}) | swept,
            "limits": {"jobLimitsType": "Command", "timeout": limits.get("trialTimeout")},
            "tags": {"hyperparameters": json.dumps(values)},
            PARENT: parent,
        }
        run = make(self._store, name, own, {"mlflow.parentRunId": parent})
        job = self._state.resources.put(f"/jobs/{name}", own | {"status": "NotStarted"})
        self._going.append(name)
        self._say(f"Scheduling job, id='{name}', {json.dumps(values)}")
        self._runner.start(job, run)

    def _gather(self) -> None:
        """Take note of the trials that have ended."""
        for name in list(self._going):
            job = self._state.resources.get(f"/jobs/{name}")
            status = job["properties"]["status"] if job else "Failed"
            if status not in ENDED:
                continue
            self._going.remove(name)
            self._completed += status == "Completed"
            score = self._score(name)
            shown = "none" if score is None else f"{score:g}"
            self._say(f"Job '{name}' has ended: {status}, its score is {shown}")
            if score is not None and status == "Completed":
                self._scores[name] = score
                self._note_best()

    def _score(self, name: str) -> float | None:
        """Return what a trial has logged under the name of the metric, the last of it."""
        query = {"run_id": ids.for_store({"run_id": name})["run_id"]}
        found: Any = self._store.answer("GET", f"{API}runs/get", query).json
        metrics = found.get("run", {}).get("data", {}).get("metrics", [])
        wanted = self._properties["objective"]["primaryMetric"]
        values = [item["value"] for item in metrics if item["key"] == wanted]
        return float(values[-1]) if values else None

    def _note_best(self) -> None:
        goal = str(self._properties["objective"]["goal"]).lower()
        best = (max if goal == "maximize" else min)(self._scores, key=lambda n: self._scores[n])
        job = self._state.resources.get(f"/jobs/{self._run.run_id}")
        if job is not None:
            known = job["properties"].get("properties") or {}
            told = {"best_child_run_id": best, "score": str(self._scores[best])}
            told["primary_metric_config"] = json.dumps(
                {"name": self._properties["objective"]["primaryMetric"], "goal": goal}
            )
            self._state.resources.put(
                f"/jobs/{self._run.run_id}", job["properties"] | {"properties": known | told}
            )

    def _say(self, text: str) -> None:
        with self._log.open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
