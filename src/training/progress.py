"""How far a search has come: fits done, the best score so far, and the time that is left."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from mlproject.base.console import Reporter
from mlproject.base.progress import Standing, clock
from training.fit_events import Event, heard
from training.metrics import Metric
from training.plan import Plan


@contextmanager
def shown(plan: Plan, reporter: Reporter) -> Iterator[None]:
    """Show the step of fitting, and while it lasts how far it is.

    A search that cannot be heard (``fit_events.heard``) shows the time that has passed.
    """
    text = f"Fitting {plan.name}"
    with reporter.step(f"{text}: {plan.described}", spinner=False):
        if getattr(plan.search, "_skl_callbacks", None):  # which may show bars of their own
            yield
            return
        tally = Tally(*_chosen_by(plan))
        hearing = heard(plan.search, tally.take) if plan.searches else nullcontext()
        with hearing, reporter.watch(text, tally.standing):
            yield


def _chosen_by(plan: Plan) -> tuple[str | None, Metric | None]:
    """Return the key of the score that chooses the best candidate, and its metric if known."""
    refit = getattr(plan.search, "refit", None)
    metric = plan.scoring.get(plan.refit) if plan.refit else None
    if callable(refit):
        return None, None
    if isinstance(refit, str):
        return refit, metric
    return (metric.key, metric) if metric else (None, None)


class Tally:
    """Counts the fits of a search, and knows its best candidate so far.

    A search may go in rounds, as halving does: a candidate is compared with those of its round.
    """

    def __init__(self, key: str | None, metric: Metric | None) -> None:
        self._key, self._metric = key, metric
        self._lock = threading.Lock()
        self._started = self._round_started = time.monotonic()
        self._round = self._done = 0
        self._rounds: int | None = None
        self._total: int | None = None
        self._refits = False
        self._folds: dict[int, list[float]] = defaultdict(list)
        self._best: float | None = None
        self._is_of_earlier_round = False

    def take(self, event: Event) -> None:
        """Count an event; called in several threads."""
        with self._lock:
            if event.kind == "refit":
                self._refits = True
            elif event.kind == "fitted":
                self._done += 1
                self._compare(event)
            elif event.depth == 1:
                self._begin(event.tasks)
            elif event.depth == 2:
                if self._round == 0:  # the tasks of the search were its rounds
                    self._rounds = self._total
                self._round += 1
                self._begin(event.tasks)

    def standing(self) -> Standing:
        with self._lock:
            done, total, now = self._done, self._total, time.monotonic()
            time_of_it = f"{clock(now - self._started)} so far"
            if done and total and not self._refits:
                left = (now - self._round_started) * (total - done) / done
                time_of_it = f"{clock(left)} left{self._in_round()}"
            where = "the best on all rows" if self._refits else self._count()
            parts = (where, self._of_best(), time_of_it)
        return Standing(", ".join(part for part in parts if part), done, total)

    def _begin(self, tasks: int | None) -> None:
        self._done, self._total = 0, tasks
        self._round_started = time.monotonic()
        self._folds.clear()
        self._is_of_earlier_round = True

    def _compare(self, event: Event) -> None:
        score = event.scores
        if isinstance(score, Mapping):
            score = score.get(self._key)
        if self._key is None or score is None:
            return
        number = event.number // event.folds
        scores = self._folds[number]
        scores.append(float(score))
        if len(scores) < event.folds:
            return
        mean = sum(self._folds.pop(number)) / event.folds
        if not math.isnan(mean) and (
            self._best is None or self._is_of_earlier_round or mean > self._best
        ):
            self._best, self._is_of_earlier_round = mean, False

    def _of_best(self) -> str:
        if self._best is None:
            return ""
        if self._metric is None:
            return f"best {self._key} {self._best:.4g}"
        return f"best {self._metric.name} {self._metric.natural(self._best):.4g}"

    def _count(self) -> str:
        if not (self._done or self._total):
            return ""
        count = (
            f"{self._done} fits" if self._total is None else f"{self._done} of {self._total} fits"
        )
        rounds = f" of {self._rounds}" if self._rounds else ""
        return f"round {self._round}{rounds}, {count}" if self._round else count

    def _in_round(self) -> str:
        """Return what the time left is for, where more rounds may follow."""
        return " in this round" if self._round and self._round != self._rounds else ""
