"""Metrics on the held-out rows, with how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlproject.base.errors import MlprojectError
from training.metrics import Metric
from training.plan import Plan
from training.resampling import pairs
from training.resampling.intervals import Interval, compare, spread
from training.resampling.metrics import ResampledMetric

_MOST_RESAMPLES = 1000
_FEWEST_RESAMPLES = 200
# Rows times resamples; more of them would only make the ends of the interval more exact.
_DRAWS = 5_000_000


def intervals(plan: Plan, estimator: Any, measured: Mapping[str, float]) -> dict[str, Any]:
    """Return the ends of the 95 % interval of each metric that was measured.

    The percentile bootstrap of the held-out rows; metrics of a user's own have none.
    """
    found: dict[str, tuple[float, float]] = {}
    answers: dict[str, Any] = {}
    for name in measured:
        metric = plan.held_out.get(name)
        if metric is None or not _can_be_resampled(metric, plan.rows.y_test):
            continue
        resampled = ResampledMetric(metric, plan.task)
        method = resampled.method_of(estimator)
        if method not in answers:
            answers[method] = getattr(estimator, method)(plan.rows.X_test)
        try:
            y, values = pairs.prepared(
                resampled, plan.rows.y_test, answers[method], _classes(estimator)
            )
            ends = spread(resampled, y, values, resamples=_resamples(len(y)), seed=plan.seed)
        except MlprojectError:  # classes that the model has not learnt
            continue
        if ends is not None:
            found[name] = ends
    return found


def compared(plan: Plan, metric: Metric, baseline: Any, estimator: Any) -> Interval | float | None:
    """Return by how much an estimator is better than a baseline on the held-out rows.

    Of a metric that cannot be resampled the baseline's own value.
    """
    rows = plan.rows
    if rows.y_test is None:
        return None
    if not _can_be_resampled(metric, rows.y_test):
        return metric.natural(float(metric.scorer(baseline, rows.X_test, rows.y_test)))
    resampled = ResampledMetric(metric, plan.task)
    answers = [
        getattr(model, resampled.method_of(model))(rows.X_test) for model in (baseline, estimator)
    ]
    pair = pairs.paired(resampled, rows.y_test, answers[0], answers[1], _classes(estimator))
    return compare(pair, resamples=_resamples(len(pair.y)), seed=plan.seed)


def _can_be_resampled(metric: Metric, y: Any) -> bool:
    return (
        np.ndim(y) == 1
        and hasattr(metric.scorer, "_score_func")
        and hasattr(metric.scorer, "_response_method")
    )


def _classes(estimator: Any) -> Any:
    return getattr(estimator, "classes_", None)


def _resamples(rows: int) -> int:
    return int(np.clip(_DRAWS // rows, _FEWEST_RESAMPLES, _MOST_RESAMPLES))
