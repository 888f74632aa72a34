"""Command jobs: Resource Manager makes, lists and cancels them, run history tells of them."""

from __future__ import annotations

import re
import threading
from typing import Any
from urllib.parse import quote

from werkzeug import Request, Response

from mlproject.emulator.assets import computes, data_assets, environments
from mlproject.emulator.assets.datastores import ARTIFACTS
from mlproject.emulator.compute import job_outputs, job_runs, sampling
from mlproject.emulator.compute.job_runner import ENDED, JobRunner
from mlproject.emulator.compute.sweeps import PARENT, SweepRunner
from mlproject.emulator.identities import (
    AML_AUDIENCE,
    ARM_HOST,
    BLOB_HOST,
    REGION,
    SCOPE,
    STUDIO_HOST,
    SUBSCRIPTION,
    TRACKING_URI,
)
from mlproject.emulator.keeping.records import Owner
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.resources import unknown
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import Routes, api_error, arm_error, json_of, json_response
from mlproject.emulator.runs.artifacts import blob_of

_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,254}", re.ASCII)
_PAGE = 20
_LOGS = ("user_logs/", "azureml-logs/", "system_logs/")
_INPUTS = ("literal", "uri_file", "uri_folder", "mltable")
_OPERATIONS = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices"
    f"/locations/{REGION}/mfeOperationResults"
)
_DEFAULT_EXPERIMENT = "Default"


class _Jobs:
    """Handlers of requests on jobs."""

    def __init__(self, state: State, store: Store, runner: JobRunner, sweeps: SweepRunner) -> None:
        self._state = state
        self._store = store
        self._runner = runner
        self._sweeps = sweeps
        self._making = threading.Lock()

    def put(self, request: Request, name: str) -> Response:
        properties = json_of(request)["properties"]
        with self._making:
            before = self._job(name)
            if before is not None:
                return _again(before, properties)
            problem = _problem(self._state, name, properties) or self._no_user(request, properties)
            if problem is not None:
                return arm_error(400, "UserError", problem)
            properties.setdefault("experimentName", _DEFAULT_EXPERIMENT)
            run = job_runs.make(self._store, name, properties)
            status = {"status": "NotStarted"}
            job = self._state.resources.put(f"/jobs/{name}", properties | status)
            is_sweep = properties["jobType"] == "Sweep"
            (self._sweeps if is_sweep else self._runner).start(job, run)
        return json_response(_shown(job), 201)

    def _no_user(self, request: Request, properties: dict[str, Any]) -> str | None:
        """Return what a job lacks that is to act for its submitter; None where it lacks nothing."""
        if (properties.get("identity") or {}).get("identityType") != "UserIdentity":
            return None
        claims = self._state.key.claims_of(request.headers.get("x-azureml-token", ""))
        if claims is not None and str(claims["aud"]).rstrip("/") == AML_AUDIENCE:
            return None
        return "A job with UserIdentity needs a token of its submitter in x-azureml-token."

    def get(self, request: Request, name: str) -> Response:
        job = self._job(name)
        return json_response(_shown(job)) if job else unknown(request)

    def listed(self, request: Request) -> Response:
        """Return the newest first, page by page; of those with a tag, where one is asked for."""
        tag = request.args.get("tag", "")
        jobs = [
            job
            for job in reversed(self._state.resources.below("/jobs"))
            if PARENT not in job["properties"]
            and (not tag or tag in (job["properties"].get("tags") or {}))
        ]
        start = int(request.args.get("$skip", 0))
        end = start + _PAGE
        link = f"{request.base_url}?$skip={end}&tag={quote(tag)}" if len(jobs) > end else None
        return json_response({"value": [_shown(j) for j in jobs[start:end]], "nextLink": link})

    def cancel(self, request: Request, name: str) -> Response:
        if self._job(name) is None:
            return unknown(request)
        self._runner.cancel(name)
        address = f"https://{ARM_HOST}{_OPERATIONS}/jc:{name}?api-version=2025-12-01"
        return Response(status=202, headers={"Location": address, "Retry-After": "0"})

    def cancelled(self, request: Request, name: str) -> Response:
        job = self._job(name)
        is_over = job is not None and job["properties"]["status"] in ENDED
        return Response(status=200 if is_over else 202, headers={"Retry-After": "0"})

    def run(self, request: Request, name: str) -> Response:
        job = self._job(name)
        return json_response(job_runs.history(self._store, job)) if job else _no_run(name)

    def children(self, request: Request, name: str) -> Response:
        found = [
            job_runs.history(self._store, job)
            for job in self._state.resources.below("/jobs")
            if job["properties"].get(PARENT) == name
        ]
        return json_response({"value": found, "nextLink": None})

    def data(self, request: Request) -> Response:
        """Return what azure-ai-ml asks for before it downloads what a run has."""
        name = str(json_of(request).get("runId"))
        job = self._job(name)
        if job is None:
            return _no_run(name)
        return json_response({"runMetadata": job_runs.history(self._store, job) | {"outputs": {}}})

    def details(self, request: Request, name: str) -> Response:
        """Return what run history tells of a job, with the URLs of its logs."""
        job = self._job(name)
        if job is None:
            return _no_run(name)
        owner, life = Owner("ExperimentRun", f"dcid.{job['name']}"), self._state.settings.url_life
        logs = {
            path: self._state.key.url(BLOB_HOST, blob_of(owner, path), "r", life)
            for path in self._state.records.listed(owner)
            if path.startswith(_LOGS)
        }
        return json_response(
            job_runs.history(self._store, job) | {"logFiles": logs, "warnings": []}
        )

    def _job(self, name: str) -> Resource | None:
        return self._state.resources.get(f"/jobs/{name}")


