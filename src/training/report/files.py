"""The files of a run that show it: its report, the plots, and the card of its model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mlproject.base.errors import ModelError, reason
from mlproject.pages.drawing import Drawing
from mlproject.tracking import names
from training.contents import Measured
from training.fitting import Outcome
from training.plan import Plan
from training.report import advice, facts, held_out, importance, learning, page, search
from training.report.facts import Facts
from training.report.page import Where

# Plots that are drawn one after the other, and the names that they will have.
_Series = tuple[list[str], Iterator[Drawing]]


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
        What is left out, and why, as a sentence.
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


def _drawn(series: list[_Series]) -> tuple[list[Drawing], str | None]:
    finished: list[Drawing] = []
    missing: list[str] = []
    whys: list[str] = []
    for names_of_plots, drawings in series:
        before = len(finished)
        try:
            finished.extend(drawings)
        except ModelError as error:  # which says what is left out
            whys.append(str(error))
        except Exception as error:  # noqa: BLE001 - an estimator or a display may raise anything
            undrawn = names_of_plots[len(finished) - before :]
            missing += undrawn
            if len(missing) == len(undrawn):
                whys.insert(0, reason(error))
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        whys[0] = f"The plot '{missing[0]}'{more} could not be drawn: {whys[0]}"
    return finished, ". ".join(whys) or None


def _all_drawings(plan: Plan, outcome: Outcome, found: Facts) -> list[_Series]:
    series: list[_Series] = []
    if plan.rows.y_test is not None and np.ndim(plan.rows.y_test) == 1:
        series += _of_held_out(plan, outcome.best)
    if found.search is not None:
        series.append(search.along(found.search))
        series.append((["search-heat"], search.heat(found.search)))
        series.append((["search-cost"], search.cost(found.search)))
    if found.importance and plan.deciding is not None:
        drawn = (importance.drawing(list(found.importance), metric) for metric in [plan.deciding])
        series.append((["importance"], drawn))
    if plan.learning_curve and plan.deciding is not None:
        drawn = (learning.drawing(plan, outcome.best, metric) for metric in [plan.deciding])
        series.append((["learning-curve"], drawn))
    return series


def _of_held_out(plan: Plan, estimator: Any) -> list[_Series]:
    if plan.task == "regression":
        return [(held_out.OF_NUMBERS, _of_numbers(plan, estimator))]
    series: list[_Series] = [(["confusion-matrix"], _confusion(plan, estimator))]
    probabilities = hasattr(estimator, "predict_proba")
    if probabilities or hasattr(estimator, "decision_function"):
        plots = held_out.OF_RANKS + ([held_out.CALIBRATION] if probabilities else [])
        series.append((plots, _curves(plan, estimator, probabilities=probabilities)))
    return series


def _of_numbers(plan: Plan, estimator: Any) -> Iterator[Drawing]:
    predicted = np.asarray(estimator.predict(plan.rows.X_test))
    yield from held_out.regression(np.asarray(plan.rows.y_test), predicted, plan.seed)


def _confusion(plan: Plan, estimator: Any) -> Iterator[Drawing]:
    predicted = np.asarray(estimator.predict(plan.rows.X_test))
    yield from held_out.confusion(np.asarray(plan.rows.y_test), predicted)


def _curves(plan: Plan, estimator: Any, *, probabilities: bool) -> Iterator[Drawing]:
    y = np.asarray(plan.rows.y_test)
    rank = estimator.predict_proba if probabilities else estimator.decision_function
    classes = np.asarray(getattr(estimator, "classes_", np.unique(y)))
    scores = np.asarray(rank(plan.rows.X_test))
    yield from held_out.curves(y, classes, scores, probabilities=probabilities)
