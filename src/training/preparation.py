"""From options to a checked recipe, data, split and search: everything before a server is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean
from mlproject.data import table as tables
from mlproject.data.table import Table
from training import auto, catalogue, checks, estimators, metrics, parameters, pipeline, search
from training.metrics import Metric
from training.recipe import Recipe
from training.request import TrainRequest
from training.split import Split, split


@dataclass(frozen=True)
class Prepared:
    """Everything that is known before a server is asked."""

    recipe: Recipe
    table: Table
    rows: Split
    planned: Any
    scoring: Mapping[str, Metric]
    held_out: Mapping[str, Metric]
    validation: Table | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def recordable(self) -> Recipe:
        """The recipe as it may be written down: absolute places, addresses without secrets."""
        data = self.recipe.data.model_copy(update={"source": self.table.source})
        held_out = self.recipe.split
        if self.validation is not None:
            held_out = held_out.model_copy(update={"source": self.validation.source})
        return self.recipe.model_copy(update={"data": data, "split": held_out})


def prepare(options: TrainRequest) -> Prepared:
    """Return the recipe with its overrides, the data, the split and the search, all checked."""
    notices: list[str] = []
    recipe, table = _recipe(options, notices)
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
    held_out = {name: metrics.resolve(name, recipe.task, classes) for name in recipe.metrics}
    planned = search.plan(recipe, estimator, scoring)
    return Prepared(recipe, table, rows, planned, scoring, held_out, validation, notices)


def prepare_without_data(options: TrainRequest) -> Recipe:
    """Return the recipe with its overrides, checked as far as that goes without data."""
    recipe, _ = _recipe(options, [])
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


def _recipe(options: TrainRequest, notices: list[str]) -> tuple[Recipe, Table | None]:
    """Return the recipe with the options applied; the table too where it had to be read for it."""
    automatic = options.recipe == catalogue.AUTO or (
        options.recipe is None and options.data is not None
    )
    table = None
    if automatic:
        if options.data is None or options.target is None:
            missing = "--data SOURCE" if options.data is None else "--target COLUMN"
            raise ConfigurationError(
                "Without a recipe, training needs data and a target",
                f"Give {missing}, or name a recipe: {', '.join(catalogue.available())}",
            )
        table = tables.load(options.data)
        derived = auto.derive(
            table, options.target, options.data, f"auto-{table.name}-{options.target}"
        )
        recipe = derived.recipe
        notices += [f"Column '{name}' is left out: {why}" for name, why in derived.left_out.items()]
    else:
        recipe = catalogue.load(options.recipe or catalogue.DEFAULT)
    data = {
        key: value
        for key, value in (("source", options.data), ("target", options.target))
        if value is not None
    }
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=data)})
    if options.seed is not None:
        recipe = recipe.model_copy(update={"seed": options.seed})
    return parameters.applied(recipe, parameters.parse(options.params)), table


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
    table = tables.load(recipe.split.source)
    data = recipe.data.model_copy(update={"features": features, "drop": []})
    X, y = checks.features_and_target(recipe.model_copy(update={"data": data}), table)
    return table, (X, checks.target_fits(recipe, y, table.source))
