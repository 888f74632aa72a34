"""``mlproject jobs``: list, show, logs, cancel."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.jobs"
_Name = Annotated[str, Argument("Name of the job.")]


@click.group(
    cls=LazyGroup,
    lazy={
        "list": (f"{_HERE}:list_jobs", "List the newest jobs."),
        "show": (f"{_HERE}:show", "Show the status of a job."),
        "logs": (f"{_HERE}:logs", "Print the log of a job."),
        "cancel": (f"{_HERE}:cancel", "Cancel a job."),
    },
)
def jobs() -> None:
    """List, show, follow and cancel the jobs of an Azure ML workspace."""


@command("list", workspace=True)
def list_jobs(
    reporter: Reporter,
    most: Annotated[int, Option("How many to list.", minimum=1)] = 20,
    everybodys: Annotated[
        bool,
        Option(
            "List all jobs of the workspace, not only those of mlproject.",
            flag="--all",
            in_project=False,
        ),
    ] = False,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """List the newest jobs that were submitted with mlproject."""
    from mlproject.api import submitting

    found = submitting.list_jobs(most, everybodys=everybodys, tracking=tracking)
    rows = [(job.name, job.status, job.compute, job.experiment, job.created) for job in found]
    reporter.table("Jobs", ("name", "status", "compute", "experiment", "submitted"), rows)
    return {"jobs": [asdict(job) for job in found]}


@command(workspace=True)
def show(reporter: Reporter, name: _Name, tracking: Tracking = None) -> dict[str, Any]:
    """Show the status of the job NAME."""
    from mlproject.api import submitting
    from mlproject.cli.submit import summarise

    result = submitting.show_job(name, tracking=tracking)
    summarise(result, reporter)
    return asdict(result)


@command(workspace=True)
def logs(
    reporter: Reporter,
    name: _Name,
    follow: Annotated[
        bool,
        Option(
            "Follow the log until the job has ended, and end with its exit code.", in_project=False
        ),
    ] = False,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Print the log of the job NAME on standard output."""
    from mlproject.api import submitting
    from mlproject.cli.submit import ask

    existing = submitting.existing(tracking, progress=not reporter.quiet)
    return asdict(existing.log(name, reporter.emit, ask, follow=follow))


@command(workspace=True)
def cancel(reporter: Reporter, name: _Name, tracking: Tracking = None) -> dict[str, Any]:
    """Cancel the job NAME, and wait until it has ended."""
    from mlproject.api import submitting
    from mlproject.cli.submit import summarise

    result = submitting.cancel_job(name, tracking=tracking)
    summarise(result, reporter)
    return asdict(result)
