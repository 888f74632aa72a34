"""Which features the model leans on, by permuting each on the held-out rows.

Breiman, Random Forests, Machine Learning 45 (2001), as scikit-learn's ``permutation_importance``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.inspection import permutation_importance

from mlproject.pages.drawing import BLUE, GREY, Drawing, plain, sheet
from training.metrics import Metric
from training.rows import sampled

_MOST_ROWS, _MOST_FEATURES, _MOST_SHOWN = 500, 200, 15
_REPEATS = 5
_SECONDS = 0.5


@dataclass(frozen=True)
class Importance:
    """By how much the metric is worse once a feature's values are shuffled."""

    feature: str
    mean: float
    std: float


def measured(
    estimator: Any, metric: Metric, X: Any, y: Any, seed: int
) -> tuple[list[Importance], str | None]:
    """Return the importance of each feature, the greatest first; or why it was not measured.

    It takes a bounded time: few rows, and fewer repetitions where a prediction takes long.
    """
    if not hasattr(X, "columns"):
        return [], "the features have no names"
    if X.shape[1] > _MOST_FEATURES:
        return [], f"there are more than {_MOST_FEATURES} features"
    rows = sampled(len(X), _MOST_ROWS, seed)
    some, truth = X.iloc[rows], np.asarray(y)[rows]
    started = time.perf_counter()
    metric.scorer(estimator, some, truth)
    once = time.perf_counter() - started
    repeats = min(_REPEATS, int(_SECONDS / (once * X.shape[1] + 1e-9)))
    if not repeats:
        return [], "predicting takes too long for it"
    found = permutation_importance(
        estimator, some, truth, scoring=metric.scorer, n_repeats=repeats, random_state=seed
    )
    means, spreads = found["importances_mean"], found["importances_std"]
    if not np.isfinite(means).all():
        return [], f"{metric.name} is not defined for these rows"
    order = np.argsort(-means, kind="stable")
    return [
        Importance(str(X.columns[place]), float(means[place]), float(spreads[place]))
        for place in order
    ], None


def drawing(found: list[Importance], metric: Metric) -> Drawing:
    shown = found[:_MOST_SHOWN][::-1]
    size = (5.2, 1.2 + 0.26 * len(shown))
    with sheet("importance", "Permutation importance", size=size) as drawn:
        axes = drawn.axes
        axes.barh(
            [plain(_short(item.feature)) for item in shown],
            [item.mean for item in shown],
            xerr=[item.std for item in shown],
            color=BLUE,
            ecolor=GREY,
        )
        axes.set(xlabel=f"{plain(metric.name)} lost when the feature is shuffled")
        axes.grid(visible=True, axis="x")
        first = ", ".join(item.feature for item in found[:3])
        return drawn.drawing(
            f"By how much {metric.name} gets worse without a feature: {first} first."
        )


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
