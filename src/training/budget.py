"""Grid search within a budget of time: candidates in turn, first on some rows where there are many.

Successive halving (Jamieson and Talwalkar, Non-stochastic best arm identification, 2016) as in
scikit-learn's ``HalvingGridSearchCV``, but with several metrics, and with an eye on the clock.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import zip_longest
from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples
from threadpoolctl import threadpool_limits

from training.rows import sampled

# Of the budget: what comes after the search, such as recording, is to fit in as well.
_FOR_THE_SEARCH = 0.75
# A last fit on all rows may take that share of what is left.
_FOR_THE_LAST_FIT = 0.5
# A fit of all training rows takes longer than one without a fold, and more or less by chance.
_SLACK = 1.4
_ROWS_TO_PROBE = 20_000
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
        How many rows all candidates are compared on first; one in ``factor`` of them, and the best
        of each grid, are compared on ``factor`` times as many rows, and so on. By default all are
        compared on all rows.
    random_state : int, optional
        Seed of the rows that are drawn.

    Attributes
    ----------
    rows_ : int
        How many rows the best candidate was fitted on: all, unless the budget is too short.
    untried_ : int
        How many candidates were not begun.
    failed_ : int
        How many candidates have no result, because every fit of them failed; others that failed
        have one.
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

    def allot(self, X: Any, y: Any, started: float | None = None) -> None:
        """Say when the budget begins to count, and how many rows it is enough for.

        Done by ``fit`` where it is not done before: a few rows are fitted, which autologging would
        take for the fit. ``started`` is a time of ``time.monotonic``, by default now.
        """
        now = time.monotonic()
        self._end = (now if started is None else started) + _FOR_THE_SEARCH * self.budget
        self._candidates = _in_turn(self.param_grid)
        self.rows_ = self._affordable(X, y)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search; ``params`` are those of ``GridSearchCV``, among them ``groups``."""
        if not hasattr(self, "_end"):
            self.allot(X, y)
        rows = _num_samples(X)
        if self.rows_ < rows:
            kept = sampled(rows, self.rows_, self.random_state or 0)
            X, y = _safe_indexing(X, kept), _safe_indexing(y, kept)
            if params.get("groups") is not None:
                params["groups"] = _safe_indexing(params["groups"], kept)
        with one_thread(self.rows_):
            super().fit(X, y, **params)
        del self._end
        return self

    def _affordable(self, X: Any, y: Any) -> int:
        """Return how many rows can be fitted in the end, as a fit of a few of them tells."""
        rows = int(_num_samples(X))
        if rows <= _MANY_ROWS:
            return rows
        few = sampled(rows, _ROWS_TO_PROBE, self.random_state or 0)
        probe = clone(self.estimator).set_params(
            **clone(self._candidates[0].parameters, safe=False)
        )
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
        self.failed_ = 0
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


def notices(search: Any, rows: int) -> list[str]:
    """Return what the budget of a fitted search has cost; ``rows`` are all training rows."""
    if not isinstance(search, BudgetedGridSearchCV):
        return []
    found = []
    if search.untried_:
        found.append(
            f"{search.untried_} candidates were not tried within {search.budget:g} s; to try more, "
            "give a larger --budget"
        )
    if search.failed_:
        found.append(f"{search.failed_} candidates failed on all folds")
    if search.rows_ < rows:
        found.append(
            f"The model is fitted on {search.rows_} of {rows} training rows, to be done within "
            f"{search.budget:g} s; to take more, give a larger --budget"
        )
    return found


class Candidate(NamedTuple):
    """A parameter setting, and the number of the grid that it is from."""

    grid: int
    parameters: Mapping[str, Any]


