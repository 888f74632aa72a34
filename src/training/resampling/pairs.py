"""What two models predict for the same rows, checked, as the metrics take it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from training.resampling.fast import Array
from training.resampling.metrics import ResampledMetric

_TRUE = "The held-out target"
_CHAMPION, _CHALLENGER = "The champion", "The challenger"


@dataclass(frozen=True)
class Pair:
    """The same rows, predicted by two models.

    Attributes
    ----------
    y : ndarray of shape (n,)
        True values; of classes, their positions.
    champion, challenger : ndarray of shape (n,) or (n, n_classes)
        Predictions: numbers, positions of classes, or probabilities and scores (of two classes, the
        second's).
    """

    metric: ResampledMetric
    y: Array
    champion: Array
    challenger: Array

    @property
    def predictions(self) -> tuple[Array, Array]:
        return self.champion, self.challenger


def paired(
    metric: ResampledMetric,
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    classes: Sequence[Any] | Array | None = None,
) -> Pair:
    """Return rows and predictions, checked, as the metric takes them.

    Parameters
    ----------
    y : array-like of shape (n,)
        True values, or classes as the data has them.
    champion, challenger : array-like of shape (n,) or (n, n_classes)
        What the metric's method of the models gave: values, classes, probabilities or scores.
    classes : sequence, optional
        The sorted classes; of probabilities, one for each column, the same for both models. By
        default the sorted classes that occur.
    """
    predictions = {_CHAMPION: np.asarray(champion), _CHALLENGER: np.asarray(challenger)}
    true, (first, second) = _checked(metric, _flat(y), predictions, classes)
    return Pair(metric, true, first, second)


def measured(
    metric: ResampledMetric,
    y: ArrayLike,
    predictions: ArrayLike,
    classes: Sequence[Any] | Array | None = None,
) -> float:
    """Return the metric of one model, with its natural sign; NaN where it is undefined.

    Parameters are those of :func:`paired`.
    """
    return on_all(metric, *prepared(metric, y, predictions, classes))


def prepared(
    metric: ResampledMetric,
    y: ArrayLike,
    predictions: ArrayLike,
    classes: Sequence[Any] | Array | None = None,
) -> tuple[Array, Array]:
    """Return rows and one model's predictions, checked, as the metric takes them.

    Parameters are those of :func:`paired`.
    """
    true, (of_model,) = _checked(metric, _flat(y), {_CHALLENGER: np.asarray(predictions)}, classes)
    return true, of_model


def on_all(metric: ResampledMetric, y: Array, predictions: Array) -> float:
    """Return the metric on all of some prepared rows, each counted once; NaN where undefined."""
    every = np.ones((1, len(y)), dtype=np.int32)
    return float(metric.prepare(y, predictions)(every)[0])


def _checked(
    metric: ResampledMetric,
    y: Array,
    predictions: Mapping[str, Array],
    classes: Sequence[Any] | Array | None,
) -> tuple[Array, list[Array]]:
    if not len(y):
        raise DataError("There are no held-out rows to measure on")
    for who, values in predictions.items():
        if len(values) != len(y):
            raise DataError(f"{who} predicts {counted(len(values), 'row')} of {len(y)}")
    if metric.task == "regression":
        return _numbers(y, _TRUE), [_numbers(_flat(v), w) for w, v in predictions.items()]
    _refuse_missing(y, _TRUE)
    known = list(_sorted(y) if classes is None else classes)
    if metric.of_labels:
        return _labels(metric, y, predictions, known)
    return _scores(metric, y, predictions, known)


def _labels(
    metric: ResampledMetric, y: Array, predictions: Mapping[str, Array], known: list[Any]
) -> tuple[Array, list[Array]]:
    labels = {who: _flat(values) for who, values in predictions.items()}
    for who, values in labels.items():
        _refuse_missing(values, who)
    columns = [_index(values) for values in (y, *labels.values())]
    # A metric of labels takes classes that one side alone has; they are wrong there, no more.
    every = _index(_sorted([*known, *(value for column in columns for value in column.unique())]))
    metric.check_classes(len(every))
    codes = [np.asarray(every.get_indexer(column)) for column in columns]
    return codes[0], codes[1:]


def _scores(
    metric: ResampledMetric, y: Array, predictions: Mapping[str, Array], known: list[Any]
) -> tuple[Array, list[Array]]:
    metric.check_classes(len(known))
    codes = np.asarray(_index(known).get_indexer(_index(y)))
    if (codes < 0).any():
        stranger = y[int(codes.argmin())]
        raise DataError(
            f"The held-out rows have the class '{stranger}', which the models do not know",
            f"Use a metric of predicted classes, such as accuracy, in place of {metric.name}",
        )
    return codes, [_second(metric, values, who, len(known)) for who, values in predictions.items()]


def _second(metric: ResampledMetric, table: Array, who: str, classes: int) -> Array:
    """Return probabilities or scores, checked; of two classes, those of the second."""
    is_decision = table.ndim == 1 and classes == 2 and "decision_function" in metric.methods
    columns = table.shape[1] if table.ndim == 2 else 1
    if not is_decision and columns != classes:
        raise DataError(
            f"{who} gives {counted(columns, 'probability')} a row for {counted(classes, 'class')}"
        )
    if "decision_function" in metric.methods:
        wrong, what = ~np.isfinite(table), "finite score"
    else:
        wrong, what = ~((table >= 0) & (table <= 1)), "probability"
    if wrong.any():
        rows = wrong.reshape(len(table), -1).any(axis=1).sum()
        raise DataError(f"{who} gives no {what} in {counted(int(rows), 'row')}")
    return table[:, 1] if table.ndim == 2 and classes == 2 else table


def _refuse_missing(values: Array, who: str) -> None:
    missing = int(pd.isna(values).sum())
    if missing:
        raise DataError(f"{who} lacks a class in {counted(missing, 'row')}")


def _numbers(values: Array, who: str) -> Array:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{who} is not numeric, as a regression needs it") from error
    wrong = int((~np.isfinite(numbers)).sum())
    if wrong:
        raise DataError(f"{who} has no finite number in {counted(wrong, 'row')}")
    return numbers


def _flat(values: ArrayLike) -> Array:
    array = np.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _index(values: Sequence[Any] | Array) -> pd.Index[Any]:
    # As objects, a class is the same whatever array it came in: 1, 1.0 and np.int64(1).
    index: pd.Index[Any] = pd.Index(np.asarray(values, dtype=object), dtype=object)
    return index


def _sorted(values: Sequence[Any] | Array) -> list[Any]:
    unique = _index(values).unique().tolist()
    try:
        return sorted(unique)
    except TypeError:  # such as text among numbers
        return sorted(unique, key=str)
