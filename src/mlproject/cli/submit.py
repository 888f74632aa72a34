"""``mlproject submit``: train, score."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from inference.request import ScoreRequest
from mlproject.base.console import Reporter
from mlproject.cli.frame import LazyGroup, command
from mlproject.jobs.options import JobOptions, SweepOptions
from training.request import TrainRequest

if TYPE_CHECKING:
    from mlproject.jobs.following import Choice
    from mlproject.jobs.result import JobResult
    from mlproject.jobs.submission import Submission

_HERE = "mlproject.cli.submit"


@click.group(
    cls=LazyGroup,
    lazy={
        "train": (f"{_HERE}:train", "Train a recipe as a job."),
        "score": (f"{_HERE}:score", "Score a file as a job."),
    },
)
def submit() -> None:
    """Run a command as a job on a cluster of an Azure ML workspace.

    The job gets what git tracks in this folder, and the environment of conda.yaml.
    """


@command(workspace=True)
def train(
    reporter: Reporter, request: TrainRequest, sweeping: SweepOptions, options: JobOptions
) -> dict[str, Any]:
    """Train RECIPE as a job, show its log, and end with its exit code.

    \b
    Examples:
      mlproject submit train iris-svc --compute cpu-cluster
      mlproject submit train --data houses.csv --target price --compute cpu-cluster --no-wait
      mlproject submit train iris-svc --sweep --compute cpu-cluster
    """
    from mlproject.api import submitting

    submission = submitting.training(request, sweeping)
    result = _submitted(submission, options, request.tracking, reporter)
    if sweeping.sweep and result.get("status") == "Completed":
        from mlproject.cli import run_tables

        best = submitting.best_of_sweep(result["run_id"], request.tracking)
        run_tables.best(best, reporter)
        result["best"] = asdict(best)
    return result


@command(workspace=True)
def score(reporter: Reporter, request: ScoreRequest, options: JobOptions) -> dict[str, Any]:
    """Score a file as a job, show its log, and end with its exit code.

    \b
    Example:
      mlproject submit score --model models:/prices@champion --input new.csv
        --output outputs/scored.parquet --compute cpu-cluster
    """
    from mlproject.api import submitting

    return _submitted(submitting.scoring(request), options, request.tracking, reporter)


def _submitted(
    submission: Submission, options: JobOptions, tracking: str | None, reporter: Reporter
) -> dict[str, Any]:
    from mlproject.api import submitting

    progress = not reporter.quiet
    if options.dry_run:
        request = submitting.planned(submission, options, tracking)
        reporter.emit(json.dumps(request, indent=2))
        return request
    if options.yaml:
        path = submitting.written(submission, options, tracking, progress)
        reporter.emit(f"Written: {path}")
        return {"path": str(path)}
    result = submitting.submitted(submission, options, tracking, progress, ask)
    summarise(result, reporter)
    if not options.wait:
        reporter.say(f"Follow it: mlproject jobs logs {result.job} --follow")
    return asdict(result)


def summarise(result: JobResult, reporter: Reporter) -> None:
    rows = [
        ("status", result.status),
        ("exit code", "" if result.exit_code is None else str(result.exit_code)),
        ("compute", result.compute),
        ("experiment", result.experiment),
        ("run", result.run_id),
    ]
    reporter.table(result.job, ("", ""), [row for row in rows if row[1]])
    reporter.emit(f"Studio: {result.studio}")


def ask() -> Choice:
    """Ask what becomes of a job that is no longer waited for; without a terminal it goes on."""
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        return "detach"
    answer: str = click.prompt(
        "\nCancel the job, or detach from it and let it go on?",
        type=click.Choice(["cancel", "detach"]),
        default="detach",
        err=True,
    )
    return "cancel" if answer == "cancel" else "detach"
