"""Grid search within a budget of time: candidates in turn, first on some rows where there are many.

Successive halving (Jamieson and Talwalkar, Non-stochastic best arm identification, 2016) as in
scikit-learn's ``HalvingGridSearchCV``, but with several metrics, and with an eye on the clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples
from threadpoolctl import threadpool_limits

from training.rows import sampled

# Of the budget: what comes after the search, such as recording, is to fit in as well.
_FOR_THE_SEARCH = 0.85
# A last fit on all rows may take that share of what is left.
_FOR_THE_LAST_FIT = 0.5
# A fit of all training rows takes longer than one without a fold, and more or less by chance.
_SLACK = 1.4
_ROWS_TO_PROBE = 5_000
# Threads that share so few rows mostly wait for each other, the more so on a busy machine.
_FEW_ROWS = 20_000
_MANY_ROWS = 100_000


# From candidates to the results so far.
Evaluate = Callable[..., Mapping[str, Any]]


class BudgetedGridSearchCV(GridSearchCV):
    """Grid search that begins no candidate when its time is over.

    Candidates of several grids are tried in turn, so that each grid has its first one tried early.
    At least one candidate is tried.

    Parameters
    ----------
    estimator, param_grid, scoring, n_jobs, refit, cv, error_score
        As those of ``GridSearchCV``.
    budget : float
        Seconds.
    first_rows : int, optional
        How many rows all candidates are compared on first; one in ``factor`` of them is compared on
        ``factor`` times as many rows, and so on. By default all are compared on all rows.
    random_state : int, optional
        Seed of the rows that are drawn.

    Attributes
    ----------
    rows_ : int
        How many rows the best candidate was fitted on: all, unless the budget is too short.
    untried_ : int
        How many candidates were not begun.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GridSearchCV._parameter_constraints,
        "budget": [Interval(Real, 0, None, closed="neither")],
        "first_rows": [Interval(Real, 1, None, closed="left"), None],
        "factor": [Interval(Real, 1, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        budget: float,
        first_rows: int | None = None,
        factor: int = 3,
        random_state: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        error_score: Any = np.nan,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            error_score=error_score,
        )
        self.budget = budget
        self.first_rows = first_rows
        self.factor = factor
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, *, started: float | None = None, **params: Any) -> Any:
        """Search; ``started`` is the time, as of ``time.monotonic``, from which the budget counts.

        ``params`` are those of ``GridSearchCV``; of ``groups`` the same rows are taken as of ``X``.
        """
        now = time.monotonic()
        self._end = (now if started is None else started) + _FOR_THE_SEARCH * self.budget
        self._candidates = _in_turn(self.param_grid)
        rows = _num_samples(X)
        self.rows_ = self._affordable(X, y)
        if self.rows_ < rows:
            kept = sampled(rows, self.rows_, self.random_state or 0)
            X, y = _safe_indexing(X, kept), _safe_indexing(y, kept)
            if params.get("groups") is not None:
                params["groups"] = _safe_indexing(params["groups"], kept)
        with one_thread(self.rows_):
            return super().fit(X, y, **params)

    def _affordable(self, X: Any, y: Any) -> int:
        """Return how many rows can be fitted in the end, as a fit of a few of them tells."""
        rows = int(_num_samples(X))
        if rows <= _MANY_ROWS:
            return rows
        few = sampled(rows, _ROWS_TO_PROBE, self.random_state or 0)
        probe = clone(self.estimator).set_params(**clone(self._candidates[0], safe=False))
        begun = time.monotonic()
        try:
            probe.fit(_safe_indexing(X, few), _safe_indexing(y, few))
        except Exception:  # noqa: BLE001 - the search tells what fails
            return rows
        seconds = (time.monotonic() - begun) * _SLACK * rows / _ROWS_TO_PROBE
        left = max(1.0, self._end - time.monotonic()) * _FOR_THE_LAST_FIT
        return rows if seconds <= left else max(_ROWS_TO_PROBE, int(rows * left / seconds))

    def _run_search(self, evaluate_candidates: Evaluate, callback_ctx: Any = None) -> None:
        context = None
        if callback_ctx is not None:
            all_rows = not self._in_rounds
            folds = len(self._candidates) * self.n_splits_
            context = callback_ctx.subcontext(
                task_name="search",
                max_subtasks=folds if all_rows else None,
                sequential_subtasks=not all_rows,
            ).call_on_fit_task_begin(estimator=self)
        self.untried_ = _Rounds(self, evaluate_candidates, context).run(self._candidates)
        if context is not None:
            context.call_on_fit_task_end(estimator=self)

    @property
    def _in_rounds(self) -> bool:
        return self.first_rows is not None and self.first_rows < self.rows_

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: str, results: Mapping[str, Any]) -> int:
        """Return the best candidate of those that were compared on the most rows."""
        if "iter" not in results:
            return int(GridSearchCV._select_best_index(refit, refit_metric, results))
        last = np.flatnonzero(np.asarray(results["iter"]) == np.max(results["iter"]))
        scores = np.asarray(results[f"mean_test_{refit_metric}"])[last]
        return int(last[0 if np.isnan(scores).all() else np.nanargmax(scores)])


def one_thread(rows: int) -> AbstractContextManager[Any]:
    """Have numerical libraries use one thread inside the block where there are few rows."""
    return threadpool_limits(1) if rows <= _FEW_ROWS else nullcontext()


