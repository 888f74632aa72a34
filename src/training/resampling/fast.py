"""Metrics that are measured on all resamples at once, where scikit-learn's functions take minutes.

A metric is prepared once, for rows and predictions, and then measured for many resamples of them: a
resample is how often it drew each row. Sums over rows are one product with those counts; what
depends on the order of rows is sorted once. Where a resample does not define the metric, its value
is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Array = NDArray[Any]
Values = NDArray[np.float64]
# How often each resample drew each row: shape (n_resamples, n_rows). Half the size of an int64, and
# rows are gathered from it in an order that is not theirs.
Counts = NDArray[np.int32]
# From counts to the metric of each resample, shape (n_resamples,).
Measure = Callable[[Counts], Values]
# From how many rows are of each class, are predicted to be, and are so rightly, each of shape
# (n_resamples, n_classes), to a score of each class.
OfClasses = Callable[[Values, Values, Values], Values]

# Of the sum of squares: a spread below that is what rounding leaves of none.
_NO_SPREAD = 1e-13
# The row that a resample drew first in an order is nearly always among so many.
_HEAD = 64


def _mean(of_each_row: Array) -> Measure:
    return _of_sums((of_each_row,), lambda n, total: total / n)


def _of_sums(statistics: tuple[Array, ...], finish: Callable[..., Values]) -> Measure:
    """Return a measure from numbers of each row; ``finish`` gets the rows' number and the sums."""
    numbers = np.stack([np.ones(len(statistics[0])), *statistics])

    def measure(counts: Counts) -> Values:
        # One by one, or the last digit would depend on how many resamples stand in a block.
        totals = (numbers @ counts.astype(np.float64)[:, :, np.newaxis])[:, :, 0]
        return np.asarray(finish(*totals.T))

    return measure


def _mse(y: Array, prediction: Array) -> Measure:
    return _mean((y - prediction.astype(np.float64)) ** 2)


def _rmse(y: Array, prediction: Array) -> Measure:
    squared = _mse(y, prediction)
    return lambda counts: np.sqrt(squared(counts))


def _nrmse(y: Array, prediction: Array) -> Measure:
    root = _rmse(y, prediction)
    order = np.argsort(y, kind="stable")

    def measure(counts: Counts) -> Values:
        spread = y[_first_drawn(counts, order[::-1])] - y[_first_drawn(counts, order)]
        return np.asarray(root(counts) / np.where(spread > 0, spread, np.nan))

    return measure


def _first_drawn(counts: Counts, order: Array) -> Array:
    """Return, for each resample, the first row in an order that it drew at all."""
    drawn = counts.take(order[:_HEAD], axis=1) > 0
    if not drawn.any(axis=1).all():
        drawn = counts.take(order, axis=1) > 0
    return np.asarray(order[drawn.argmax(axis=1)])


def _max_error(y: Array, prediction: Array) -> Measure:
    # Its interval is a rough one: the bootstrap is not consistent for an extreme (Efron and
    # Tibshirani 1993, section 7.4).
    error = np.abs(y - prediction)
    order = np.argsort(-error, kind="stable")
    return lambda counts: error[_first_drawn(counts, order)]


def _medae(y: Array, prediction: Array) -> Measure:
    error = np.abs(y - prediction)
    order = np.argsort(error, kind="stable")

    def measure(counts: Counts) -> Values:
        values = np.empty(len(counts))
        for i, drawn in enumerate(counts):
            reached = drawn.take(order).cumsum()
            ends = (reached[-1] - 1) // 2, reached[-1] // 2
            values[i] = error[order[np.searchsorted(reached, ends, side="right")]].mean()
        return values

    return measure


def _mape(y: Array, prediction: Array) -> Measure:
    return _mean(np.abs(y - prediction) / np.maximum(np.abs(y), np.finfo(np.float64).eps))


def _r2(y: Array, prediction: Array) -> Measure:
    centred = _centred(y)

    def finish(n: Values, errors: Values, total: Values, squares: Values) -> Values:
        return 1 - errors / _spread(n, total, squares)

    return _of_sums(((y - prediction) ** 2, centred, centred**2), finish)


def _explained_variance(y: Array, prediction: Array) -> Measure:
    centred, error = _centred(y), _centred(y - prediction)

    def finish(n: Values, e: Values, e_squares: Values, t: Values, t_squares: Values) -> Values:
        return 1 - np.maximum(e_squares - e**2 / n, 0) / _spread(n, t, t_squares)

    return _of_sums((error, error**2, centred, centred**2), finish)


def _centred(values: Array) -> Array:
    # Around the median: one row far out would leave few digits to the spread of the others.
    return np.asarray(values - np.median(values))


def _spread(n: Values, total: Values, squares: Values) -> Values:
    """Return the sum of squares around the mean; NaN where there is none."""
    spread = squares - total**2 / n
    return np.where(spread > _NO_SPREAD * squares, spread, np.nan)


def _log_loss(y: Array, probabilities: Array) -> Measure:
    if probabilities.ndim == 1:
        probabilities = np.column_stack([1 - probabilities, probabilities])
    least = np.finfo(probabilities.dtype).eps  # scikit-learn clips so too
    of_the_true = np.clip(probabilities[np.arange(len(y)), y], least, 1 - least)
    return _mean(-np.log(of_the_true.astype(np.float64)))


