"""Metrics by short name, as scikit-learn scorers.

A metric is a short name of the table below or the name of any scikit-learn scorer. In
``cv_results_`` greater is better, as scikit-learn has it: of several metrics each stands under its
scorer's name (``neg_root_mean_squared_error``), a single one under ``score``. Everywhere else a
metric stands under its short name, with its natural sign.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer, root_mean_squared_error

from mlproject.base.errors import ConfigurationError, DataError, reason
from mlproject.base.suggestions import did_you_mean
from training.recipe import Task

Goal = Literal["maximize", "minimize"]

_REGRESSION = {
    "rmse": "neg_root_mean_squared_error",
    "mse": "neg_mean_squared_error",
    "mae": "neg_mean_absolute_error",
    "medae": "neg_median_absolute_error",
    "mape": "neg_mean_absolute_percentage_error",
    "max_error": "neg_max_error",
    "r2": "r2",
    "explained_variance": "explained_variance",
}
_CLASSIFICATION = {
    "log_loss": "neg_log_loss",
    "brier": "neg_brier_score",
}
NRMSE = "nrmse"
_LOG_LOSS = "neg_log_loss"
# Not defined on a single row.
OF_TWO_ROWS = frozenset({NRMSE, "r2", "explained_variance"})
# What scikit-learn says where it takes 0 for what is not defined: no row has the class in question.
_WITHOUT_TRUE = ("No positive class found", "Recall is ill-defined .* due to no true")
_NEGATED = "neg_"
_NEG_NRMSE = f"{_NEGATED}{NRMSE}"
# Scorers that look at one of two classes: scikit-learn takes the class 1 by default.
_TWO_CLASSES_ONLY = {"precision", "recall", "f1", "jaccard", "average_precision", "neg_brier_score"}
_BINARY = {*_TWO_CLASSES_ONLY, "d2_brier_score"}
# What stands before and after a metric's name in a run: of which rows, which model, which end.
_BEFORE = re.compile(r"^(?:(?:best|cv|training|train|validation|val|eval|test|dummy|linear)_)+")
_AFTER = re.compile(r"_(?:low|high)$")
_OF_LOSSES = {"loss", "error", "deviance", "rmse", "mse", "mae", "mape", "brier"}
_OF_SCORES = {"score", "accuracy", "precision", "recall", "auc", "f1", "r2"}
_OF_SEVERAL = {"roc_auc": "roc_auc_ovr", "brier": "log_loss"}


def nrmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Return the root mean squared error divided by the range of the true values; 0 is perfect.

    NaN when all true values are equal, where it is not defined.
    """
    spread = float(np.ptp(np.asarray(y_true, dtype=float)))
    if spread == 0:
        return float("nan")
    return float(root_mean_squared_error(y_true, y_pred)) / spread


@dataclass(frozen=True)
class Metric:
    """A metric, ready to be measured.

    Attributes
    ----------
    name : str
        As the recipe writes it, and as the run records it.
    key : str
        The scorer's name, as ``cv_results_`` has it where there are several.
    scorer : callable
        ``scorer(estimator, X, y)``; greater is better.
    """

    name: str
    key: str
    scorer: Any

    def natural(self, score: float) -> float:
        """Return a score with the metric's natural sign."""
        flip = getattr(self.scorer, "_sign", 1) < 0 and not self.name.startswith(_NEGATED)
        return -score if flip else score


def known_names() -> list[str]:
    short = {NRMSE, *_REGRESSION, *_CLASSIFICATION}
    return sorted(short | {name for name in get_scorer_names() if not name.startswith(_NEGATED)})


def is_loss(name: str) -> bool:
    """Whether less of a metric is better, under the name that a run has it."""
    long = {NRMSE: _NEG_NRMSE, **_REGRESSION, **_CLASSIFICATION}.get(name)
    return long is not None and long.startswith(_NEGATED)


def goal(name: str) -> Goal | None:
    """Return which way a metric is better, under any name that a run has it; None if not known.

    Scores of a search, and improvements over a baseline, are better where they are greater.
    """
    if name.startswith(("rank_test_", "std_")) or name.endswith(("_time", "_std")):
        return "minimize"
    if name.startswith(("mean_test_", "over_")):
        return "maximize"
    plain = _BEFORE.sub("", _AFTER.sub("", name.lower()))
    words = re.split(r"[^a-z0-9]+", plain)
    if "neg" in words:
        return "maximize"
    if is_loss(plain) or words[-1] in _OF_LOSSES:
        return "minimize"
    return "maximize" if plain in known_names() or _OF_SCORES & {*words} else None


def check(name: str, task: Task) -> None:
    """Raise ConfigurationError unless a metric of this name fits the task."""
    if name not in {NRMSE, _NEG_NRMSE, *_REGRESSION, *_CLASSIFICATION, *get_scorer_names()}:
        fitting = [known for known in known_names() if _fits(known, task)]
        hint = did_you_mean(name, fitting, noun=f"metrics for {task}")
        raise ConfigurationError(f"No metric '{name}'", hint)
    if not _fits(name, task):
        raise ConfigurationError(f"The metric '{name}' does not fit a {task} task")


