"""Classes that are not alike: their weights, and the threshold between two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV

from mlproject.base.errors import ConfigurationError, DataError, ModelError, reason
from mlproject.base.suggestions import did_you_mean
from training.metrics import Metric
from training.split import Split

Weights = str | Mapping[Any, float]


def weighed(estimator: BaseEstimator, weights: Weights | None) -> bool:
    """Give the weights to every part that takes some; return whether there was one."""
    names = [
        name
        for name in estimator.get_params(deep=True)
        if name == "class_weight" or name.endswith("__class_weight")
    ]
    if weights is not None:
        given = weights if isinstance(weights, str) else dict(weights)
        estimator.set_params(**dict.fromkeys(names, given))
    return bool(names)


def check_weighed(estimator: BaseEstimator, weights: Weights | None) -> None:
    if weights is not None and not weighed(estimator, None):
        raise ConfigurationError(
            "No step of the pipeline takes class weights: 'classes.weights'",
            "Use a model with the parameter class_weight",
        )


def check_known(weights: Weights | None, classes: np.ndarray[Any, Any] | None) -> None:
    """Raise ConfigurationError unless every class has a weight, and nothing else."""
    if weights is None or isinstance(weights, str) or classes is None:
        return
    known = classes.tolist()
    for label in weights:
        if label not in known:
            hint = did_you_mean(str(label), [str(item) for item in known], noun="classes")
            if isinstance(label, bool) and all(isinstance(item, str) for item in known):
                hint = "Write yes, no, on and off in quotes: YAML takes them for truth values"
            raise ConfigurationError(f"'classes.weights' names '{label}', which is no class", hint)
    missing = [item for item in known if item not in weights]
    if missing:
        raise ConfigurationError(f"'classes.weights' lacks the class '{missing[0]}'")


def check_threshold(metric: Metric, classes: np.ndarray[Any, Any]) -> None:
    """Raise an error unless a threshold can be tuned for a metric."""
    if getattr(metric.scorer, "_response_method", None) != "predict":
        raise ConfigurationError(
            f"'classes.threshold' is '{metric.name}', which no threshold changes",
            "Name a metric of predicted classes, such as balanced_accuracy or f1",
        )
    if len(classes) != 2:
        raise DataError(
            f"A threshold lies between two classes, and the target has {len(classes)}",
            "Leave 'classes.threshold' out",
        )


def with_threshold(estimator: Any, metric: Metric, rows: Split, folds: Any) -> Any:
    """Return the estimator, fitted, with the threshold that is best in the folds.

    The threshold is that of scikit-learn's ``TunedThresholdClassifierCV``. What is returned
    predicts with it and holds nothing else of the search for it.
    """
    classes = np.unique(rows.y_train)
    tuned = TunedThresholdClassifierCV(estimator, scoring=metric.scorer, cv=folds, refit=True)
    try:
        tuned.fit(rows.X_train, rows.y_train)
    except Exception as error:  # any estimator may raise anything
        raise ModelError(f"The threshold cannot be tuned: {reason(error)}") from error
    fixed = FixedThresholdClassifier(
        FrozenEstimator(tuned.estimator_),
        threshold=float(tuned.best_threshold_),
        pos_label=classes[1].item() if hasattr(classes[1], "item") else classes[1],
        response_method=_response(tuned.estimator_),
    )
    return fixed.fit(rows.X_train, rows.y_train)


def _response(estimator: Any) -> str:
    return "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"