def add_routes(
    arm: Routes,
    api: Routes,
    state: State,
    store: Store,
    runner: JobRunner,
    sweeps: SweepRunner,
) -> None:
    handlers = _Jobs(state, store, runner, sweeps)
    jobs = rf"{re.escape(SCOPE)}/jobs"
    arm.add("GET", jobs, handlers.listed)
    arm.add("PUT", rf"{jobs}/(?P<name>[^/]+)", handlers.put)
    arm.add("GET", rf"{jobs}/(?P<name>[^/]+)", handlers.get)
    arm.add("POST", rf"{jobs}/(?P<name>[^/]+)/cancel", handlers.cancel)
    arm.add("GET", rf"{re.escape(_OPERATIONS)}/jc:(?P<name>[^/]+)", handlers.cancelled)
    run = rf"/history/v1\.0{re.escape(SCOPE)}/runs/(?P<name>[^/]+)"
    api.add("GET", rf"{run}/details", handlers.details)
    api.add("GET", f"{run}/children", handlers.children)
    api.add("GET", run, handlers.run)
    api.add("POST", rf"/history/v1\.0{re.escape(SCOPE)}/rundata", handlers.data)


def _no_run(name: str) -> Response:
    return api_error(404, "RESOURCE_DOES_NOT_EXIST", f"There is no run {name}.")


def _problem(state: State, name: str, properties: dict[str, Any]) -> str | None:
    """Return what the service would refuse of a new job; None where it is whole."""
    kind = properties.get("jobType")
    program = (properties.get("trial") or {}) if kind == "Sweep" else properties
    environment, code = program.get("environmentId") or "", program.get("codeId")
    compute = properties.get("computeId") or ""
    unknown = [
        item
        for item in (properties.get("inputs") or {}).values()
        if item["jobInputType"] not in _INPUTS
        or (
            item["jobInputType"] != "literal"
            and data_assets.path_of(state, item.get("uri", "")) is None
        )
    ]
    checks = {
        f"'{name}' is not the name of a job": _NAME.fullmatch(name) is None,
        "The emulator runs command jobs and sweeps only": kind not in ("Command", "Sweep"),
        "A job needs a command": not program.get("command"),
        f"Unknown compute target '{compute}'": computes.name_of(compute) is None,
        f"Unknown environment '{environment}'": not environments.is_known(state, environment),
        f"Unknown code '{code}'": bool(code) and state.resources.get(str(code)) is None,
        "The emulator's jobs write into its own blob store only": not all(
            job_outputs.is_possible(state, item)
            for item in (properties.get("outputs") or {}).values()
        ),
        "The emulator's jobs read from its own blob store only": bool(unknown),
    }
    of_search = sampling.problem(properties) if kind == "Sweep" else None
    return next((f"{text}." for text, wrong in checks.items() if wrong), of_search)


def _again(job: Resource, properties: dict[str, Any]) -> Response:
    """Answer a job that is made a second time: as it is, where nothing of it differs."""
    known = job["properties"]
    if any(known.get(key) != value for key, value in properties.items()):
        return arm_error(400, "UserError", f"The job {job['name']} exists, and cannot be changed.")
    return json_response(_shown(job))


def _shown(job: Resource) -> Resource:
    """Return a job as Resource Manager has it."""
    properties = {key: value for key, value in job["properties"].items() if key != "error"}
    page = f"https://{STUDIO_HOST}/runs/{job['name']}?wsid={SCOPE}"
    tracking = TRACKING_URI.replace("/mlflow/v2.0/", "/mlflow/v1.0/") + "?"
    services = {
        "Studio": {"jobServiceType": "Studio", "endpoint": page, "port": None},
        "Tracking": {"jobServiceType": "Tracking", "endpoint": tracking, "port": None},
    }
    artifacts = f"azureml://datastores/{ARTIFACTS}/ExperimentRun/dcid.{job['name']}"
    outputs = {
        name: {**item, "uri": job_outputs.uri_of(job["name"], name, item)}
        for name, item in (properties.get("outputs") or {}).items()
    }
    outputs["default"] = {"jobOutputType": "uri_folder", "uri": artifacts}
    more = {"services": services, "tags": properties.get("tags") or {}, "outputs": outputs}
    return job | {"properties": properties | more}