def _fits(name: str, task: Task) -> bool:
    regression = {NRMSE, _NEG_NRMSE, *_REGRESSION, *_REGRESSION.values()}
    is_regression = name in regression or "_error" in name or "deviance" in name
    return is_regression == (task == "regression")


def resolve(name: str, task: Task, classes: np.ndarray[Any, Any] | None) -> Metric:
    """Return a metric for the classes at hand, sorted; None for regression."""
    check(name, task)
    if name in (NRMSE, _NEG_NRMSE):
        return Metric(name, _NEG_NRMSE, make_scorer(nrmse, greater_is_better=False))
    key = {**_REGRESSION, **_CLASSIFICATION}.get(name, name)
    if classes is not None and key in _TWO_CLASSES_ONLY | {"roc_auc"} and len(classes) > 2:
        instead = _OF_SEVERAL.get(name, f"{name}_macro")
        hint = f"Use '{instead}'" if instead in known_names() else None
        raise DataError(
            f"The metric '{name}' is for two classes, the target has {len(classes)}", hint
        )
    scorer = get_scorer(key)
    if classes is not None and key == _LOG_LOSS:  # folds may lack a class
        scorer = _with(scorer, labels=classes)
    if classes is not None and key in _BINARY and len(classes) == 2 and classes[1] != 1:
        scorer = _with(scorer, pos_label=classes[1])
    return Metric(name, key, scorer)


def of_scoring(scoring: Any, task: Task) -> dict[str, Metric]:
    """Return the metrics that the ``scoring`` of a search stands for, by the name of each.

    A scorer of scikit-learn has the short name of its metric, such as ``rmse``; one that a user has
    made is called after its function, or as it is called in a mapping.
    """
    if scoring is None:  # the estimator's own score
        name = "r2" if task == "regression" else "accuracy"
        return {name: Metric(name, "score", get_scorer(name))}
    if isinstance(scoring, str) or callable(scoring):
        metric = _of_scorer(scoring)
        return {metric.name: metric}
    if not isinstance(scoring, Mapping):
        scoring = {name: name for name in scoring}
    metrics = [_of_scorer(scorer, str(key)) for key, scorer in scoring.items()]
    return {metric.name: metric for metric in metrics}


def _of_scorer(scoring: Any, key: str | None = None) -> Metric:
    scorer = get_scorer(scoring)
    function = getattr(scorer, "_score_func", scorer)
    name = scoring if isinstance(scoring, str) else getattr(function, "__name__", "score")
    known = {long: short for short, long in {**_REGRESSION, **_CLASSIFICATION}.items()}
    if key is not None and key != scoring:
        name = key
    name = "score" if name == "<lambda>" else known.get(name, name)
    return Metric(name, key or str(scoring), scorer)


def usual(task: Task, estimator: Any, y: Any) -> list[str]:
    """Return the metrics that suit a task, where nobody has named any."""
    if task == "regression":
        return ["rmse", "nrmse", "mae", "r2"]
    classes = len(np.unique(y))
    ranks = hasattr(estimator, "predict_proba") or hasattr(estimator, "decision_function")
    names = ["balanced_accuracy", "accuracy"]
    if classes > 2:
        names.append("f1_macro")
    elif ranks:  # which rare classes do not mislead
        names = ["roc_auc", "average_precision", *names]
    return [*names, "log_loss"] if hasattr(estimator, "predict_proba") else names


def measured(
    metrics: Mapping[str, Metric], estimator: Any, X: Any, y: Any
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure an estimator on rows that it has not seen.

    Returns
    -------
    values : dict of str to float
        Natural sign.
    unmeasured : dict of str to str
        Metrics that these rows do not allow, such as ROC AUC of a single class, and why.
    """
    values: dict[str, float] = {}
    unmeasured: dict[str, str] = {}
    for name, metric in metrics.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndefinedMetricWarning)
                warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
                for message in _WITHOUT_TRUE:
                    warnings.filterwarnings("error", message)
                score = metric.scorer(estimator, X, y)
        except UserWarning:
            unmeasured[name] = "none of them has the class that it is about"
            continue
        except ValueError as error:
            unmeasured[name] = reason(error)
            continue
        if isinstance(score, Mapping):  # a scorer of the user's may give several
            values |= {str(key): float(value) for key, value in score.items()}
            continue
        score = float(score)
        if np.isnan(score):
            unmeasured[name] = "it is not defined for them"
        else:
            values[name] = metric.natural(score)
    return values, unmeasured


def _with(scorer: Any, **options: Any) -> Any:
    """Return a scorer that gives its metric some more options."""
    return make_scorer(
        scorer._score_func,
        response_method=scorer._response_method,
        greater_is_better=scorer._sign > 0,
        **{**scorer._kwargs, **options},
    )
