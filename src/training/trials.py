"""A search as trials, each a training of its own that tries one candidate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlproject.base.errors import ConfigurationError
from training import catalogue, parameters, preparation, search
from training.recipe import Recipe
from training.request import TrainRequest

# What the run of each training records of its cross-validation; more of it is better.
METRIC = "best_cv_score"
Value = str | int | float


@dataclass(frozen=True)
class Trials:
    """The candidates of a search, as axes.

    Attributes
    ----------
    axes : dict of str to list
        What ``--param NAME=VALUE`` takes of each; numbers stay numbers.
    count : int
        How many trials there are: all combinations, or so many of them drawn.
    request : TrainRequest
        What all trials share.
    """

    axes: dict[str, list[Value]]
    count: int
    is_drawn: bool
    seed: int
    request: TrainRequest


def of(request: TrainRequest) -> Trials:
    """Return the trials of a training.

    Raises
    ------
    ConfigurationError
        When the recipe is wrong, has a metric that is none, or searches nothing that trials can be
        told in words.
    """
    if request.recipe == catalogue.AUTO or (request.recipe is None and request.data is not None):
        raise ConfigurationError(
            "--sweep needs a recipe with a search", "Name one; see mlproject recipes list"
        )
    if request.register:
        raise ConfigurationError(
            "--register would register the model of every trial",
            "Leave it out, and register the best: mlproject models register",
        )
    recipe = preparation.prepare_without_data(request)
    axes = {name: [_told(name, value) for value in values] for name, values in _grid(recipe)}
    count = search.tried(recipe, search.grids(recipe))
    given = parameters.parse(request.params)
    fixed = tuple(
        f"{name}={_text(values[0])}" for name, values in given.items() if name not in axes
    )
    shared = replace(request, params=fixed)
    return Trials(axes, count, recipe.search.kind == "random", recipe.seed, shared)


def _grid(recipe: Recipe) -> list[tuple[str, Sequence[Any]]]:
    given = recipe.search.parameters
    grids = given if isinstance(given, list) else [given]
    if len(grids) > 1:
        raise ConfigurationError(
            f"--sweep takes one grid, and the search of '{recipe.name}' has {len(grids)}",
            "Leave it out: one job tries the candidates of all grids",
        )
    if not grids or not grids[0]:
        raise ConfigurationError(
            f"The recipe '{recipe.name}' has no search", "Give an axis: --param NAME=V,V"
        )
    return list(grids[0].items())


def _told(axis: str, value: Any) -> Value:
    """Return a value as a trial is told it: in single quotes, on a command line."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = _text(value)
    if isinstance(value, dict) or "'" in text or "${{" in text:
        raise ConfigurationError(
            f"A trial cannot be given the value {value!r} of '{axis}'",
            "Leave out --sweep: one job tries all candidates",
        )
    return text


def _text(value: Any) -> str:
    """Return what ``--param`` takes for a value."""
    if isinstance(value, str) and _reads_back(value):
        return value
    return "none" if value is None else json.dumps(value)


def _reads_back(text: str) -> bool:
    """Whether ``--param`` takes a text for itself, and not for a number, a list or several."""
    try:
        return parameters.parse([f"a={text}"]) == {"a": [text]}
    except ConfigurationError:
        return False
