"""The files of a run that show it: its report, the plots, and the card of its model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mlproject.base.errors import reason
from mlproject.pages.drawing import Drawing
from mlproject.tracking import names
from training.contents import Measured
from training.fitting import Outcome
from training.metrics import Metric
from training.plan import Plan
from training.report import advice, facts, held_out, importance, learning, page, search
from training.report.facts import Facts
from training.report.page import Where


@dataclass(frozen=True)
class Shown:
    """What is shown of a run.

    Attributes
    ----------
    files : dict of str to bytes or str
        By their path below the run's artifacts.
    card : str
        Markdown, for the folder of the model.
    why : str or None
        What could not be drawn, and why.
    """

    files: dict[str, bytes | str]
    card: str
    why: str | None = None


def shown(
    plan: Plan, outcome: Outcome, measured: Measured, model_format: str, where: Where
) -> Shown:
    """Draw and write what a run shows of itself. A plot that cannot be drawn is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of predictions that nobody asked for
        found = facts.of(plan, outcome, measured, model_format)
        drawings, why = _drawn(_all_drawings(plan, outcome, found))
    said = advice.of(found)
    files: dict[str, bytes | str] = {
        f"{names.PLOTS_FOLDER}/{drawing.name}.png": drawing.png for drawing in drawings
    }
    files[names.REPORT_FILE] = page.report(found, said, drawings, where)
    return Shown(files, page.card(found, said, where), why)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _drawn(drawings: list[Iterator[Drawing]]) -> tuple[list[Drawing], str | None]:
    finished: list[Drawing] = []
    why = None
    for some in drawings:
        try:
            finished.extend(some)
        except Exception as error:  # noqa: BLE001 - an estimator or a display may raise anything
            why = why or reason(error)
    return finished, why


def _all_drawings(plan: Plan, outcome: Outcome, found: Facts) -> list[Iterator[Drawing]]:
    drawings = []
    if plan.rows.y_test is not None and np.ndim(plan.rows.y_test) == 1:
        drawings.append(_of_held_out(plan, outcome.best))
    if found.search is not None:
        drawings.append(search.drawings(found.search))
    if found.importance and plan.deciding is not None:
        drawings.append(iter([importance.drawing(list(found.importance), plan.deciding)]))
    if plan.learning_curve and plan.deciding is not None:
        drawings.append(_of_more_rows(plan, outcome.best, plan.deciding))
    return drawings


def _of_more_rows(plan: Plan, estimator: Any, metric: Metric) -> Iterator[Drawing]:
    yield learning.drawing(plan, estimator, metric)


def _of_held_out(plan: Plan, estimator: Any) -> Iterator[Drawing]:
    X, y = plan.rows.X_test, np.asarray(plan.rows.y_test)
    predicted = np.asarray(estimator.predict(X))
    if plan.task == "regression":
        yield from held_out.regression(y, predicted, plan.seed)
        return
    yield from held_out.confusion(y, predicted)
    probabilities = hasattr(estimator, "predict_proba")
    if not probabilities and not hasattr(estimator, "decision_function"):
        return
    rank = estimator.predict_proba if probabilities else estimator.decision_function
    classes = np.asarray(getattr(estimator, "classes_", np.unique(y)))
    yield from held_out.curves(y, classes, np.asarray(rank(X)), probabilities=probabilities)
