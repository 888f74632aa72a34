"""``mlproject train``, also ``python -m training``."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from mlproject.base.console import Reporter
from mlproject.cli.frame import INTEGER, OrUnset, check_jobs, command
from mlproject.cli.workspace import in_workspace


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("recipe", required=False)
@click.option(
    "--data",
    metavar="SOURCE",
    help="File, glob, folder or URL of CSV, Parquet or JSON Lines (also .gz), or sklearn:NAME.",
)
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option(
    "--param",
    "params",
    metavar="NAME=V[,V…]",
    multiple=True,
    help="One value fixes a pipeline parameter, several make it an axis of the search. Repeatable.",
)
@click.option(
    "--tracking", metavar="TARGET", help="Where to record: local, azureml, or any MLflow URI."
)
@click.option("--experiment", metavar="NAME", help="The experiment; by default the recipe's name.")
@click.option("--run-name", metavar="NAME", help="The name of the run.")
@click.option("--register", metavar="NAME", help="Register the best model under this name.")
@click.option(
    "--engine",
    type=OrUnset(click.Choice(["local", "dask"])),
    default="local",
    show_default=True,
    help="Where the fits of the search run.",
)
@click.option(
    "--jobs", type=INTEGER, metavar="N", help="Fits at a time; 1 by default, -1 for all cores."
)
@click.option(
    "--seed", type=INTEGER, metavar="N", help="Seed of the split, the folds and the estimators."
)
@command
@in_workspace
def train(reporter: Reporter, engine: str | None, **options: Any) -> dict[str, Any]:
    """Train RECIPE: a tracked search and its best model.

    RECIPE is the name of a recipe or the path of a YAML file; diabetes-lassolars by default. With
    --data and --target and no RECIPE, task and pipeline follow from the data.

    \b
    Examples:
      python -m training
      python -m training iris-svc --param model__C=0.1,1,10
      python -m training --data houses.csv --target price
    """
    check_numbers(options["jobs"], options["seed"])
    from training.request import TrainRequest
    from training.train import train

    result = train(TrainRequest(engine=engine or "local", **options), reporter)
    summarise(result, reporter)
    return dataclasses.asdict(result)


def check_numbers(jobs: int | None, seed: int | None) -> None:
    """Raise BadParameter for a number that cannot be, before anything heavy is imported."""
    check_jobs(jobs, "fits")
    if seed is not None and not 0 <= seed < 2**32:
        raise click.BadParameter("give a number from 0 to 4294967295", param_hint="'--seed'")


def summarise(result: Any, reporter: Reporter) -> None:
    """Print the finished run as a table."""
    rows = [
        ("run", result.run_id),
        ("experiment", result.experiment),
        ("recorded in", result.recorded_in),
        ("data", f"{result.data['rows']} rows of {result.data['source']}"),
        ("candidates", f"{result.candidates} tried, {result.children} recorded"),
        *((f"best {name}", str(value)) for name, value in result.best_params.items()),
        *((name, f"{value:.6g}") for name, value in result.metrics.items()),
        ("model", f"{result.model_uri} ({result.model_format})"),
    ]
    if result.registered:
        rows.append(("registered", "{name} version {version}".format(**result.registered)))
    reporter.table(f"{result.recipe}: {result.seconds:.1f} s", ("", ""), rows)
    if result.studio:  # on a line of its own, so that it can be clicked
        reporter.say(f"Studio: {result.studio}")
