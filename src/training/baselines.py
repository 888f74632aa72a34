"""What a model has to beat: a dummy, which knows only the target, and a plain linear model.

Both are fitted on the training rows and measured on the same folds and held-out rows as the model,
so that the improvement is that of the model and not of the rows.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing

from mlproject.base.errors import MlprojectError, reason
from training import auto, estimators, heldout
from training.columns import Columns, place
from training.fitting import Outcome, folds_of
from training.metrics import Metric
from training.plan import Plan
from training.resampling.intervals import Interval
from training.rows import sampled

DUMMY, LINEAR = "dummy", "linear"
# The linear model is fitted on so many rows and cells at most; a model that needs more rows to be
# better than that is better on fewer too.
_MOST_ROWS = 20_000
_MOST_CELLS = 2_000_000
_CLASSES_AT_ONCE = 5  # as much work as one quantity


@dataclass(frozen=True)
class Baseline:
    """A simple model, measured beside the one that was trained.

    Attributes
    ----------
    name : str
        ``dummy`` or ``linear``.
    metric : str
        The one that it is measured by: that which chose the best candidate.
    held_out, cross_validated : float or None
        Natural sign; None where there are no held-out rows, or no folds.
    interval : Interval or None
        By how much the model is better on the held-out rows.
    why : str or None
        Why there are no numbers.
    """

    name: str
    metric: str
    held_out: float | None = None
    cross_validated: float | None = None
    interval: Interval | None = None
    why: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        interval = self.interval.as_dict() if self.interval is not None else None
        return {**vars(self), "interval": interval}

    def metrics(self) -> dict[str, float]:
        """Return what a run records of it."""
        named = {
            f"{self.name}_{self.metric}": self.held_out,
            f"{self.name}_cv_{self.metric}": self.cross_validated,
        }
        if self.interval is not None:
            named |= {
                f"over_{self.name}": self.interval.improvement,
                f"over_{self.name}_low": self.interval.low,
                f"over_{self.name}_high": self.interval.high,
            }
        return {name: value for name, value in named.items() if value is not None}


def measured(plan: Plan, outcome: Outcome) -> list[Baseline]:
    """Return the dummy and the linear model, measured as the model is."""
    metric = plan.deciding
    if metric is None:
        return []
    return [_measured(name, metric, plan, outcome) for name in (DUMMY, LINEAR)]


def _measured(name: str, metric: Metric, plan: Plan, outcome: Outcome) -> Baseline:
    rows = plan.rows
    total = len(rows.y_train)
    width = max(1, np.shape(rows.X_train)[1])
    classes = len(np.unique(rows.y_train)) if plan.task == "classification" else 1
    cells = width * max(1, classes // _CLASSES_AT_ONCE)
    most = total if name == DUMMY else max(100, min(_MOST_ROWS, _MOST_CELLS // cells))
    kept = sampled(total, most, plan.seed)
    X, y = _safe_indexing(rows.X_train, kept), _safe_indexing(rows.y_train, kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fit that nobody asked for
        try:
            model = _dummy(plan) if name == DUMMY else _linear(plan, X)
            cross_validated = None
            if plan.searches and most >= total:
                cross_validated = _cross_validated(model, metric, plan)
            model.fit(X, y)
            interval = heldout.compared(plan, metric, model, outcome.best)
        except MlprojectError as error:
            return Baseline(name, metric.name, why=error.what)
        except Exception as error:  # noqa: BLE001 - a caller's rows may be anything
            return Baseline(name, metric.name, why=reason(error))
    if isinstance(interval, float):
        return Baseline(name, metric.name, interval, cross_validated)
    held_out = interval.champion if interval is not None else None
    return Baseline(name, metric.name, held_out, cross_validated, interval)


def _cross_validated(model: Any, metric: Metric, plan: Plan) -> float | None:
    rows = plan.rows
    folds = list(folds_of(plan.search, rows))
    scores = cross_validate(
        clone(model), rows.X_train, rows.y_train, cv=folds, scoring=metric.scorer
    )["test_score"]
    mean = float(np.mean(scores))
    return None if np.isnan(mean) else metric.natural(mean)


def _dummy(plan: Plan) -> Any:
    return DummyRegressor() if plan.task == "regression" else DummyClassifier()


def _linear(plan: Plan, X: Any) -> Any:
    model = estimators.build(auto.linear_model(plan.task), ())
    if isinstance(X, pd.DataFrame):
        columns = Columns()
        for name in X.columns:
            place(columns, name, X[name]).append(name)
        return make_pipeline(estimators.build(auto.linear_features(plan.task, columns), ()), model)
    scaler = StandardScaler(with_mean=not sparse.issparse(X))
    return make_pipeline(SimpleImputer(strategy="median"), scaler, model)


def notices(baselines: list[Baseline]) -> list[str]:
    """Return what should be told of a model that is no better than a dummy."""
    for baseline in baselines:
        found = baseline.interval
        if baseline.name != DUMMY or found is None:
            continue
        numbers = f"{baseline.metric} {found.challenger:.6g} against {found.champion:.6g}"
        ends = f"improvement {found.improvement:.3g}, 95 %: {found.low:.3g} to {found.high:.3g}"
        if found.improvement <= 0:
            return [
                f"The model is useless: on the held-out rows it is no better than a dummy, which "
                f"knows the target alone ({numbers}; {ends})"
            ]
        if found.low <= 0:
            return [
                f"The model may be no better than a dummy, which knows only the target "
                f"({numbers}; {ends})"
            ]
    return []
