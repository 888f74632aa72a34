"""From a recipe to an unfitted pipeline, with every parameter checked before anything runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils._param_validation import InvalidParameterError

from mlproject.base.errors import ConfigurationError, one_line, reason
from mlproject.base.suggestions import did_you_mean
from training import estimators
from training.classes import check_weighed, weighed
from training.recipe import Recipe

_MOST_NAMED = 3


def build(recipe: Recipe) -> BaseEstimator:
    """Return the pipeline that a recipe describes, unfitted and seeded."""
    if isinstance(recipe.pipeline, str):
        pipeline = _from_function(recipe.pipeline, recipe.imports)
    else:
        steps = [
            (name, spec if spec == "passthrough" else estimators.build(spec, recipe.imports))
            for step in recipe.pipeline
            for name, spec in step.items()
        ]
        for name, step in steps:
            if step != "passthrough" and not hasattr(step, "fit"):
                kind = type(step).__name__
                raise ConfigurationError(f"The step '{name}' is a {kind}, not an estimator")
        pipeline = Pipeline(steps)
    for name, value in recipe.fixed.items():
        check_name(pipeline, name)
        pipeline.set_params(**{name: estimators.nested(value, recipe.imports)})
    check_weighed(pipeline, recipe.classes.weights)
    weighed(pipeline, recipe.classes.weights)
    seeded(pipeline, recipe.seed)
    check_predicts(pipeline)
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
    to ``model__alpha`` whatever else the pipeline holds. A name without its step, such as
    ``alpha``, leads to the steps that have it.
    """
    known = pipeline.get_params(deep=True)
    if name in known:
        return
    within = [item for item in known if item.rpartition("__")[2] == name]
    if within:
        hint = f"Did you mean {' or '.join(map(repr, within[:_MOST_NAMED]))}?"
        raise ConfigurationError(f"The pipeline has no parameter '{name}'", hint)
    prefix, separator, _ = name.rpartition("__")
    siblings = [item for item in known if item.rpartition("__")[0] == prefix]
    if separator and prefix not in known:
        hint = did_you_mean(prefix, [item for item in known if "__" not in item], noun="steps")
    else:
        hint = did_you_mean(name, siblings or known, noun="parameters")
    raise ConfigurationError(f"The pipeline has no parameter '{name}'", hint)


def check_grid(pipeline: BaseEstimator, grid: Mapping[str, Sequence[Any]]) -> None:
    """Raise ConfigurationError for the first name or value of a grid that cannot be.

    Axes of values are tried one at a time, on every combination of the steps that the same grid
    replaces.
    """
    replacing = {
        name: list(values)
        for name, values in grid.items()
        if any(isinstance(value, BaseEstimator) for value in values)
    }
    for name in replacing:
        check_name(pipeline, name)
    for combination in itertools.product(*replacing.values()):
        steps = dict(zip(replacing, combination, strict=True))
        base = clone(pipeline).set_params(
            **{name: clone(value, safe=False) for name, value in steps.items()}
        )
        check_predicts(base)
        check_values(base)
        for name in grid.keys() - replacing.keys():
            check_name(base, name)
            for value in grid[name]:
                check_values(clone(base).set_params(**{name: value}), name)


def check_predicts(pipeline: BaseEstimator) -> None:
    """Raise ConfigurationError unless every step fits its place and the last one predicts."""
    steps = pipeline.steps if isinstance(pipeline, Pipeline) else [("model", pipeline)]
    for name, step in steps[:-1]:
        if step not in ("passthrough", None) and not hasattr(step, "transform"):
            raise ConfigurationError(
                f"The step '{name}' ({type(step).__name__}) does not transform",
                "Only the last step may be a model",
            )
    if not hasattr(pipeline, "predict"):
        name, step = steps[-1]
        kind = step if step in ("passthrough", None) else type(step).__name__
        raise ConfigurationError(
            f"The last step '{name}' ({kind}) does not predict", "Make the last step a model"
        )


def check_values(estimator: BaseEstimator, name: str | None = None) -> None:
    """Raise ConfigurationError when scikit-learn's own constraints refuse a parameter's value.

    The constraints are those that every estimator declares and checks at ``fit``.
    """
    for part in _parts(estimator):
        validate = getattr(part, "_validate_params", None)
        if validate is None or not hasattr(part, "_parameter_constraints"):
            continue  # a user's own estimator, which declares none
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
    except (Exception, SystemExit) as error:  # a user's function may raise anything
        raise ConfigurationError(f"{name} failed: {reason(error)}") from error
    if not isinstance(pipeline, BaseEstimator) or not hasattr(pipeline, "fit"):
        raise ConfigurationError(f"{name} returned {type(pipeline).__name__}, not an estimator")
    return pipeline
