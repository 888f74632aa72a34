"""The search: candidates, folds, scores, and what failed and why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV

from mlproject.base.errors import ConfigurationError, ModelError, reason
from training import estimators, pipeline
from training.metrics import Metric
from training.recipe import Recipe
from training.split import Split, cross_validation

# The reason of each failed candidate is found by fitting it once more; of so many at most.
_MOST_REASONS = 10


@dataclass(frozen=True)
class Failure:
    """A candidate of which at least one fold has no score.

    Attributes
    ----------
    index : int
        Its row in ``cv_results_``.
    parameters : dict
    folds : int
        How many folds failed.
    why : str
        What the first failing fold raised.
    """

    index: int
    parameters: dict[str, Any]
    folds: int
    why: str


@dataclass(frozen=True)
class Outcome:
    """A fitted search.

    Attributes
    ----------
    fitted : estimator
        The search object, or the pipeline itself where there was no search.
    best : estimator
        Fitted on all training rows.
    best_parameters : dict
        The searched parameters of the best candidate.
    metrics : dict of str to float
        Mean and standard deviation over the folds of the best candidate, natural sign.
    failures : list of Failure
    """

    fitted: Any
    best: Any
    best_parameters: dict[str, Any]
    metrics: dict[str, float]
    failures: list[Failure] = field(default_factory=list)

    @property
    def results(self) -> Mapping[str, Any]:
        """``cv_results_``; empty where there was no search."""
        return getattr(self.fitted, "cv_results_", {})

    @property
    def candidates(self) -> int:
        """How many candidates were tried; a plain fit is one."""
        return len(self.results["params"]) if self.results else 1


def grids(recipe: Recipe) -> list[dict[str, list[Any]]]:
    """Return the search space as a list of grids with their estimators built.

    Raises
    ------
    ConfigurationError
        When an axis is not a list of values, or has none.
    """
    given = recipe.search.parameters
    spaces = given if isinstance(given, list) else [given]
    return [
        {name: _axis(name, values, recipe) for name, values in space.items()} for space in spaces
    ]


def plan(recipe: Recipe, estimator: BaseEstimator, metrics: Mapping[str, Metric]) -> Any:
    """Return the unfitted search object, or the pipeline itself where there is no search.

    Every axis and value is checked against the pipeline first.

    Raises
    ------
    ConfigurationError
        When a parameter is unknown or a value is refused.
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
    refit = metrics[recipe.refit].key
    if recipe.search.kind == "halving":
        return _halving(recipe, estimator, spaces, scoring[refit], common)
    if len(scoring) == 1:
        common |= {"scoring": scoring[refit], "refit": True}
    else:
        common |= {"scoring": scoring, "refit": refit}
    if recipe.search.kind == "random":
        return RandomizedSearchCV(
            estimator,
            spaces,
            n_iter=min(recipe.search.candidates, size(spaces)),
            random_state=recipe.seed,
            **common,
        )
    return GridSearchCV(estimator, spaces if len(spaces) > 1 else spaces[0], **common)


def fit(planned: Any, rows: Split, metrics: Mapping[str, Metric], refit: str) -> Outcome:
    """Fit a planned search and describe what came out.

    Raises
    ------
    ModelError
        When no candidate could be fitted, or the best one could not be fitted on all rows.
    """
    searching = hasattr(planned, "cv")
    arguments = {"groups": rows.groups} if searching and rows.groups is not None else {}
    with _quiet_failures():
        try:
            planned.fit(rows.X_train, rows.y_train, **arguments)
        except (Exception, SystemExit) as error:  # any estimator may raise anything
            raise _nothing_fitted(planned, rows, error) from error
    if not searching:
        return Outcome(planned, planned, {}, {})
    failures = _failures(planned, rows)
    if len(failures) == len(planned.cv_results_["params"]) and not _any_score(planned):
        raise ModelError(f"No candidate could be scored: {failures[0].why}")
    return Outcome(
        planned,
        planned.best_estimator_,
        dict(planned.best_params_),
        _best_scores(planned, metrics, refit),
        failures,
    )


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
    return built


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