class _Rounds:
    """The rounds of a search, on more rows each; a single one where all rows are taken at once."""

    def __init__(self, search: BudgetedGridSearchCV, evaluate: Evaluate, context: Any):
        self.search = search
        self.evaluate = evaluate
        self.context = context
        self.results: Mapping[str, Any] = {}
        self.tried = 0
        self.end = search._end

    def run(self, candidates: Sequence[Mapping[str, Any]]) -> int:
        """Try candidates; return how many were not begun."""
        search, number = self.search, 0
        all_rows = search.rows_
        rows = min(all_rows, search.first_rows or all_rows)
        untried = len(candidates)
        while True:
            begun = self._round(candidates, number, rows)
            if number == 0:
                untried = len(candidates) - begun
            places = range(self.tried - begun, self.tried)
            best = self._best(places, math.ceil(begun / search.factor))
            if begun < len(candidates) or len(best) < 2 or rows >= all_rows:
                return untried
            grown = min(all_rows, round(rows * search.factor))
            expected = sum(self._seconds(place) for place in best) * grown / rows
            if time.monotonic() + expected + self._last_fit(places, rows) > self.end:
                return untried
            candidates = [self.results["params"][place] for place in best]
            rows, number = grown, number + 1

    def _round(self, candidates: Sequence[Mapping[str, Any]], number: int, rows: int) -> int:
        """Try candidates on some rows while there is time; return how many were tried."""
        search, begun, outer = self.search, 0, self.context
        if outer is not None and search._in_rounds:
            self.context = outer.subcontext(
                task_name="round",
                max_subtasks=len(candidates) * search.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=search)
        at_a_time = max(1, math.ceil(effective_n_jobs(search.n_jobs) / search.n_splits_))
        for start in range(0, len(candidates), at_a_time):
            some = candidates[start : start + at_a_time]
            if begun and not self._is_time(range(self.tried - begun, self.tried), rows):
                break
            options: dict[str, Any] = {}
            if search._in_rounds:
                share = rows / search.rows_
                options["cv"] = _Sampled(search._checked_cv_orig, share, search.random_state)
                options["more_results"] = {
                    "iter": [number] * len(some),
                    "n_resources": [rows] * len(some),
                }
            self._evaluate(list(some), begun, options)
            begun += len(some)
            self.tried += len(some)
        if self.context is not outer:
            self.context.call_on_fit_task_end(estimator=search)
            self.context = outer
        return begun

    def _evaluate(
        self, candidates: list[Mapping[str, Any]], begun: int, options: dict[str, Any]
    ) -> None:
        if self.context is not None:
            first = begun * self.search.n_splits_
            options = options | {"callback_ctx": _Numbered(self.context, first)}
        self.results = self.evaluate(candidates, **options)

    def _is_time(self, places: range, rows: int) -> bool:
        slowest = max(self._seconds(place) for place in places)
        return time.monotonic() + slowest + self._last_fit(places, rows) <= self.end

    def _last_fit(self, places: range, rows: int) -> float:
        """Return the seconds that a fit of all rows will take, after those on some."""
        best = self._best(places, 1)
        fit = self.results["mean_fit_time"][best[0]] if best else 0.0
        return float(fit) * _SLACK * self.search.rows_ / rows

    def _seconds(self, place: int) -> float:
        """Return the seconds that a candidate's folds took, one after the other."""
        results = self.results
        each = float(results["mean_fit_time"][place] + results["mean_score_time"][place])
        at_once = min(self.search.n_splits_, effective_n_jobs(self.search.n_jobs))
        return each * float(self.search.n_splits_ / at_once)

    def _best(self, places: range, count: int) -> list[int]:
        refit = self.search.refit if isinstance(self.search.refit, str) else "score"
        scores = np.asarray(self.results[f"mean_test_{refit}"], dtype=float)
        known = [place for place in places if not np.isnan(scores[place])]
        return sorted(known, key=lambda place: -scores[place])[:count]


class _Numbered:
    """A context of scikit-learn's callbacks whose tasks are numbered on from some before."""

    def __init__(self, context: Any, first: int) -> None:
        self.context = context
        self.first = first

    def subcontext(self, *, task_name: str, task_id: int) -> Any:
        return self.context.subcontext(task_name=task_name, task_id=self.first + task_id)


class _Sampled:
    """Folds of a share of the rows, in which no class of the training rows is lost."""

    def __init__(self, folds: Any, share: float, seed: int | None) -> None:
        self.folds = folds
        self.share = share
        self.seed = seed

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the positions of the training rows and of the others."""
        random = np.random.default_rng(self.seed)
        labels = np.asarray(y)
        for train, test in self.folds.split(X, y, groups):
            few, others = (
                np.sort(random.choice(rows, max(2, int(self.share * len(rows))), replace=False))
                for rows in (train, test)
            )
            if labels.dtype.kind != "f":
                _, first = np.unique(labels[train], return_index=True)
                few = np.union1d(few, train[first])
            yield few, others


def _in_turn(grid: Any) -> list[dict[str, Any]]:
    """Return the candidates of several grids, the first of each, then the second of each."""
    grids = [list(ParameterGrid(one)) for one in (grid if isinstance(grid, list) else [grid])]
    turns = zip_longest(*grids)
    return [candidate for turn in turns for candidate in turn if candidate is not None]
