"""Metrics that depend on the order of rows: sorted once, then counted for each resample.

The interface is that of ``mlproject.gate.sums``.
"""

from __future__ import annotations

import numpy as np

from mlproject.gate.sums import Array, Counts, Measure, Values, rmse

# The row that a resample drew first in an order is nearly always among so many.
_HEAD = 64


def medae(y: Array, prediction: Array) -> Measure:
    """Prepare the median absolute error."""
    error = np.abs(y - prediction)
    order = np.argsort(error, kind="stable")
    error = error[order]

    def measure(counts: Counts) -> Values:
        values = np.empty(len(counts))
        for i, drawn in enumerate(counts):
            reached = drawn.take(order).cumsum()
            n = reached[-1]
            middle = np.searchsorted(reached, ((n - 1) // 2, n // 2), side="right")
            values[i] = error[middle].mean()
        return values

    return measure


def max_error(y: Array, prediction: Array) -> Measure:
    """Prepare the largest absolute error.

    Its interval is a rough one: the bootstrap is not consistent for an extreme (Efron and
    Tibshirani 1993, section 7.4).
    """
    error = np.abs(y - prediction)
    order = np.argsort(-error, kind="stable")
    return lambda counts: error[_first_drawn(counts, order)]


def nrmse(y: Array, prediction: Array) -> Measure:
    """Prepare the root mean squared error by the range of the true values.

    Undefined where all true values are equal.
    """
    root = rmse(y, prediction)
    order = np.argsort(y, kind="stable")

    def measure(counts: Counts) -> Values:
        spread = y[_first_drawn(counts, order[::-1])] - y[_first_drawn(counts, order)]
        return np.asarray(root(counts) / np.where(spread > 0, spread, np.nan))

    return measure


def roc_auc(y: Array, probabilities: Array) -> Measure:
    """Prepare the area under the ROC curve of two classes; undefined where one has no row.

    Parameters
    ----------
    y : ndarray of shape (n,)
        0 or 1.
    probabilities : ndarray of shape (n, 2)
    """
    return _area(y == 1, probabilities[:, 1])


def roc_auc_ovr(y: Array, probabilities: Array) -> Measure:
    """Prepare the mean area of each class against the others; undefined where a class has no row.

    Of two classes it is the area of the second, as scikit-learn's scorer has it.
    """
    if probabilities.shape[1] == 2:
        return roc_auc(y, probabilities)
    areas = [_area(y == k, probabilities[:, k]) for k in range(probabilities.shape[1])]

    def measure(counts: Counts) -> Values:
        total = np.zeros(len(counts))
        for area in areas:
            total += area(counts)
        return total / len(areas)

    return measure


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


def _first_drawn(counts: Counts, order: Array) -> Array:
    """Return, for each resample, the first row in an order that it drew at all."""
    drawn = counts.take(order[:_HEAD], axis=1) > 0
    if not drawn.any(axis=1).all():
        drawn = counts.take(order, axis=1) > 0
    return np.asarray(order[drawn.argmax(axis=1)])
