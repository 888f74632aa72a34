"""``mlproject recipes``: list, show, check."""

from __future__ import annotations

from typing import Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.options import Argument
from mlproject.cli.frame import LazyGroup, command
from training.request import Data, Parameters, Target, TrainRequest

_HERE = "mlproject.cli.recipes"
_Recipe = Annotated[str, Argument("Name of a recipe, or path of a YAML file.")]


@click.group(
    cls=LazyGroup,
    lazy={
        "list": (f"{_HERE}:list_recipes", "List the available recipes."),
        "show": (f"{_HERE}:show", "Print a recipe as YAML."),
        "check": (f"{_HERE}:check", "Check a recipe without training it."),
    },
)
def recipes() -> None:
    """List, show and check recipes."""


@command("list")
def list_recipes(reporter: Reporter) -> dict[str, Any]:
    """List the available recipes: yours in ./recipes first, then those of mlproject."""
    from training import catalogue

    keys = ("name", "task", "description", "path")
    found: list[tuple[str, str, str, str]] = []
    for name, path in catalogue.available().items():
        recipe = catalogue.load(str(path))
        found.append((name, recipe.task, recipe.description, str(path)))
    text = "Derived from --data and --target: task, preprocessing, two model families."
    found.append((catalogue.AUTO, "either", text, ""))
    reporter.table("Recipes", ("name", "task", "what"), [item[:3] for item in found])
    return {"recipes": [dict(zip(keys, item, strict=True)) for item in found]}


@command()
def show(reporter: Reporter, recipe: _Recipe) -> dict[str, Any]:
    """Print RECIPE, a name or a path, as YAML on standard output."""
    from training import catalogue

    path = catalogue.locate(recipe)
    loaded = catalogue.load(str(path))
    reporter.emit(path.read_text(encoding="utf-8"))
    return {"path": str(path), "recipe": loaded.model_dump(mode="json", exclude_none=True)}


@command()
def check(
    reporter: Reporter,
    recipe: _Recipe,
    data: Data = None,
    target: Target = None,
    params: Parameters = (),
) -> dict[str, Any]:
    """Check RECIPE without training it: schema, estimators, parameters, metrics, and its data.

    The pipeline is fitted on about a hundred rows. A recipe without data of its own is checked as
    far as that goes.
    """
    from training import catalogue, search, trial
    from training.preparation import prepare, prepare_without_data

    request = TrainRequest(recipe, data, target, params=params)
    if recipe == catalogue.AUTO or data or catalogue.load(recipe).data.source:
        with reporter.step("Reading recipe and data"):
            prepared = prepare(request)
        with reporter.step("Fitting it on some rows"):
            trial.run(prepared.plan)
        checked, rows = prepared.recipe, prepared.table.rows
        seen = counted(rows, "row")
    else:
        checked, rows, seen = prepare_without_data(request), None, "no data of its own"
    candidates = search.tried(checked, search.grids(checked))
    tried = counted(candidates, "candidate")
    reporter.emit(f"{checked.name} is valid: {checked.task}, {tried}, {seen}")
    return {"recipe": checked.name, "valid": True, "candidates": candidates, "rows": rows}
