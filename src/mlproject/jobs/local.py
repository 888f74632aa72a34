"""A job as a process on this machine: the same code and command line, in this interpreter.

It starts in a fresh folder with what git tracks, so that what is not tracked is missed here
already.
Its run is made before it starts, and keeps its log and its outputs as a cluster's would.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from mlproject.azure.resources.jobs import COMPLETED, TAG
from mlproject.base import environ, git
from mlproject.base.console import Reporter
from mlproject.base.errors import EXIT_INTERRUPTED, ConfigurationError, JobError
from mlproject.jobs import code
from mlproject.jobs.code import Code
from mlproject.jobs.options import LOCAL, JobOptions
from mlproject.jobs.process import LOG, Ended, Process
from mlproject.jobs.result import JobResult
from mlproject.tracking import session as sessions
from mlproject.tracking.azureml import studio_link
from mlproject.tracking.experiments import experiment_id
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session
from mlproject.tracking.target import AZUREML, Target

if TYPE_CHECKING:
    from mlproject.jobs.submission import Submission
    from mlproject.jobs.words import Assets

_KEPT = ("outputs", "logs")
# What a cluster has, and a process here has not.
_OF_CLUSTERS = ("environment", "image", "instance_type", "identity", "yaml", "dry_run")


def check(options: JobOptions) -> None:
    """Raise ConfigurationError for what is asked of a cluster."""
    given = [name for name in _OF_CLUSTERS if getattr(options, name)]
    given += ["instance_count"] if (options.instance_count or 1) > 1 else []
    given += [] if options.wait else ["no_wait"]
    if given:
        raise ConfigurationError(
            f"--{given[0].replace('_', '-')} needs a cluster, but --compute is {LOCAL}",
            "A job here is a process of this interpreter, which ends with the command",
        )
    if shutil.which("bash") is None:
        raise ConfigurationError(
            "--compute local needs bash, which runs commands on clusters too", "Install it"
        )


def run(
    submission: Submission, options: JobOptions, target: Target, assets: Assets, reporter: Reporter
) -> JobResult:
    """Run a job, and return what came of it.

    Raises
    ------
    JobError
        When it does not complete.
    """
    found = code.of_folder(submission.folder or Path.cwd())
    line = submission.line(found, assets)
    with (
        sessions.opened(target) as session,
        tempfile.TemporaryDirectory(prefix="mlproject-job-") as name,
    ):
        folder = Path(name)
        run_id, number = _new_run(session, submission)
        reporter.say(f"Job {run_id}: a process here, with {found.described}")
        try:
            _copy(found, folder)
            process = Process(folder, _environment(target, run_id, number, found, options))
            ended = process.ended(line.here, options.seconds, reporter)
        except BaseException:
            session.client.set_terminated(run_id, "FAILED")
            raise
        _keep(session, run_id, folder, ended)
    result = JobResult(
        job=run_id,
        run_id=run_id,
        experiment=submission.experiment,
        experiment_id=number,
        status=ended.status,
        exit_code=ended.exit_code,
        studio=studio_link(target.uri, run_id) if target.name == AZUREML else "",
        compute=LOCAL,
        code_files=len(found.files),
        code_bytes=found.size,
    )
    error = _failure(ended, process.last_lines)
    if error is not None:
        error.result, error.run_id = result, run_id
        raise error
    return result


def _failure(ended: Ended, last_lines: deque[str]) -> JobError | None:
    hint = f"Its log is kept with its run, as {LOG}"
    if ended.status == COMPLETED:
        return None
    if ended.cancelled is not None:
        return JobError(f"The job was cancelled: {ended.cancelled}", hint, EXIT_INTERRUPTED)
    said = f"; its last line: {last_lines[-1].removeprefix('Error: ')}" if last_lines else ""
    failed = f"The job failed with exit code {ended.exit_code}{said}"
    return JobError(failed, hint, ended.exit_code)


def _new_run(session: Session, submission: Submission) -> tuple[str, str]:
    number = experiment_id(session.client, submission.experiment)
    with as_tracking_error("The run of the job cannot be made"):
        tags = {TAG: submission.command}
        run = session.client.create_run(number, tags=tags, run_name=submission.run_name)
    return str(run.info.run_id), number


def _copy(found: Code, folder: Path) -> None:
    for file in found.files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file.local, path)


def _environment(
    target: Target, run_id: str, number: str, found: Code, options: JobOptions
) -> dict[str, str]:
    own = {environ.RUN_ID: run_id, environ.EXPERIMENT_ID: number, "PYTHONUNBUFFERED": "1"}
    own["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    own |= git.variables(found.folder)
    kept = {name: value for name, value in os.environ.items() if name != environ.EXPERIMENT_NAME}
    return kept | target.environment | own | options.variables


def _keep(session: Session, run_id: str, folder: Path, ended: Ended) -> None:
    """Keep what a job has left, and end its run where it has not done so itself."""
    with as_tracking_error(f"The run {run_id} cannot be completed"):
        session.client.log_artifact(run_id, str(folder / LOG), str(Path(LOG).parent))
        for top in _KEPT:
            if (folder / top).is_dir():
                session.client.log_artifacts(run_id, str(folder / top), top)
        if session.client.get_run(run_id).info.status == "RUNNING":
            session.client.set_terminated(run_id, ended.run_status)
