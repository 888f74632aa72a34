"""From a request to a plan: recipe, data, split and search, checked before a server is asked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean
from mlproject.data import table as tables
from mlproject.data.table import Table
from mlproject.tracking import datasets, names
from training import auto, catalogue, checks, estimators, metrics, parameters, pipeline, search
from training.model import EXAMPLE_ROWS
from training.plan import Plan
from training.recipe import Recipe
from training.request import TrainRequest
from training.split import split


@dataclass(frozen=True)
class Prepared:
    """A recipe with its overrides, its data, and the plan that follows from both."""

    recipe: Recipe
    table: Table
    plan: Plan


def prepare(request: TrainRequest) -> Prepared:
    notices: list[str] = []
    recipe, table = _recipe(request, notices)
    estimator = _checked_pipeline(recipe)
    if table is None:
        table = tables.load(_source(recipe))
        if "" in table.frame:
            notices.append("The column without a name is left out")
    checks.columns_to_split_by(recipe, table)
    X, y = checks.features_and_target(recipe, table)
    y = checks.target_fits(recipe, y, table.source)
    validation, held_out_rows = validation_rows(recipe, [str(name) for name in X.columns])
    if held_out_rows is None:
        checks.splittable(recipe, y)
    rows = split(recipe, table, X, y, held_out_rows)
    checks.enough_rows(recipe, rows.y_train, rows.groups)
    classes = None if recipe.task == "regression" else np.unique(y)
    scoring = {name: metrics.resolve(name, recipe.task, classes) for name in recipe.scoring}
    plan = Plan(
        name=recipe.name,
        task=recipe.task,
        search=search.plan(recipe, estimator, scoring),
        rows=rows,
        scoring=scoring,
        refit=recipe.refit,
        held_out={name: metrics.resolve(name, recipe.task, classes) for name in recipe.metrics},
        dataset=datasets.of_table(table),
        held_out_dataset=datasets.of_table(validation) if validation is not None else None,
        seed=recipe.seed,
        example=rows.X_train.head(EXAMPLE_ROWS),
        imports=recipe.imports,
        tags={names.RECIPE: recipe.name},
        files={names.RECIPE_FILE: catalogue.dump(_recordable(recipe, table, validation))},
        notices=notices,
    )
    return Prepared(recipe, table, plan)


def _recordable(recipe: Recipe, table: Table, validation: Table | None) -> Recipe:
    """Return the recipe as it may be written down: absolute paths, addresses without secrets."""
    data = recipe.data.model_copy(update={"source": table.source})
    held_out = recipe.split
    if validation is not None:
        held_out = held_out.model_copy(update={"source": validation.source})
    return recipe.model_copy(update={"data": data, "split": held_out})


def prepare_without_data(request: TrainRequest) -> Recipe:
    recipe, _ = _recipe(request, [])
    _checked_pipeline(recipe)
    return recipe


def _checked_pipeline(recipe: Recipe) -> Any:
    for name in dict.fromkeys([*recipe.scoring, *recipe.metrics]):
        metrics.check(name, recipe.task)
    if recipe.refit not in recipe.scoring:
        raise ConfigurationError(
            f"The recipe's 'refit' is '{recipe.refit}', which is not scored",
            did_you_mean(recipe.refit, recipe.scoring, noun="scores"),
        )
    _importable(recipe)
    estimators.check_imports(recipe.imports)
    estimator = pipeline.build(recipe)
    for space in search.grids(recipe):
        pipeline.check_grid(estimator, space)
    return estimator


def _recipe(request: TrainRequest, notices: list[str]) -> tuple[Recipe, Table | None]:
    """Return the recipe with the request applied; the table too where it had to be read for it."""
    automatic = request.recipe == catalogue.AUTO or (
        request.recipe is None and request.data is not None
    )
    table = None
    if automatic:
        if request.data is None or request.target is None:
            missing = "--data SOURCE" if request.data is None else "--target COLUMN"
            raise ConfigurationError(
                "Without a recipe, training needs data and a target",
                f"Give {missing}, or name a recipe: {', '.join(catalogue.available())}",
            )
        table = tables.load(request.data)
        derived = auto.derive(
            table, request.target, request.data, f"auto-{table.name}-{request.target}"
        )
        recipe = derived.recipe
        notices += [f"Column '{name}' is left out: {why}" for name, why in derived.left_out.items()]
    else:
        recipe = catalogue.load(request.recipe or catalogue.DEFAULT)
    data = {
        key: value
        for key, value in (("source", request.data), ("target", request.target))
        if value is not None
    }
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    if request.seed is not None:
        recipe = recipe.model_copy(update={"seed": request.seed})
    return parameters.applied(recipe, parameters.parse(request.params)), table


def _source(recipe: Recipe) -> str:
    if recipe.data.source is None:
        raise ConfigurationError(
            f"The recipe '{recipe.name}' has no data of its own", "Give --data SOURCE"
        )
    return recipe.data.source


def _importable(recipe: Recipe) -> None:
    """Let the modules that a recipe lists be found in the current folder, as with ``python -m``."""
    here = str(Path.cwd())
    if recipe.imports and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def validation_rows(
    recipe: Recipe, features: list[str]
) -> tuple[Table | None, tuple[pd.DataFrame, Any] | None]:
    """Return the separate file of held-out rows, where there is one, with the same features."""
    if recipe.split_kind != "file" or recipe.split.source is None:
        return None, None
    table, X, y = other_rows(recipe, recipe.split.source, features)
    return table, (X, y)


def other_rows(
    recipe: Recipe, source: str, features: list[str]
) -> tuple[Table, pd.DataFrame, pd.Series[Any]]:
    """Return another source than the training data, with the same features and target."""
    table = tables.load(source)
    data = recipe.data.model_copy(update={"features": features, "drop": []})
    X, y = checks.features_and_target(recipe.model_copy(update={"data": data}), table)
    return table, X, checks.target_fits(recipe, y, table.source)
