"""The search that a recipe describes: candidates, folds, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
)

from mlproject.base.errors import ConfigurationError
from training import estimators, pipeline
from training.budget import BudgetedGridSearchCV
from training.classes import weighed
from training.folds import cross_validation
from training.metrics import Metric
from training.recipe import Recipe

# Of a halving search within a budget: what all candidates are compared on first.
FIRST_ROWS = 10_000


def grids(recipe: Recipe) -> list[dict[str, list[Any]]]:
    """Return the search space as a list of grids with their estimators built."""
    given = recipe.search.parameters
    spaces = given if isinstance(given, list) else [given]
    return [
        {name: _axis(name, values, recipe) for name, values in space.items()} for space in spaces
    ]


def plan(recipe: Recipe, estimator: BaseEstimator, metrics: Mapping[str, Metric]) -> Any:
    """Return the unfitted search object, or the pipeline itself where there is no search.

    Every axis and value is checked against the pipeline first.
    """
    spaces = grids(recipe)
    for space in spaces:
        pipeline.check_grid(estimator, space)
    if recipe.search.kind == "none":
        if any(spaces):
            raise ConfigurationError("A search of kind 'none' takes no 'parameters'")
        return estimator
    common = {"cv": cross_validation(recipe), "error_score": np.nan}
    scoring = {metric.key: metric.scorer for metric in metrics.values()}
    refit = metrics[str(recipe.refit)].key
    if recipe.search.kind == "halving" and recipe.search.budget is None:
        return _halving(recipe, estimator, spaces, scoring[refit], common)
    if len(scoring) == 1:
        common |= {"scoring": scoring[refit], "refit": True}
    else:
        common |= {"scoring": scoring, "refit": refit}
    if recipe.search.budget is not None:
        return _budgeted(recipe, estimator, spaces, common)
    if recipe.search.kind == "random":
        return RandomizedSearchCV(
            estimator,
            spaces,
            n_iter=tried(recipe, spaces),
            random_state=recipe.seed,
            **common,
        )
    return GridSearchCV(estimator, spaces if len(spaces) > 1 else spaces[0], **common)


def tried(recipe: Recipe, spaces: Sequence[Mapping[str, Sequence[Any]]]) -> int:
    """Return how many candidates a search tries: drawn, or all of its grids; halving, at first."""
    size = len(ParameterGrid([dict(space) for space in spaces]))
    return min(recipe.search.candidates, size) if recipe.search.kind == "random" else size


def _axis(name: str, values: Any, recipe: Recipe) -> list[Any]:
    if not isinstance(values, list):
        raise ConfigurationError(f"The axis '{name}' should be a list of values, not {values!r}")
    if not values:
        raise ConfigurationError(f"The axis '{name}' has no values")
    replaces_step = isinstance(recipe.pipeline, list) and any(name in s for s in recipe.pipeline)
    if not replaces_step:
        return [estimators.nested(value, recipe.imports) for value in values]
    built = [
        value if value in ("passthrough", None) else estimators.build(value, recipe.imports)
        for value in values
    ]
    for item in built:
        if isinstance(item, BaseEstimator):
            pipeline.seeded(item, recipe.seed)
            weighed(item, recipe.classes.weights)
    return built


def _budgeted(
    recipe: Recipe,
    estimator: BaseEstimator,
    spaces: list[dict[str, list[Any]]],
    common: Mapping[str, Any],
) -> Any:
    chosen = recipe.search
    if chosen.kind == "random":
        count = tried(recipe, spaces)
        drawn = ParameterSampler(spaces, count, random_state=recipe.seed)
        spaces = [{name: [value] for name, value in candidate.items()} for candidate in drawn]
    return BudgetedGridSearchCV(
        estimator,
        spaces if len(spaces) > 1 else spaces[0],
        budget=float(chosen.budget or 0),
        first_rows=FIRST_ROWS if chosen.kind == "halving" else None,
        factor=chosen.factor,
        random_state=recipe.seed,
        **common,
    )


def _halving(
    recipe: Recipe,
    estimator: BaseEstimator,
    spaces: list[dict[str, list[Any]]],
    scorer: Any,
    common: Mapping[str, Any],
) -> Any:
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it makes the next work
    from sklearn.model_selection import HalvingGridSearchCV

    return HalvingGridSearchCV(
        estimator,
        spaces if len(spaces) > 1 else spaces[0],
        factor=recipe.search.factor,
        scoring=scorer,
        random_state=recipe.seed,
        **common,
    )
