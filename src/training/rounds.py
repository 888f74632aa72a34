"""The rounds of a search within a budget: which candidates are tried on how many rows, and when."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import ParameterGrid

# A fit of all training rows takes longer than one without a fold, and more or less by chance.
SLACK = 1.4
# From candidates to the results so far.
Evaluate = Callable[..., Mapping[str, Any]]


class Candidate(NamedTuple):
    """A parameter setting, and the number of the grid that it is from."""

    grid: int
    parameters: Mapping[str, Any]


class Rounds:
    """The rounds of a search, on more rows each; a single one where all rows are taken at once."""

    def __init__(self, search: Any, evaluate: Evaluate, context: Any):
        self.search = search
        self.evaluate = evaluate
        self.context = context
        self.results: Mapping[str, Any] = {}
        self.tried: list[Candidate] = []
        self.end: float = search.end
        self.failure: ValueError | None = None

    def run(self, candidates: Sequence[Candidate]) -> int:
        """Try candidates; return how many were not begun."""
        search, number = self.search, 0
        all_rows = search.rows_
        rows = min(all_rows, search.first_rows or all_rows)
        untried = len(candidates)
        while True:
            failed = search.failed_
            begun = self._round(candidates, number, rows)
            left = len(candidates) - begun - (search.failed_ - failed)
            if number == 0:
                untried = left
            places = range(len(self.tried) - begun, len(self.tried))
            best = self._survivors(places)
            if left or len(best) < 2 or rows >= all_rows:
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
        if outer is not None and search.in_rounds:
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
        if not search.in_rounds:
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
        return float(fit) * SLACK * float(self.search.rows_ / rows)

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


def in_turn(grid: Any) -> list[Candidate]:
    """Return the candidates of several grids, the first of each, then the second of each."""
    grids = [list(ParameterGrid(one)) for one in (grid if isinstance(grid, list) else [grid])]
    turns = zip_longest(*grids)
    return [
        Candidate(number, parameters)
        for turn in turns
        for number, parameters in enumerate(turn)
        if parameters is not None
    ]
