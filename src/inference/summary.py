"""A summary of predictions, kept while they pass by."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST_CLASSES = 50
_LONGEST_LABEL = 200


class Summary:
    """Counts labels; of numbers keeps mean, standard deviation, least and greatest."""

    def __init__(self) -> None:
        self.missing = 0
        self.labels: Counter[str] = Counter()
        self._count = 0
        self._mean = self._squares = 0.0  # the sum of squared distances from the mean
        self._least, self._greatest = math.inf, -math.inf

    def add(self, predictions: pa.Table) -> None:
        """Take a batch's ``prediction`` column."""
        if "prediction" not in predictions.column_names or not predictions.num_rows:
            return
        values = predictions["prediction"]
        if not pa.types.is_floating(values.type):
            for item in pc.value_counts(values).to_pylist():
                self.labels[str(item["values"])] += item["counts"]
            return
        finite = values.filter(pc.is_finite(values))
        self.missing += len(values) - len(finite)
        if len(finite):
            self._merge(len(finite), pc.mean(finite).as_py(), pc.variance(finite).as_py())
            ends = pc.min_max(finite).as_py()
            self._least = min(self._least, ends["min"])
            self._greatest = max(self._greatest, ends["max"])

    def _merge(self, count: int, mean: float, variance: float) -> None:
        """Add a batch's moments; Chan, Golub and LeVeque (1983), which loses no digits."""
        total = self._count + count
        delta = mean - self._mean
        self._squares += variance * count + delta * delta * self._count * count / total
        self._mean += delta * count / total
        self._count = total

    def metrics(self) -> dict[str, float]:
        if self.labels:
            return self._counts()
        if not self._count:
            return {}
        metrics: dict[str, Any] = {
            "prediction_mean": self._mean,
            "prediction_std": math.sqrt(self._squares / self._count),
            "prediction_min": self._least,
            "prediction_max": self._greatest,
        }
        if self.missing:
            metrics["prediction_missing"] = float(self.missing)
        return metrics

    def _counts(self) -> dict[str, float]:
        """Return the counts of the labels; labels that make the same name get a number."""
        metrics: dict[str, float] = {}
        for label, count in self.labels.most_common(_MOST_CLASSES):
            base = name = f"predicted_{_metric_name(label)}"
            number = 1
            while name in metrics:
                number += 1
                name = f"{base}_{number}"
            metrics[name] = float(count)
        return metrics


def _metric_name(label: str) -> str:
    label = label[:_LONGEST_LABEL]
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in label)
