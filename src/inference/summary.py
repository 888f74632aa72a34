"""A summary of predictions, kept while they pass by."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST_CLASSES = 50


class Summary:
    """Counts labels; of numbers keeps mean, standard deviation, least and greatest."""

    def __init__(self) -> None:
        self.rows = 0
        self.missing = 0
        self.labels: Counter[str] = Counter()
        self._sum = self._squares = 0.0
        self._least, self._greatest = math.inf, -math.inf

    def add(self, predictions: pa.Table) -> None:
        """Take a batch's ``prediction`` column."""
        if "prediction" not in predictions.column_names or not predictions.num_rows:
            return
        values = predictions["prediction"]
        self.rows += len(values)
        if not pa.types.is_floating(values.type):
            for item in pc.value_counts(values).to_pylist():
                self.labels[str(item["values"])] += item["counts"]
            return
        finite = values.filter(pc.is_finite(values))
        self.missing += len(values) - len(finite)
        if len(finite):
            self._sum += pc.sum(finite).as_py()
            self._squares += pc.sum(pc.multiply(finite, finite)).as_py()
            ends = pc.min_max(finite).as_py()
            self._least = min(self._least, ends["min"])
            self._greatest = max(self._greatest, ends["max"])

    def metrics(self) -> dict[str, float]:
        """Return the summary as metrics of a run."""
        if self.labels:
            common = self.labels.most_common(_MOST_CLASSES)
            return {f"predicted_{_metric_name(label)}": float(n) for label, n in common}
        count = self.rows - self.missing
        if not count:
            return {}
        mean = self._sum / count
        found: dict[str, Any] = {
            "prediction_mean": mean,
            "prediction_std": math.sqrt(max(0.0, self._squares / count - mean * mean)),
            "prediction_min": self._least,
            "prediction_max": self._greatest,
        }
        if self.missing:
            found["prediction_missing"] = float(self.missing)
        return found


def _metric_name(label: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in label)
