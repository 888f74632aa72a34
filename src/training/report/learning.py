"""How the model gets better with more rows, as scikit-learn's ``learning_curve`` measures it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, LearningCurveDisplay, learning_curve

from mlproject.base.errors import ModelError
from mlproject.pages.drawing import Drawing, plain, sheet
from training.fitting import folds_of
from training.metrics import Metric
from training.plan import Plan

_POINTS = 6


def drawing(plan: Plan, estimator: Any, metric: Metric) -> Drawing:
    """Fit the model on ever more rows of each fold, and draw how it does on all of them.

    Raises
    ------
    ModelError
        When it can be measured at one number of rows alone, or at none.
    """
    rows = plan.rows
    folds: Any = GroupKFold() if rows.groups is not None else None
    if plan.searches:
        folds = list(folds_of(plan.search, rows))
    counts, on_training, on_others = learning_curve(
        clone(estimator),
        rows.X_train,
        rows.y_train,
        cv=folds,
        groups=rows.groups,
        scoring=metric.scorer,
        train_sizes=np.geomspace(0.1, 1.0, _POINTS),
        shuffle=True,
        random_state=plan.seed,
    )
    means = np.array([metric.natural(score) for score in np.mean(on_others, axis=1)])
    measured = np.isfinite(means)
    points = len(np.unique(counts[measured]))
    if points < 2:
        where = f"with {counts[measured][0]} rows alone" if points else "with no number of rows"
        raise ModelError(
            f"The learning curve is left out: {metric.name} is defined {where}, "
            "and a curve needs two points"
        )
    natural = np.vectorize(metric.natural, otypes=[float])
    with sheet("learning-curve", "Learning curve") as drawn:
        LearningCurveDisplay(
            train_sizes=counts[measured],
            train_scores=natural(on_training)[measured],
            test_scores=natural(on_others)[measured],
            score_name=plain(metric.name),
        ).plot(ax=drawn.axes, std_display_style="fill_between", line_kw={"marker": "."})
        drawn.axes.set(xlabel="Rows trained on", xscale="log")
        drawn.axes.set_xticks(counts[measured], labels=[f"{count:,}" for count in counts[measured]])
        drawn.axes.minorticks_off()
        drawn.axes.legend(["On the rows trained on", "On those of the other fold"])
        first, last = (f"{means[measured][place]:.4g}" for place in (0, -1))
        return drawn.drawing(
            f"Cross-validated {metric.name} goes from {first} with {counts[measured][0]} rows to "
            f"{last} with {counts[measured][-1]}."
        )
