"""The metrics of training, on many resamples of the same predictions.

Any metric that a recipe may name is measured by its scorer's own function, with how often a
resample drew each row as the sample weights. Those that would take minutes on 100,000 rows have a
quicker way in ``training.resampling.fast``; tests hold the two together.
"""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from training import metrics as of_training
from training.metrics import Metric
from training.recipe import Task
from training.resampling.fast import FAST, Array, Counts, Measure, Values


@dataclass(frozen=True)
class ResampledMetric:
    """A metric of training, and how it is measured on resamples.

    Classes are positions in their sorted list; of two classes, probabilities and scores are those
    of the second, of more there is a column for each.
    """

    metric: Metric
    task: Task
    quick: bool = True  # whether it may be measured in another way than by its scorer

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of a model that give what is measured, the best first."""
        methods = self.metric.scorer._response_method
        return (methods,) if isinstance(methods, str) else tuple(methods)

    def method_of(self, estimator: Any) -> str:
        """Return the method that is asked of an estimator, as the scorer chooses it."""
        has = [method for method in self.methods if hasattr(estimator, method)]
        return (has or self.methods)[0]

    @property
    def of_labels(self) -> bool:
        """Whether classes are compared, rather than probabilities, scores or numbers."""
        return self.task == "classification" and self.methods == ("predict",)

    @property
    def greater_is_better(self) -> bool:
        return self.metric.natural(1.0) > 0

    def improvement(self, champion: Any, challenger: Any) -> Any:
        """Return by how much the challenger is better: negative when it is worse."""
        return challenger - champion if self.greater_is_better else champion - challenger

    def check_classes(self, number: int) -> None:
        """Raise DataError when the metric is for two classes and there are more."""
        of_training.resolve(self.name, self.task, np.arange(number))

    def prepare(self, y: Array, predictions: Array) -> Measure:
        """Return what measures resamples, the quickest way there is; NaN where it is undefined."""
        quick = FAST.get(self.metric.key) if self.quick else None
        measure = (quick or self._by_scorer)(y, predictions)
        sign = self.metric.natural(self.metric.scorer._sign)
        return lambda counts: sign * measure(counts)

    def _by_scorer(self, y: Array, predictions: Array) -> Measure:
        """Prepare the scorer's own function, which can be any of scikit-learn's."""
        function, options = self.metric.scorer._score_func, dict(self.metric.scorer._kwargs)
        takes = inspect.signature(function).parameters
        if "labels" in takes and not self.of_labels:  # or a resample that misses a class differs
            options["labels"] = np.arange(predictions.shape[1] if predictions.ndim == 2 else 2)
        # The area of pairs of classes has the parameter and refuses it.
        weighted = "sample_weight" in takes and options.get("multi_class") != "ovo"
        return partial(_each, partial(function, **options), y, predictions, weighted)


def _each(function: Any, y: Array, predictions: Array, weighted: bool, counts: Counts) -> Values:
    """Measure resamples one by one: with weights, or with rows as often as they were drawn."""
    values = np.full(len(counts), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's, about what is undefined
        for i, drawn in enumerate(counts):
            # A row of weight 0 would still add its class to those that are averaged over.
            rows = np.flatnonzero(drawn) if weighted else np.repeat(np.arange(len(y)), drawn)
            options = {"sample_weight": drawn[rows]} if weighted else {}
            try:
                values[i] = function(y[rows], predictions[rows], **options)
            except (ValueError, ArithmeticError):
                continue  # it is not defined for these rows
    return np.where(np.isfinite(values), values, np.nan)


def check(name: str, task: Task) -> ResampledMetric:
    classes = np.arange(2) if task == "classification" else None
    return ResampledMetric(of_training.resolve(name, task, classes), task)
