"""``mlproject recipes``: list, show, check."""

from __future__ import annotations

from typing import Any

import click

from mlproject.base.console import Reporter
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.recipes"


@click.group(
    cls=LazyGroup,
    lazy={
        "list": (f"{_HERE}:list_recipes", "List the recipes that can be named."),
        "show": (f"{_HERE}:show", "Print a recipe as YAML."),
        "check": (f"{_HERE}:check", "Check a recipe without training it."),
    },
)
def recipes() -> None:
    """List, show and check recipes."""


@click.command("list")
@command
def list_recipes(reporter: Reporter) -> dict[str, Any]:
    """List the recipes that can be named: yours in ./recipes first, then those that ship."""
    from training import catalogue

    found = []
    for name, path in catalogue.available().items():
        recipe = catalogue.load(str(path))
        found.append(
            {
                "name": name,
                "task": recipe.task,
                "description": recipe.description,
                "path": str(path),
            }
        )
    text = "Derived from --data and --target: task, preprocessing, two model families."
    found.append({"name": catalogue.AUTO, "task": "either", "description": text, "path": ""})
    rows = [(item["name"], item["task"], item["description"]) for item in found]
    reporter.table("Recipes", ("name", "task", "what"), rows)
    return {"recipes": found}


@click.command()
@click.argument("recipe")
@command
def show(reporter: Reporter, recipe: str) -> dict[str, Any]:
    """Print RECIPE, a name or a path, as YAML on standard output."""
    from training import catalogue

    path = catalogue.locate(recipe)
    loaded = catalogue.load(str(path))
    reporter.emit(path.read_text(encoding="utf-8"))
    return {"path": str(path), "recipe": loaded.model_dump(mode="json", exclude_none=True)}


@click.command()
@click.argument("recipe")
@click.option("--data", metavar="SOURCE", help="Check it against this data rather than its own.")
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option("--param", "params", metavar="NAME=V[,V…]", multiple=True, help="As in training.")
@command
def check(reporter: Reporter, recipe: str, **options: Any) -> dict[str, Any]:
    """Check RECIPE without training it: schema, estimators, parameters, metrics, and its data.

    A recipe without data of its own is checked as far as that goes.
    """
    from training import catalogue, search
    from training.preparation import prepare, prepare_without_data
    from training.request import TrainRequest

    given = TrainRequest(recipe=recipe, **options)
    has_data = recipe == catalogue.AUTO or options["data"] or catalogue.load(recipe).data.source
    if not has_data:
        checked, rows = prepare_without_data(given), None
    else:
        prepared = prepare(given)
        checked, rows = prepared.recipe, prepared.table.rows
    candidates = search.size(search.grids(checked))
    seen = f"{rows} rows" if rows is not None else "no data of its own"
    reporter.say(f"{checked.name} is valid: {checked.task}, {candidates} candidates, {seen}")
    return {"recipe": checked.name, "valid": True, "candidates": candidates, "rows": rows}