def size(spaces: Sequence[Mapping[str, Sequence[Any]]]) -> int:
    """Return how many candidates the grids hold together."""
    return len(ParameterGrid([dict(space) for space in spaces]))


@contextmanager
def _quiet_failures() -> Iterator[None]:
    """Silence what is reported in our own words, or follows from what a recipe asks for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.filterwarnings("ignore", message="One or more of the test scores are non-finite")
        warnings.filterwarnings("ignore", message="Scoring failed")
        warnings.filterwarnings("ignore", message="The `probability` parameter was deprecated")
        yield


def _fold_columns(results: Mapping[str, Any]) -> list[str]:
    return [name for name in results if name.startswith("split") and "_test_" in name]


def _any_score(planned: Any) -> bool:
    results = planned.cv_results_
    return any(np.isfinite(results[name]).any() for name in _fold_columns(results))


def _failures(planned: Any, rows: Split) -> list[Failure]:
    """Return the candidates with folds that have no score."""
    results = planned.cv_results_
    columns = _fold_columns(results)
    missing = np.isnan(np.column_stack([results[name] for name in columns]).astype(float))
    folds = np.array([int(name[len("split") : name.index("_")]) for name in columns])
    failures: list[Failure] = []
    for index in np.flatnonzero(missing.any(axis=1)):
        failed = np.unique(folds[missing[index]])
        parameters = results["params"][index]
        why = "as above"
        if len(failures) < _MOST_REASONS:
            why = _why(planned, parameters, rows, int(failed[0])) or "a score is not a number"
        failures.append(Failure(int(index), dict(parameters), len(failed), why))
    return failures


def _why(planned: Any, parameters: Mapping[str, Any], rows: Split, fold: int) -> str | None:
    """Fit one candidate on one fold again, to hear what it raises."""
    folds = list(planned.cv.split(rows.X_train, rows.y_train, rows.groups))
    train, test = folds[fold % len(folds)]
    candidate = clone(planned.estimator).set_params(
        **{name: clone(value, safe=False) for name, value in parameters.items()}
    )
    try:
        candidate.fit(rows.X_train.iloc[train], rows.y_train.iloc[train])
        scorers = planned.scoring if isinstance(planned.scoring, dict) else {"": planned.scoring}
        for scorer in scorers.values():
            scorer(candidate, rows.X_train.iloc[test], rows.y_train.iloc[test])
    except Exception as error:  # noqa: BLE001 - its message is what is asked for
        return reason(error)
    return None


def _nothing_fitted(planned: Any, rows: Split, error: BaseException) -> ModelError:
    if not hasattr(planned, "cv"):
        return ModelError(f"The pipeline cannot be fitted: {reason(error)}")
    spaces = getattr(planned, "param_grid", None) or planned.param_distributions
    first = next(iter(ParameterGrid(spaces)))
    why = _why(planned, first, rows, 0)
    if why is None:
        return ModelError(f"The search failed: {reason(error)}")
    count = size(spaces if isinstance(spaces, list) else [spaces])
    return ModelError(f"All {count} candidates failed: {why}", "Check the pipeline and the columns")


def _best_scores(planned: Any, metrics: Mapping[str, Metric], refit: str) -> dict[str, float]:
    """Return ``cv_NAME`` and ``cv_NAME_std`` of the best candidate."""
    table = pd.DataFrame(planned.cv_results_)
    row = table.iloc[planned.best_index_]
    scores = {}
    for name, metric in metrics.items():
        single = "mean_test_score" in table
        if single and name != refit:
            continue
        suffix = "score" if single else metric.key
        scores[f"cv_{name}"] = metric.natural(float(row[f"mean_test_{suffix}"]))
        scores[f"cv_{name}_std"] = float(row[f"std_test_{suffix}"])
    return scores
