"""The runs of jobs: made before a job starts, and told of by run history."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from mlproject.emulator.assets import computes
from mlproject.emulator.jobs import JobRun
from mlproject.emulator.keeping import ids
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.runs.artifacts import blob_of
from mlproject.emulator.runs.history import experiment_number, make_run
from mlproject.emulator.storage import blobs

_BUILD_LOG = "azureml-logs/20_image_build_log.txt"
_BUILD = """\
Collecting package metadata (repodata.json): done
Solving environment: failed
ResolvePackageNotFound: nothing-of-this-name==1.0
"""


def make(
    store: Store, name: str, properties: Mapping[str, Any], tags: Mapping[str, str] | None = None
) -> JobRun:
    """Make the run of a job, with more tags than the job's own."""
    experiment = str(properties["experimentName"])
    with store.turn:
        number = experiment_number(store, experiment, make=True)
        shown = properties.get("displayName") or name
        make_run(store, number, name, shown, {**(properties.get("tags") or {}), **(tags or {})})
    client = ids.for_client({"experiment_id": number})["experiment_id"]
    return JobRun(name, str(client), experiment)


def failed_build(state: State, store: Store, job: str) -> None:
    """Make the run of a build that fails, which is of an experiment of the service's own."""
    name = f"imgbldrun_{uuid.uuid5(uuid.NAMESPACE_URL, job).hex[:7]}"
    properties = {
        "jobType": "Command",
        "experimentName": "prepare_image",
        "displayName": name,
        "status": "Failed",
    }
    make(store, name, properties)
    # It is no job that could be listed.
    state.resources.put(f"/jobs/{name}", properties | {"parentJobName": job})
    owner = Owner("ExperimentRun", f"dcid.{name}")
    state.records.created(owner, _BUILD_LOG)
    blobs.growing(state, blob_of(owner, _BUILD_LOG)).write_text(_BUILD)


def history(store: Store, job: Resource) -> dict[str, Any]:
    """Return what run history tells of a job."""
    properties = job["properties"]
    number = experiment_number(store, properties["experimentName"])
    message = properties.get("error")
    error = {"error": {"code": "UserError", "message": message}} if message else None
    return {
        "runId": job["name"],
        "runUuid": str(uuid.uuid5(uuid.NAMESPACE_URL, job["id"])),
        "parentRunId": properties.get("parentJobName"),
        "rootRunId": properties.get("parentJobName") or job["name"],
        "experimentId": ids.for_client({"experiment_id": number})["experiment_id"],
        "displayName": properties.get("displayName") or job["name"],
        "runType": "sweep" if properties["jobType"] == "Sweep" else "azureml.scriptrun",
        "status": properties["status"],
        "target": computes.name_of(properties.get("computeId") or ""),
        "properties": properties.get("properties") or {},
        "tags": properties.get("tags") or {},
        "error": error,
    }
