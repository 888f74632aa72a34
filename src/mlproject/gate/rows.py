"""Held-out rows, and what models predict for them, as the metrics take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mlproject.base.errors import DataError
from mlproject.gate.metrics import GateMetric
from mlproject.gate.sums import Array

_TRUE = "The held-out target"
# What to use of more than two classes; the others have a `_macro` form.
_OF_SEVERAL = {"brier": "log_loss", "roc_auc": "roc_auc_ovr"}


@dataclass(frozen=True)
class Pair:
    """The same rows, predicted by two models.

    Attributes
    ----------
    metric : GateMetric
        What they are prepared for.
    y : ndarray of shape (n,)
        True values; of classes, their positions.
    champion, challenger : ndarray of shape (n,) or (n, n_classes)
        Predictions; of classes, their positions or probabilities.
    """

    metric: GateMetric
    y: Array
    champion: Array
    challenger: Array


def paired(
    metric: GateMetric,
    y: ArrayLike,
    champion: ArrayLike,
    challenger: ArrayLike,
    classes: Sequence[Any] | Array | None = None,
) -> Pair:
    """Return rows and predictions, checked, as the metric takes them.

    Parameters
    ----------
    metric : GateMetric
    y : array-like of shape (n,)
        True values, or classes as the data has them.
    champion, challenger : array-like of shape (n,) or (n, n_classes)
        What the metric's method of the models gave: values, classes, or probabilities.
    classes : sequence, optional
        The sorted classes; of probabilities, one for each column, the same for both models (see
        :func:`aligned`). By default the sorted classes that occur.

    Raises
    ------
    DataError
        When lengths differ, something is missing or not finite, a class is unknown, or the metric
        is for two classes and there are others.
    """
    true, (first, second) = _checked(
        metric, y, {"The champion": champion, "The challenger": challenger}, classes
    )
    return Pair(metric, true, first, second)


def measured(
    metric: GateMetric,
    y: ArrayLike,
    predictions: ArrayLike,
    classes: Sequence[Any] | Array | None = None,
) -> float:
    """Return the metric of one model, with its natural sign; NaN where it is undefined.

    Parameters and errors are those of :func:`paired`.
    """
    true, (found,) = _checked(metric, y, {"The challenger": predictions}, classes)
    return on_all(metric, true, found)


def on_all(metric: GateMetric, y: Array, predictions: Array) -> float:
    """Return the metric on all of some prepared rows, each counted once; NaN where undefined."""
    every = np.ones((1, len(y)), dtype=np.int32)
    return float(metric.prepare(y, predictions)(every)[0])


def aligned(
    probabilities: ArrayLike, classes: Sequence[Any] | Array, known: Sequence[Any] | Array
) -> Array:
    """Return probabilities with a column for each known class: 0 where the model has none.

    Parameters
    ----------
    probabilities : array-like of shape (n, len(classes))
    classes : sequence
        The model's own.
    known : sequence
        Those of both models, sorted.

    Raises
    ------
    DataError
        When the model has a class that is not among the known.
    """
    table = np.asarray(probabilities)
    place = _index(known).get_indexer(_index(classes))
    if (place < 0).any():
        raise DataError(f"A model has the class '{list(classes)[int(place.argmin())]}' alone")
    wide = np.zeros((len(table), len(known)), dtype=table.dtype)
    wide[:, place] = table
    return wide


def _checked(
    metric: GateMetric,
    y: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    classes: Sequence[Any] | Array | None,
) -> tuple[Array, list[Array]]:
    true = _flat(y)
    if not len(true):
        raise DataError("There are no held-out rows to measure on")
    given = {who: np.asarray(values) for who, values in predictions.items()}
    for who, values in given.items():
        if len(values) != len(true):
            raise DataError(f"{who} predicts {len(values)} rows of {len(true)}")
    if metric.task == "regression":
        return _numbers(true, _TRUE), [_numbers(_flat(v), w) for w, v in given.items()]
    if metric.needs == "predict_proba":
        return _with_probabilities(metric, true, given, classes)
    return _with_labels(metric, true, given, classes)


def _with_labels(
    metric: GateMetric,
    y: Array,
    given: Mapping[str, Array],
    classes: Sequence[Any] | Array | None,
) -> tuple[Array, list[Array]]:
    columns = {_TRUE: y, **{who: _flat(values) for who, values in given.items()}}
    for who, values in columns.items():
        _refuse_missing(values, who)
    known = list(_sorted(y) if classes is None else classes)
    index = _index(known)
    # A metric of labels takes classes that one side alone has; they are wrong there, no more.
    more = [value for values in columns.values() for value in _index(values).unique()]
    others = _index(more).unique().difference(index, sort=False)
    if len(others):
        known = _sorted([*known, *others])
        index = _index(known)
    _refuse_others_than_two(metric, len(known))
    codes = [np.asarray(index.get_indexer(_index(values))) for values in columns.values()]
    return codes[0], codes[1:]


def _with_probabilities(
    metric: GateMetric,
    y: Array,
    given: Mapping[str, Array],
    classes: Sequence[Any] | Array | None,
) -> tuple[Array, list[Array]]:
    _refuse_missing(y, _TRUE)
    known = list(_sorted(y) if classes is None else classes)
    _refuse_others_than_two(metric, len(known))
    for who, table in given.items():
        if table.ndim != 2 or table.shape[1] != len(known):
            columns = table.shape[1] if table.ndim == 2 else 1
            raise DataError(f"{who} gives {columns} probabilities a row for {len(known)} classes")
        wrong = ~((table >= 0) & (table <= 1)).all(axis=1)
        if wrong.any():
            raise DataError(f"{who} gives no probability in {wrong.sum()} rows")
    codes = np.asarray(_index(known).get_indexer(_index(y)))
    if (codes < 0).any():
        stranger = y[int(codes.argmin())]
        raise DataError(
            f"The held-out rows have the class '{stranger}', which the models do not know",
            f"Use a metric of predicted classes, such as accuracy, in place of {metric.name}",
        )
    return codes, list(given.values())


def _refuse_others_than_two(metric: GateMetric, classes: int) -> None:
    if metric.two_classes and classes != 2:
        instead = _OF_SEVERAL.get(metric.name, f"{metric.name}_macro")
        what = f"The metric '{metric.name}' is for two classes, the held-out rows have {classes}"
        raise DataError(what, f"Use '{instead}'" if classes > 2 else None)


def _refuse_missing(values: Array, who: str) -> None:
    missing = int(pd.isna(values).sum())
    if missing:
        raise DataError(f"{who} lacks a class in {missing} rows")


def _numbers(values: Array, who: str) -> Array:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{who} is not numeric, as a regression needs it") from error
    wrong = int((~np.isfinite(numbers)).sum())
    if wrong:
        raise DataError(f"{who} has no finite number in {wrong} rows")
    return numbers


def _flat(values: ArrayLike) -> Array:
    array = np.asarray(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _index(values: Sequence[Any] | Array) -> pd.Index[Any]:
    # As objects, a class is the same whatever array it came in: 1, 1.0 and np.int64(1).
    index: pd.Index[Any] = pd.Index(np.asarray(values, dtype=object), dtype=object)
    return index


def _sorted(values: Sequence[Any] | Array) -> list[Any]:
    found = _index(values).unique().tolist()
    try:
        return sorted(found)
    except TypeError:  # such as text among numbers
        return sorted(found, key=str)
