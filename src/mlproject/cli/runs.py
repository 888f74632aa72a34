"""``mlproject runs``: list, show, compare, best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

import click
from click.core import ParameterSource

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.runs"


@click.group(
    cls=LazyGroup,
    lazy={
        "list": ("mlproject.cli.run_list:list_runs", "List runs, the newest or the best first."),
        "show": (f"{_HERE}:show", "Show what a run recorded, and what to do next."),
        "compare": (f"{_HERE}:compare", "Show how runs differ."),
        "best": (f"{_HERE}:best", "Show the best candidate of a search or trial of a sweep."),
    },
)
def runs() -> None:
    """List, show and compare runs."""


@command(workspace=True)
def show(
    reporter: Reporter,
    run: Annotated[str, Argument("Id of the run.")],
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Show what RUN recorded: data, metrics, parameters, code, environment, models.

    \b
    Example:
      mlproject runs show 5f0c4b1e9d7a4c3f8a2b6d1e0f9c8b7a
    """
    from mlproject.api import comparing
    from mlproject.cli import run_tables

    found = comparing.show_run(run, tracking=tracking)
    run_tables.show(found, reporter)
    return asdict(found)


@command(workspace=True)
def compare(
    reporter: Reporter,
    run: Annotated[Sequence[str], Argument("Ids of two runs, or more.")],
    everything: Annotated[
        bool, Option("Show what is equal, too.", flag="--all", in_project=False)
    ] = False,
    html: Annotated[
        str | None,
        Option("Write the comparison as an HTML page that needs no network.", metavar="FILE"),
    ] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Show how runs differ: parameters, metrics, data, split, code, packages.

    \b
    Example:
      mlproject runs compare FIRST SECOND --html comparison.html
    """
    from mlproject.api import comparing
    from mlproject.cli import run_tables

    if html is None and _is_given("html"):  # which is empty
        raise ConfigurationError(
            "--html needs the name of a file", "Give a name such as comparison.html"
        )
    path = run_tables.page_path(html) if html is not None else None
    found = comparing.compare_runs(run, tracking=tracking)
    if path is not None:
        run_tables.write_page(path, found, everything=everything)
    run_tables.compare(found, reporter, everything=everything)
    if path is not None:
        reporter.say(f"Written: {path}")
    return asdict(found) | {"html": None if path is None else str(path)}


def _is_given(option: str) -> bool:
    source = click.get_current_context().get_parameter_source(option)
    return source is ParameterSource.COMMANDLINE


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
        Option("Direction in which the metric is better.", unset="that of the sweep or the metric"),
    ] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Name the best child of the run PARENT: its parameters, and its model where it has one.

    \b
    Example:
      mlproject runs best iris-svc_1767225600_1a2b3c4d
    """
    from mlproject.api import comparing
    from mlproject.cli import run_tables

    found = comparing.best_run(parent, metric=metric, goal=goal, tracking=tracking)
    run_tables.best(found, reporter)
    return asdict(found)
