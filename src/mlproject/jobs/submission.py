"""A command of this project as a job: everything that it needs, and then one request."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlproject.azure.connection.context import Context
from mlproject.azure.resources import codes, computes, environments
from mlproject.azure.resources.codes import CodeAsset
from mlproject.azure.resources.computes import Compute
from mlproject.azure.resources.jobs import ENDED, Details, Jobs
from mlproject.base import git
from mlproject.base.console import Reporter
from mlproject.base.errors import TrackingError
from mlproject.base.interrupts import interrupts_held_back
from mlproject.jobs import code, job_file
from mlproject.jobs import properties as properties_of_job
from mlproject.jobs.assets import asset_of
from mlproject.jobs.code import Code
from mlproject.jobs.following import Choice, Follower, completed
from mlproject.jobs.options import SERVERLESS, JobOptions
from mlproject.jobs.properties import Parts
from mlproject.jobs.result import JobResult, failure
from mlproject.jobs.sweeps import Sweep
from mlproject.jobs.waiting import Waiting
from mlproject.jobs.words import Assets, Words
from mlproject.tracking.failures import as_tracking_error

_POLL_SECONDS = 0.5
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Submission:
    """What is to run: a command line, and what the experiment and run are called.

    Attributes
    ----------
    command : str
        What the job is tagged with.
    line : callable
        Makes the command line for the code that the job starts in.
    folder : path, optional
        Whose files these are; by default the current one.
    """

    command: str
    line: Callable[[Code, Assets], Words]
    experiment: str
    run_name: str | None = None
    folder: Path | None = None
    sweep: Sweep | None = None


@dataclass(frozen=True)
class Prepared:
    """A job that could be submitted."""

    name: str
    properties: dict[str, Any]
    compute: str
    code: Code
    uploaded: int


def plain_name(text: str) -> str:
    """Return a text as a name of experiments and jobs may be."""
    return _NOT_IN_NAMES.sub("-", text).strip("-_") or "mlproject"


class Submitter:
    """Submits jobs to one workspace."""

    def __init__(self, context: Context, options: JobOptions, reporter: Reporter) -> None:
        self._context = context
        self._jobs = Jobs(context)
        self._options = options
        self._reporter = reporter

    def request(self, submission: Submission) -> dict[str, Any]:
        """Return the request that would be sent; nothing is sent or uploaded for it."""
        prepared = self._prepared(submission, really=False)
        url = f"{self._jobs.arm.scope}/jobs/{prepared.name}"
        return {"method": "PUT", "url": url, "body": {"properties": prepared.properties}}

    def write_file(self, submission: Submission, path: Path) -> None:
        """Write a job file; what it refers to is in the workspace then."""
        prepared = self._prepared(submission, really=True)
        job_file.write(path, prepared.name, prepared.properties)

    def submit(self, submission: Submission, choose: Callable[[], Choice]) -> JobResult:
        """Submit a job, and follow it to its end unless it is not waited for.

        ``choose`` is asked what becomes of the job when this is interrupted.

        Raises
        ------
        JobError
            When the job does not complete.
        """
        prepared = self._prepared(submission, really=True)
        follower = self._follower(prepared)
        try:
            self._send(prepared)
            if not self._options.wait:
                return self._result(prepared, Details("NotStarted"))
            details = follower.to_end()
        except KeyboardInterrupt:
            details = follower.interrupted(choose)
        return completed(self._result(prepared, details), details, follower, self._reporter)

    def started(self, submission: Submission) -> JobResult:
        """Submit a job, and return once it has its run; JobError where it ends without one."""
        prepared = self._prepared(submission, really=True)
        self._send(prepared)
        result = self._result(prepared, Details("NotStarted"))
        while result.experiment_id is None:
            status = self._jobs.get(prepared.name).status
            if status in ENDED:
                details = self._jobs.details(prepared.name) or Details(status)
                raise failure(prepared.name, details, "") or TrackingError(
                    f"The job '{prepared.name}' has ended as {status}, and has no run"
                )
            time.sleep(_POLL_SECONDS)
            result = self._result(prepared, Details("NotStarted"))
        return result

    def _send(self, prepared: Prepared) -> None:
        name = prepared.name
        again = f"If it was made, it goes on: mlproject jobs logs {name} --follow"
        failing = as_tracking_error(f"The job '{name}' cannot be submitted", again)
        with failing, interrupts_held_back():
            self._jobs.submit(name, prepared.properties)
        self._reporter.say(f"Submitted the job {name}: {self._studio(name)}")

    def _follower(self, prepared: Prepared) -> Follower:
        waiting = Waiting(self._context, self._jobs, prepared.compute)
        return Follower(self._jobs, prepared.name, waiting, self._reporter)

    def _prepared(self, submission: Submission, *, really: bool) -> Prepared:
        """Check what is asked, here and in the workspace, and upload what it lacks."""
        folder = submission.folder or Path.cwd()
        found = code.of_folder(folder)
        line = submission.line(found, partial(asset_of, lambda: self._context))
        with as_tracking_error("The job cannot be submitted"):
            compute = self._compute()
            environment = self._environment(found.conda, really=really)
            asset = self._asset(found, really=really)
        experiment = plain_name(submission.experiment)
        name = f"{experiment[:200]}_{int(time.time())}_{uuid.uuid4().hex[:8]}"
        parts = Parts(
            submission.command,
            submission.run_name or name,
            experiment,
            line,
            asset.id,
            environment,
            None if compute is None else compute.id,
            git.variables(folder),
        )
        if submission.sweep is None:
            properties = properties_of_job.of_command(parts, self._options)
        else:
            nodes = None if compute is None else compute.most_nodes
            properties = properties_of_job.of_sweep(parts, submission.sweep, self._options, nodes)
        where = SERVERLESS if compute is None else compute.name
        return Prepared(name, properties, where, found, asset.uploaded)

    def _compute(self) -> Compute | None:
        name = self._options.compute
        return None if name == SERVERLESS else computes.get(self._jobs.arm, name)

    def _environment(self, conda: str, *, really: bool) -> str:
        if self._options.environment:
            return environments.named(self._jobs.arm, self._options.environment)
        made = environments.from_conda if really else environments.planned_id
        return made(self._jobs.arm, conda, self._options.image or environments.IMAGE)

    def _asset(self, found: Code, *, really: bool) -> CodeAsset:
        if not really:
            return CodeAsset(codes.planned_id(self._jobs.arm, found.digest), 0)
        self._reporter.say(f"Code: {found.described}")
        asset = codes.registered(self._jobs.arm, found.files, found.digest)
        if not asset.uploaded:
            self._reporter.say("Nothing is uploaded: the workspace has this code already")
        return asset

    def _result(self, prepared: Prepared, details: Details) -> JobResult:
        name = prepared.name
        with as_tracking_error(f"The run of the job '{name}' cannot be read"):
            experiment_id = details.experiment_id or self._jobs.experiment_id(name)
        return JobResult(
            job=name,
            run_id=name,
            experiment=str(prepared.properties["experimentName"]),
            experiment_id=experiment_id,
            status=details.status,
            exit_code=details.exit_code,
            studio=self._studio(name),
            compute=prepared.compute,
            code_files=len(prepared.code.files),
            code_bytes=prepared.code.size,
            files_uploaded=prepared.uploaded,
        )

    def _studio(self, name: str) -> str:
        return self._context.workspace.link(name, self._context.credential.tenant)
