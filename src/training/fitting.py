"""The fit: every candidate, the best one, and what failed and why."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterSampler, check_cv
from sklearn.utils import _safe_indexing

from mlproject.base.counting import counted
from mlproject.base.errors import ModelError, reason
from training import blame
from training.classes import with_threshold
from training.plan import Plan, count_of, is_search
from training.split import Split

# The reason of each failed candidate is found by fitting it once more; of so many at most.
_MOST_REASONS = 10


@dataclass(frozen=True)
class Failure:
    """A candidate of which at least one fold has no score.

    Attributes
    ----------
    index : int
        Its row in ``cv_results_``.
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
    """

    fitted: Any
    best: Any
    best_parameters: dict[str, Any]
    metrics: dict[str, float]
    failures: list[Failure] = field(default_factory=list)

    @property
    def results(self) -> Mapping[str, Any]:
        """``cv_results_``; empty where there was no search."""
        return self.fitted.cv_results_ if is_search(self.fitted) else {}

    @property
    def candidates(self) -> int:
        return len(self.results["params"]) if self.results else 1


def fit(plan: Plan, logged: AbstractContextManager[Any] | None = None) -> Outcome:
    """Fit a plan; inside ``logged`` is the fit that is asked for, and no other."""
    search, rows = plan.search, plan.rows
    arguments: dict[str, Any] = {}
    if plan.searches and rows.groups is not None:
        arguments["groups"] = rows.groups
    with _quiet_failures():
        try:
            with logged or nullcontext():
                search.fit(rows.X_train, rows.y_train, **arguments)
        except (Exception, SystemExit) as error:  # any estimator may raise anything
            raise _nothing_fitted(plan, error) from error
    if not plan.searches:
        return Outcome(search, _finished(plan, search), {}, {})
    failures = _failures(search, rows)
    if len(failures) == len(search.cv_results_["params"]) and not _any_score(search):
        raise ModelError(f"No candidate could be scored: {failures[0].why}")
    return Outcome(
        search,
        _finished(plan, search.best_estimator_),
        dict(search.best_params_),
        _best_scores(plan),
        failures,
    )


def _finished(plan: Plan, best: Any) -> Any:
    """Return the best estimator, with a tuned threshold where one is wanted."""
    if plan.threshold is None:
        return best
    folds = list(folds_of(plan.search, plan.rows)) if plan.searches else None
    return with_threshold(best, plan.threshold, plan.rows, folds)


@contextmanager
def _quiet_failures() -> Iterator[None]:
    """Silence what is reported in our own words, or follows from what a recipe asks for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)
        warnings.filterwarnings("ignore", message="One or more of the test scores are non-finite")
        warnings.filterwarnings("ignore", message="Scoring failed")
        warnings.filterwarnings("ignore", message="The least populated class")
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than")
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers too large for a model
        warnings.filterwarnings("ignore", message="The `probability` parameter was deprecated")
        yield


def _fold_columns(results: Mapping[str, Any]) -> list[str]:
    return [name for name in results if name.startswith("split") and "_test_" in name]


def _any_score(planned: Any) -> bool:
    results = planned.cv_results_
    return any(np.isfinite(results[name]).any() for name in _fold_columns(results))


def _failures(search: Any, rows: Split) -> list[Failure]:
    results = search.cv_results_
    columns = _fold_columns(results)
    missing = np.isnan(np.column_stack([results[name] for name in columns]).astype(float))
    folds = np.array([int(name[len("split") : name.index("_")]) for name in columns])
    failures: list[Failure] = []
    for index in np.flatnonzero(missing.any(axis=1)):
        failed = np.unique(folds[missing[index]])
        parameters = results["params"][index]
        why = "as above"
        if len(failures) < _MOST_REASONS:
            candidate = _candidate(search, parameters)
            why = _why(search, candidate, rows, int(failed[0])) or "a score is not a number"
        failures.append(Failure(int(index), dict(parameters), len(failed), why))
    return failures


def folds_of(search: Any, rows: Split) -> Iterator[tuple[Any, Any]]:
    """Return the folds of a search, as positions of training rows and of the others."""
    # A generator of folds has been read by the search, which keeps what it read.
    splitter = getattr(search, "_checked_cv_orig", None)
    if splitter is None:
        splitter = check_cv(search.cv, rows.y_train, classifier=is_classifier(search.estimator))
    folds: Iterator[tuple[Any, Any]] = splitter.split(rows.X_train, rows.y_train, rows.groups)
    return folds


def _why(search: Any, candidate: Any, rows: Split, fold: int) -> str | None:
    """Fit one candidate on one fold again, to hear what it raises."""
    try:
        folds = list(folds_of(search, rows))
        if not folds:
            return None
        train, test = folds[fold % len(folds)]
        candidate.fit(_safe_indexing(rows.X_train, train), _safe_indexing(rows.y_train, train))
        scorer = check_scoring(candidate, search.scoring)
        scorer(candidate, _safe_indexing(rows.X_train, test), _safe_indexing(rows.y_train, test))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - its message is what is asked for
        return reason(error)
    return None


def _nothing_fitted(plan: Plan, error: BaseException) -> ModelError:
    rows = plan.rows
    (first,) = some_candidates(plan, 1)
    if not plan.searches:
        return ModelError(
            f"The pipeline cannot be fitted: {reason(error)}",
            blame.hint(first, rows.X_train, rows.y_train),
        )
    why = _why(plan.search, first, rows, 0)
    if why is None:
        first_line = str(error).strip().partition("\n")[0]
        return ModelError(f"The search failed: {first_line or type(error).__name__}")
    count = count_of(plan.search)
    every = f"All {counted(count, 'candidate')}" if count is not None else "All candidates"
    hint = blame.hint(first, rows.X_train, rows.y_train) or "Check the pipeline and the columns"
    return ModelError(f"{every} failed: {why}", hint)


def some_candidates(plan: Plan, most: int) -> list[Any]:
    """Return some of the pipelines that a plan would fit, unfitted."""
    if not plan.searches:
        return [clone(plan.search)]
    search = plan.search
    spaces = getattr(search, "param_grid", None) or getattr(search, "param_distributions", {})
    count = min(most, count_of(search) or most)
    sampled = ParameterSampler(spaces, count, random_state=plan.seed)
    return [_candidate(search, parameters) for parameters in sampled]


def _candidate(search: Any, parameters: Mapping[str, Any]) -> Any:
    return clone(search.estimator).set_params(
        **{name: clone(value, safe=False) for name, value in parameters.items()}
    )


def _best_scores(plan: Plan) -> dict[str, float]:
    """Return ``cv_NAME`` and ``cv_NAME_std`` of the best candidate."""
    results, best = plan.search.cv_results_, plan.search.best_index_
    scores = {}
    if callable(plan.search.scoring) and plan.search.multimetric_:  # which names its own scores
        for column in results:
            kind, _, name = column.partition("_test_")
            if kind in ("mean", "std"):
                suffix = "_std" if kind == "std" else ""
                scores[f"cv_{name}{suffix}"] = float(results[column][best])
        return scores
    for name, metric in plan.scoring.items():
        single = "mean_test_score" in results
        if single and name != plan.refit:
            continue
        suffix = "score" if single else metric.key
        scores[f"cv_{name}"] = metric.natural(float(results[f"mean_test_{suffix}"][best]))
        scores[f"cv_{name}_std"] = float(results[f"std_test_{suffix}"][best])
    return scores
