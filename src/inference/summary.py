"""A summary of predictions, kept while they pass by."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST_CLASSES = 50
_LONGEST_LABEL = 200
# What MLflow takes in no name of a metric, and how the commonest of it are called.
_NOT_IN_NAMES = re.compile(r"[^\w\-. /]")
_SIGNS = {"<": "lt", ">": "gt", "=": "eq", "+": "plus", "%": "percent", "&": "and", "$": "dollar"}


@dataclass
class Summary:
    """Counts labels; of numbers keeps mean, standard deviation, least and greatest.

    Attributes
    ----------
    squares : float
        The sum of squared distances from the mean.
    """

    missing: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    least: float = math.inf
    greatest: float = -math.inf

    @property
    def content(self) -> dict[str, Any]:
        """The summary as JSON has it."""
        return vars(self) | {"labels": dict(self.labels)}

    @classmethod
    def of(cls, content: dict[str, Any]) -> Summary:
        return cls(**content | {"labels": Counter(content["labels"])})

    def merge(self, other: Summary) -> None:
        """Take what another one has seen."""
        self.missing += other.missing
        self.labels.update(other.labels)
        if other.count:
            self._merge(other.count, other.mean, other.squares)
            self.least = min(self.least, other.least)
            self.greatest = max(self.greatest, other.greatest)

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
            squares = pc.variance(finite).as_py() * len(finite)
            self._merge(len(finite), pc.mean(finite).as_py(), squares)
            ends = pc.min_max(finite).as_py()
            self.least = min(self.least, ends["min"])
            self.greatest = max(self.greatest, ends["max"])

    def _merge(self, count: int, mean: float, squares: float) -> None:
        """Add moments; Chan, Golub and LeVeque (1983), which loses no digits."""
        total = self.count + count
        delta = mean - self.mean
        self.squares += squares + delta * delta * self.count * count / total
        self.mean += delta * count / total
        self.count = total

    def metrics(self) -> dict[str, float]:
        if self.labels:
            return self._counts()
        if not self.count:
            return {}
        metrics: dict[str, Any] = {
            "prediction_mean": self.mean,
            "prediction_std": math.sqrt(self.squares / self.count),
            "prediction_min": self.least,
            "prediction_max": self.greatest,
        }
        if self.missing:
            metrics["prediction_missing"] = float(self.missing)
        return metrics

    def shown(self) -> dict[str, float]:
        """Return the same for people: labels as they are."""
        if self.labels:
            counts = self.labels.most_common(_MOST_CLASSES)
            return {f"predicted {label}": float(count) for label, count in counts}
        return {name.replace("_", " "): value for name, value in self.metrics().items()}

    def _counts(self) -> dict[str, float]:
        """Return the counts of the labels; labels that make the same name share a count."""
        metrics: Counter[str] = Counter()
        for label, count in self.labels.most_common(_MOST_CLASSES):
            metrics[f"predicted_{_metric_name(label)}"] += count
        return {name: float(count) for name, count in metrics.items()}


def _metric_name(label: str) -> str:
    """Return a label as the name of a metric has it, by the label alone: ``>50K`` is ``gt-50K``.

    A metric is compared from run to run, whatever other labels a run has.
    """
    spelled = _NOT_IN_NAMES.sub(lambda found: f"-{_spelled(found[0])}-", label)
    return re.sub("-{2,}", "-", spelled).strip("-")[:_LONGEST_LABEL]


def _spelled(sign: str) -> str:
    return _SIGNS.get(sign, f"u{ord(sign):x}")
