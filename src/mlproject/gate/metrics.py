"""The gate's metrics, under the short names that recipes use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean
from mlproject.gate import orders, sums
from mlproject.gate.sums import Array, Measure, OfClasses

Task = Literal["regression", "classification"]
Method = Literal["predict", "predict_proba"]


@dataclass(frozen=True)
class GateMetric:
    """A metric, what it needs of a model, and how it is measured.

    Attributes
    ----------
    name : str
        As recipes write it.
    task : str
        ``regression`` or ``classification``.
    needs : str
        The model's method that gives its predictions: ``predict`` or ``predict_proba``.
    greater_is_better : bool
    prepare : callable
        From true values and predictions to a measure of resamples. Classes come as positions in
        their sorted list, probabilities with a column for each.
    two_classes : bool
        Whether it looks at the second of two classes.
    """

    name: str
    task: Task
    needs: Method
    greater_is_better: bool
    prepare: Callable[[Array, Array], Measure]
    two_classes: bool = False

    def improvement(self, champion: float, challenger: float) -> float:
        """Return by how much the challenger is better: negative when it is worse."""
        return challenger - champion if self.greater_is_better else champion - challenger


def _regression() -> list[GateMetric]:
    less = {
        "rmse": sums.rmse,
        "mse": sums.mse,
        "mae": sums.mae,
        "medae": orders.medae,
        "mape": sums.mape,
        "max_error": orders.max_error,
        "nrmse": orders.nrmse,
    }
    more = {"r2": sums.r2, "explained_variance": sums.explained_variance}
    return [
        GateMetric(name, "regression", "predict", name in more, prepare)
        for name, prepare in {**less, **more}.items()
    ]


def _classification() -> list[GateMetric]:
    of_labels: dict[str, OfClasses] = {
        "accuracy": sums.accuracy,
        "balanced_accuracy": sums.balanced_accuracy,
        "matthews_corrcoef": sums.matthews_corrcoef,
    }
    for name, score in (("f1", sums.f1), ("precision", sums.precision), ("recall", sums.recall)):
        of_labels[name] = sums.averaged(score, "binary")
        for average in ("macro", "micro", "weighted"):
            of_labels[f"{name}_{average}"] = sums.averaged(score, average)
    binary = {"f1", "precision", "recall", "brier", "roc_auc"}
    of_probabilities = {
        "log_loss": (False, sums.log_loss),
        "brier": (False, sums.brier),
        "roc_auc": (True, orders.roc_auc),
        "roc_auc_ovr": (True, orders.roc_auc_ovr),
    }
    return [
        GateMetric(name, "classification", "predict", True, sums.of_confusion(f), name in binary)
        for name, f in of_labels.items()
    ] + [
        GateMetric(name, "classification", "predict_proba", greater, prepare, name in binary)
        for name, (greater, prepare) in of_probabilities.items()
    ]


METRICS = {metric.name: metric for metric in (*_regression(), *_classification())}


def check(name: str, task: Task) -> GateMetric:
    """Return the metric of a name.

    Parameters
    ----------
    name : str
        A short name.
    task : str
        ``regression`` or ``classification``: what the models are for.

    Raises
    ------
    ConfigurationError
        When the gate has no such metric, or it is one of the other task.
    """
    fitting = [metric.name for metric in METRICS.values() if metric.task == task]
    if name not in METRICS:
        hint = did_you_mean(name, fitting, noun=f"metrics for {task}")
        raise ConfigurationError(f"The gate has no metric '{name}'", hint)
    if name not in fitting:
        shown = ", ".join(fitting[:6])
        raise ConfigurationError(
            f"The metric '{name}' does not fit a {task} task", f"Some that do: {shown}"
        )
    return METRICS[name]
