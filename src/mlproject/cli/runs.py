"""``mlproject runs``: best."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import LazyGroup, command

if TYPE_CHECKING:
    from training.winner import BestRun

_HERE = "mlproject.cli.runs"


@click.group(
    cls=LazyGroup, lazy={"best": (f"{_HERE}:best", "Name the best of a sweep or a search.")}
)
def runs() -> None:
    """Compare runs."""


@command(workspace=True)
def best(
    reporter: Reporter,
    parent: Annotated[str, Argument("Run of a sweep, or of a training with a search.")],
    metric: Annotated[
        str | None,
        Option(
            "Metric to compare by.",
            metavar="NAME",
            unset="what the trials or candidates were compared by",
        ),
    ] = None,
    goal: Annotated[
        Literal["maximize", "minimize"] | None,
        Option("Which way it is better.", unset="as the sweep or the metric says"),
    ] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Name the best child of the run PARENT: its parameters, and its model where it has one.

    \b
    Example:
      mlproject runs best iris-svc_1767225600_1a2b3c4d
    """
    from mlproject.api import comparing

    found = comparing.best_run(parent, metric=metric, goal=goal, tracking=tracking)
    summarise(found, reporter)
    return asdict(found)


def summarise(found: BestRun, reporter: Reporter) -> None:
    rows = [
        ("run", found.run_id),
        (found.metric, f"{found.value:.6g} ({found.goal})"),
        *found.parameters.items(),
        ("model", found.model_uri or ""),
        ("not finished", str(found.unfinished or "")),
    ]
    title = f"Best of {counted(found.runs, 'run')}: {found.name}"
    reporter.table(title, ("", ""), [row for row in rows if row[1]])
