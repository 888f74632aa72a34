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
        "show": (f"{_HERE}:show", "Show what a run was, and what comes next."),
        "compare": (f"{_HERE}:compare", "Show in what runs differ."),
        "best": (f"{_HERE}:best", "Name the best of a sweep or a search."),
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
    """Show what RUN was: data, metrics, parameters, code, environment, models; and what is next.

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
        bool, Option("Show what is equal too.", flag="--all", in_project=False)
    ] = False,
    html: Annotated[
        str | None,
        Option("Write the comparison as a page, which needs no network.", metavar="FILE"),
    ] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Show in what runs differ: parameters, metrics, data, split, code, packages.

    \b
    Example:
      mlproject runs compare FIRST SECOND --html comparison.html
    """
    from mlproject.api import comparing
    from mlproject.cli import run_tables

    if html is None and _is_given("html"):  # which is empty
        raise ConfigurationError("--html names no file", "Give the name of the page")
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
    from mlproject.cli import run_tables

    found = comparing.best_run(parent, metric=metric, goal=goal, tracking=tracking)
    run_tables.best(found, reporter)
    return asdict(found)
