"""Grid search within a budget of time: candidates in turn, first on some rows where there are many.

Successive halving (Jamieson and Talwalkar, Non-stochastic best arm identification, 2016) as in
scikit-learn's ``HalvingGridSearchCV``, but with several metrics, and with an eye on the clock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _num_samples
from threadpoolctl import threadpool_limits

from mlproject.base.counting import counted, was_or_were
from training.rounds import SLACK, Evaluate, Rounds, in_turn
from training.rows import sampled

# Of the budget: what comes after the search, such as recording, is to fit in as well.
_FOR_THE_SEARCH = 0.75
# A last fit on all rows may take that share of what is left.
_FOR_THE_LAST_FIT = 0.5
_ROWS_TO_PROBE = 20_000
# Threads that share so few rows mostly wait for each other, the more so on a busy machine.
_FEW_ROWS = 20_000
_MANY_ROWS = 100_000


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
        self.end = (now if started is None else started) + _FOR_THE_SEARCH * self.budget
        self._candidates = in_turn(self.param_grid)
        self.rows_ = self._affordable(X, y)

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search; ``params`` are those of ``GridSearchCV``, among them ``groups``."""
        if not hasattr(self, "end"):
            self.allot(X, y)
        rows = _num_samples(X)
        if self.rows_ < rows:
            kept = sampled(rows, self.rows_, self.random_state or 0)
            X, y = _safe_indexing(X, kept), _safe_indexing(y, kept)
            if params.get("groups") is not None:
                params["groups"] = _safe_indexing(params["groups"], kept)
        try:
            with one_thread(self.rows_):
                super().fit(X, y, **params)
        finally:  # another fit has a budget of its own
            del self.end
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
        seconds = (time.monotonic() - begun) * SLACK * rows / _ROWS_TO_PROBE
        left = max(1.0, self.end - time.monotonic()) * _FOR_THE_LAST_FIT
        return rows if seconds <= left else max(_ROWS_TO_PROBE, int(rows * left / seconds))

    def _run_search(self, evaluate_candidates: Evaluate, callback_ctx: Any = None) -> None:
        context = None
        if callback_ctx is not None:
            all_rows = not self.in_rounds
            folds = len(self._candidates) * self.n_splits_
            context = callback_ctx.subcontext(
                task_name="search",
                max_subtasks=folds if all_rows else None,
                sequential_subtasks=not all_rows,
            ).call_on_fit_task_begin(estimator=self)
        self.failed_ = 0
        self.untried_ = Rounds(self, evaluate_candidates, context).run(self._candidates)
        if context is not None:
            context.call_on_fit_task_end(estimator=self)

    @property
    def in_rounds(self) -> bool:
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
            f"{counted(search.untried_, 'candidate')} {was_or_were(search.untried_)} not "
            f"tried within {search.budget:g} s; to try more, "
            "give a larger --budget"
        )
    if search.failed_:
        found.append(f"{counted(search.failed_, 'candidate')} failed on all folds")
    if search.rows_ < rows:
        found.append(
            f"The model is fitted on {search.rows_} of {counted(rows, 'training row')}, to "
            "be done within "
            f"{search.budget:g} s; to take more, give a larger --budget"
        )
    return found