class _Rounds:
    """The rounds of a search, on more rows each; a single one where all rows are taken at once."""

    def __init__(self, search: BudgetedGridSearchCV, evaluate: Evaluate, context: Any):
        self.search = search
        self.evaluate = evaluate
        self.context = context
        self.results: Mapping[str, Any] = {}
        self.tried: list[Candidate] = []
        self.end = search._end
        self.failure: ValueError | None = None

    def run(self, candidates: Sequence[Candidate]) -> int:
        """Try candidates; return how many were not begun."""
        search, number = self.search, 0
        all_rows = search.rows_
        rows = min(all_rows, search.first_rows or all_rows)
        untried = len(candidates)
        while True:
            begun = self._round(candidates, number, rows)
            if number == 0:
                untried = len(candidates) - begun - search.failed_
            places = range(len(self.tried) - begun, len(self.tried))
            best = self._survivors(places)
            if begun < len(candidates) or len(best) < 2 or rows >= all_rows:
                return untried
            grown = min(all_rows, round(rows * search.factor))
            expected = sum(self._seconds(place) for place in best) * grown / rows
            if time.monotonic() + expected + self._last_fit(places, rows) > self.end:
                return untried
            candidates = [self.tried[place] for place in best]
            rows, number = grown, number + 1

    def _round(self, candidates: Sequence[Candidate], number: int, rows: int) -> int:
        """Try candidates on some rows while there is time; return how many were tried."""
        search, begun, outer = self.search, 0, self.context
        if outer is not None and search._in_rounds:
            self.context = outer.subcontext(
                task_name="round",
                max_subtasks=len(candidates) * search.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=search)
        at_a_time = max(1, math.ceil(effective_n_jobs(search.n_jobs) / search.n_splits_))
        held: list[Candidate] = []  # of which every fit failed, which is no result by itself
        for start in range(0, len(candidates), at_a_time):
            tried = len(self.tried)
            if begun and not self._is_time(range(tried - begun, tried), rows):
                break
            some = [*held, *candidates[start : start + at_a_time]]
            # Fits that failed are known to those who listen to them already.
            heard = None if held else start
            options = self._options(len(some), number, rows)
            held = [] if self._evaluate(some, heard, options) else some
            if not held:
                begun += len(some)
                self.tried += some
        if not begun and self.failure is not None:
            raise self.failure
        search.failed_ += len(held)
        if self.context is not outer:
            self.context.call_on_fit_task_end(estimator=search)
            self.context = outer
        return begun

    def _options(self, count: int, number: int, rows: int) -> dict[str, Any]:
        """Return what candidates of a round are tried with."""
        search = self.search
        if not search._in_rounds:
            return {}
        folds = _Sampled(search._checked_cv_orig, rows / search.rows_, search.random_state)
        more = {"iter": [number] * count, "n_resources": [rows] * count}
        return {"cv": folds, "more_results": more}

    def _evaluate(
        self, some: Sequence[Candidate], start: int | None, options: dict[str, Any]
    ) -> bool:
        """Try candidates; return whether there is a result, which needs a fit that did not fail."""
        if self.context is not None and start is not None:
            first = start * self.search.n_splits_
            options = options | {"callback_ctx": _Numbered(self.context, first)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                self.results = self.evaluate([one.parameters for one in some], **options)
            except ValueError as error:
                if not str(error).strip().startswith("All the"):
                    raise
                self.failure = error
                return False
        return True

    def _survivors(self, places: range) -> list[int]:
        """Return the best candidates, and of each grid the best at least.

        What is best on few rows may not be on many: a linear model learns all it can from few.
        """
        best = self._best(places, math.ceil(len(places) / self.search.factor))
        for grid in {self.tried[place].grid for place in places}:
            of_grid = [place for place in places if self.tried[place].grid == grid]
            best += [place for place in self._best(of_grid, 1) if place not in best]
        return best

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

    def _best(self, places: Sequence[int], count: int) -> list[int]:
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


def _in_turn(grid: Any) -> list[Candidate]:
    """Return the candidates of several grids, the first of each, then the second of each."""
    grids = [list(ParameterGrid(one)) for one in (grid if isinstance(grid, list) else [grid])]
    turns = zip_longest(*grids)
    return [
        Candidate(number, parameters)
        for turn in turns
        for number, parameters in enumerate(turn)
        if parameters is not None
    ]
