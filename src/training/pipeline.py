"""From a recipe to an unfitted pipeline, with every parameter checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from mlproject.errors import ConfigurationError, one_line, reason
from mlproject.names import did_you_mean
from training import estimators
from training.recipe import Recipe


def build(recipe: Recipe) -> BaseEstimator:
    """Return the pipeline that a recipe describes, unfitted and seeded.

    Raises
    ------
    ConfigurationError
        When an estimator or a parameter is unknown, or a value is refused.
    """
    if isinstance(recipe.pipeline, str):
        pipeline = _from_function(recipe.pipeline, recipe.imports)
    else:
        steps = [
            (name, estimators.build(spec, recipe.imports))
            for step in recipe.pipeline
            for name, spec in step.items()
        ]
        pipeline = Pipeline(steps)
    for name, value in recipe.fixed.items():
        check_name(pipeline, name)
        pipeline.set_params(**{name: estimators.nested(value, recipe.imports)})
    seeded(pipeline, recipe.seed)
    check_values(pipeline)
    return pipeline


def seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Give the seed to every ``random_state`` that is not set."""
    unset = {
        name: seed
        for name, value in estimator.get_params(deep=True).items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    }
    return estimator.set_params(**unset)


def check_name(pipeline: BaseEstimator, name: str) -> None:
    """Raise ConfigurationError unless the pipeline has the parameter.

    The nearest name is looked for where the name is right so far, so that ``model__alhpa`` leads
    to ``model__alpha`` whatever else the pipeline holds.
    """
    known = pipeline.get_params(deep=True)
    if name in known:
        return
    prefix, separator, _ = name.rpartition("__")
    siblings = [item for item in known if item.rpartition("__")[0] == prefix]
    if separator and prefix not in known:
        hint = did_you_mean(prefix, [item for item in known if "__" not in item], noun="steps")
    else:
        hint = did_you_mean(name, siblings or known, noun="parameters")
    raise ConfigurationError(f"The pipeline has no parameter '{name}'", hint)


def check_grid(pipeline: BaseEstimator, grid: Mapping[str, Sequence[Any]]) -> None:
    """Raise ConfigurationError for the first name or value of a grid that cannot be.

    Values are tried one axis at a time, after the steps that the same grid replaces.
    """
    names = sorted(grid, key=lambda name: name.count("__"))
    base = clone(pipeline)
    for name in names:
        check_name(base, name)
        for value in grid[name]:
            candidate = clone(base).set_params(**{name: value})
            check_values(candidate, name)
        if isinstance(grid[name][0], BaseEstimator):
            base.set_params(**{name: clone(grid[name][0])})


def check_values(estimator: BaseEstimator, name: str | None = None) -> None:
    """Raise ConfigurationError when scikit-learn's own constraints refuse a parameter's value.

    The constraints are those that every estimator declares and checks at ``fit``.
    """
    for part in _parts(estimator):
        validate = getattr(part, "_validate_params", None)
        if validate is None:
            continue
        try:
            validate()
        except InvalidParameterError as error:
            what = one_line(str(error).replace("\n", " "))
            where = f"{name}: " if name else ""
            raise ConfigurationError(f"{where}{what}") from error


def _parts(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    if not isinstance(estimator, Pipeline):
        yield estimator
    for value in estimator.get_params(deep=True).values():
        if isinstance(value, BaseEstimator):
            yield value


def _from_function(name: str, imports: Sequence[str]) -> BaseEstimator:
    function = estimators.find(name, imports)
    try:
        pipeline = function()
    except Exception as error:  # a user's function may raise anything
        raise ConfigurationError(f"{name} failed: {reason(error)}") from error
    if not isinstance(pipeline, BaseEstimator) or not hasattr(pipeline, "fit"):
        raise ConfigurationError(f"{name} returned {type(pipeline).__name__}, not an estimator")
    return pipeline