def _roc_auc(y: Array, scores: Array) -> Measure:
    if scores.ndim == 1:
        return _area(y == 1, scores)
    areas = [_area(y == k, scores[:, k]) for k in range(scores.shape[1])]
    return lambda counts: np.asarray(sum(area(counts) for area in areas) / len(areas))


def _area(positive: Array, score: Array) -> Measure:
    """Return the share of pairs in the right order, ties as halves (Hanley and McNeil 1982)."""
    order = np.argsort(score, kind="stable")
    is_positive = positive[order]
    positives, negatives = order[is_positive], order[~is_positive]
    # How many of the sorted negatives are below each positive, and how many not above.
    below = np.searchsorted(score[negatives], score[positives], side="left")
    not_above = np.searchsorted(score[negatives], score[positives], side="right")
    no_ties = np.array_equal(below, not_above)

    def measure(counts: Counts) -> Values:
        values = np.full(len(counts), np.nan)
        reached = np.zeros(len(negatives) + 1, dtype=np.int64)
        for i, drawn in enumerate(counts):
            won = drawn.take(positives)
            drawn.take(negatives).cumsum(dtype=np.int64, out=reached[1:])
            pairs = int(won.sum()) * int(reached[-1])
            if pairs:
                twice = reached.take(below)
                twice += twice if no_ties else reached.take(not_above)
                values[i] = int(won @ twice) / (2 * pairs)
        return values

    return measure


def _average_precision(y: Array, score: Array) -> Measure:
    """Prepare the mean precision over the recall, without interpolation, as scikit-learn has it."""
    order = np.argsort(-score, kind="stable")
    positive = (y == 1)[order].astype(np.int32)
    # Equal scores are one threshold: only its last row counts.
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)

    def measure(counts: Counts) -> Values:
        values = np.full(len(counts), np.nan)
        for i, drawn in enumerate(counts):
            weights = drawn.take(order)
            right = (weights * positive).cumsum(dtype=np.int64)[last]
            named = weights.cumsum(dtype=np.int64)[last]
            if right[-1]:
                gained = np.diff(right, prepend=0)
                precision = np.divide(right, named, out=np.zeros(len(last)), where=named > 0)
                values[i] = gained @ precision / right[-1]
        return values

    return measure


def _of_classes(score: OfClasses, average: str, y: Array, prediction: Array) -> Measure:
    """Prepare a score of each class, as one number.

    ``binary`` takes the second of two; ``macro`` the mean of the classes that occur, truly or
    predicted; ``true`` of the classes that occur truly; ``weighted`` weighs them by how many rows
    are truly theirs; ``micro`` counts all classes together.
    """
    k = int(max(y.max(), prediction.max(), 1)) + 1
    hits = np.flatnonzero(y == prediction)
    rows = np.arange(len(y))
    # Three numbers a row at most: a dense table of many classes would not be small.
    place = np.concatenate([y, prediction + k, y[hits] + 2 * k])
    sums = csr_array(
        (np.ones(len(place)), (place, np.concatenate([rows, rows, hits]))), (3 * k, len(y))
    )

    def measure(counts: Counts) -> Values:
        totals = np.asarray((sums @ counts.T.astype(np.float64)).T).reshape(-1, 3, k)
        if average == "micro":
            totals = totals.sum(axis=2, keepdims=True)
        true, predicted, right = totals[:, 0], totals[:, 1], totals[:, 2]
        each = score(true, predicted, right)
        if average in ("binary", "micro"):
            return each[:, -1]
        occurs = true if average == "true" else true + predicted
        weights = true if average == "weighted" else (occurs > 0).astype(np.float64)
        return np.asarray((each * weights).sum(axis=1) / weights.sum(axis=1))

    return measure


def _ratio(part: Values, whole: Values) -> Values:
    """Return a ratio that is 0 where the whole is, as scikit-learn's ``zero_division`` has it."""
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)


_OF_CLASSES: dict[str, OfClasses] = {
    "f1": lambda true, predicted, right: _ratio(2 * right, true + predicted),
    "precision": lambda true, predicted, right: _ratio(right, predicted),
    "recall": lambda true, predicted, right: _ratio(right, true),
    "jaccard": lambda true, predicted, right: _ratio(right, true + predicted - right),
}
# By the key of the metric in training: its scorer's name. Each takes true values and predictions:
# classes as positions, probabilities and scores of the second of two classes or of all of several.
FAST: dict[str, Callable[[Array, Array], Measure]] = {
    "neg_mean_squared_error": _mse,
    "neg_root_mean_squared_error": _rmse,
    "neg_nrmse": _nrmse,
    "neg_mean_absolute_error": lambda y, prediction: _mean(np.abs(y - prediction)),
    "neg_median_absolute_error": _medae,
    "neg_mean_absolute_percentage_error": _mape,
    "neg_max_error": _max_error,
    "r2": _r2,
    "explained_variance": _explained_variance,
    "neg_log_loss": _log_loss,
    "neg_brier_score": _mse,
    "roc_auc": _roc_auc,
    "roc_auc_ovr": _roc_auc,
    "average_precision": _average_precision,
    "balanced_accuracy": partial(_of_classes, _OF_CLASSES["recall"], "true"),
    "accuracy": lambda y, prediction: _mean((y == prediction).astype(np.float64)),
    **{name: partial(_of_classes, score, "binary") for name, score in _OF_CLASSES.items()},
    **{
        f"{name}_{average}": partial(_of_classes, score, average)
        for name, score in _OF_CLASSES.items()
        for average in ("macro", "micro", "weighted")
    },
}
