"""Metrics that are functions of sums over rows.

A metric is prepared once, for rows and predictions, and then measured for many resamples of them: a
resample is how often it drew each row. Here that is one product of the counts with a few numbers
of each row. Where a resample does not define the metric, its value is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
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
# From how many rows are of each class, are predicted to be, and are so rightly.
OfClasses = Callable[[Values, Values, Values], Values]

# Of the sum of squares: a spread below that is what rounding leaves of none.
_NO_SPREAD = 1e-13


def mse(y: Array, prediction: Array) -> Measure:
    """Prepare the mean squared error."""
    return _mean((y - prediction) ** 2)


def rmse(y: Array, prediction: Array) -> Measure:
    """Prepare the root mean squared error."""
    squared = mse(y, prediction)
    return lambda counts: np.sqrt(squared(counts))


def mae(y: Array, prediction: Array) -> Measure:
    """Prepare the mean absolute error."""
    return _mean(np.abs(y - prediction))


def mape(y: Array, prediction: Array) -> Measure:
    """Prepare the mean absolute error relative to the true value, a share: 0.1 is 10 %."""
    return _mean(np.abs(y - prediction) / np.maximum(np.abs(y), np.finfo(np.float64).eps))


def r2(y: Array, prediction: Array) -> Measure:
    """Prepare the coefficient of determination; undefined where all true values are equal."""
    squares = (y - prediction) ** 2
    centred = _centred(y)

    def finish(n: Values, errors: Values, total: Values, total_squares: Values) -> Values:
        return 1 - errors / _spread(n, total, total_squares)

    return _of_sums((squares, centred, centred**2), finish)


def explained_variance(y: Array, prediction: Array) -> Measure:
    """Prepare the explained variance; undefined where all true values are equal."""
    centred, error = _centred(y), _centred(y - prediction)

    def finish(n: Values, e: Values, e_squares: Values, t: Values, t_squares: Values) -> Values:
        left = np.maximum(e_squares - e**2 / n, 0)
        return 1 - left / _spread(n, t, t_squares)

    return _of_sums((error, error**2, centred, centred**2), finish)


def log_loss(y: Array, probabilities: Array) -> Measure:
    """Prepare the log loss; probabilities are clipped as scikit-learn does it.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Positions of the true classes.
    probabilities : ndarray of shape (n, n_classes)
    """
    of_the_true = probabilities[np.arange(len(y)), y]
    least = np.finfo(probabilities.dtype).eps
    return _mean(-np.log(np.clip(of_the_true, least, 1 - least).astype(np.float64)))


def brier(y: Array, probabilities: Array) -> Measure:
    """Prepare the Brier score: the mean squared error of the second class's probability."""
    return _mean((probabilities[:, 1].astype(np.float64) - y) ** 2)


def of_confusion(finish: OfClasses) -> Callable[[Array, Array], Measure]:
    """Return what prepares a metric that depends on how many rows of each class there are.

    Parameters
    ----------
    finish : callable
        From how many rows are of each class, how many are predicted to be, and how many of those
        rightly, each of shape (n_resamples, n_classes), to the metric's values.
    """

    def prepare(y: Array, prediction: Array) -> Measure:
        k = int(max(y.max(), prediction.max(), 1)) + 1
        hits = np.flatnonzero(y == prediction)
        rows = np.arange(len(y))
        # Three numbers a row at most: a dense table of many classes would not be small.
        place = np.concatenate([y, prediction + k, y[hits] + 2 * k])
        sums = csr_array(
            (np.ones(len(place)), (place, np.concatenate([rows, rows, hits]))), (3 * k, len(y))
        )

        def measure(counts: Counts) -> Values:
            totals = (sums @ counts.T.astype(np.float64)).T
            return finish(totals[:, :k], totals[:, k : 2 * k], totals[:, 2 * k :])

        return measure

    return prepare


def accuracy(true: Values, said: Values, right: Values) -> Values:
    """Return the share of rows that are right."""
    return np.asarray(right.sum(axis=1) / true.sum(axis=1))


def balanced_accuracy(true: Values, said: Values, right: Values) -> Values:
    """Return the mean recall of the classes that occur."""
    return np.asarray(_ratio(right, true).sum(axis=1) / (true > 0).sum(axis=1))


def matthews_corrcoef(true: Values, said: Values, right: Values) -> Values:
    """Return Matthews' correlation coefficient (Gorodkin 2004 for several classes)."""
    n = true.sum(axis=1)
    both = right.sum(axis=1) * n - (true * said).sum(axis=1)
    spread = (n**2 - (true**2).sum(axis=1)) * (n**2 - (said**2).sum(axis=1))
    return _ratio(both, np.sqrt(spread))


def recall(true: Values, said: Values, right: Values) -> Values:
    """Return the recall of each class, shape (n_resamples, n_classes)."""
    return _ratio(right, true)


def precision(true: Values, said: Values, right: Values) -> Values:
    """Return the precision of each class, shape (n_resamples, n_classes)."""
    return _ratio(right, said)


def f1(true: Values, said: Values, right: Values) -> Values:
    """Return the F1 score of each class, shape (n_resamples, n_classes)."""
    return _ratio(2 * right, true + said)


def averaged(score: OfClasses, average: str) -> OfClasses:
    """Return a score of each class as one number.

    Parameters
    ----------
    score : callable
        :func:`recall`, :func:`precision` or :func:`f1`.
    average : str
        ``binary`` takes the second class; ``macro`` the mean of the classes that occur, truly or
        predicted; ``weighted`` weighs them by how many rows are truly theirs; ``micro`` counts all
        classes together.
    """

    def finish(true: Values, said: Values, right: Values) -> Values:
        if average == "micro":
            pooled = (part.sum(axis=1, keepdims=True) for part in (true, said, right))
            return score(*pooled)[:, 0]
        each = score(true, said, right)
        if average == "binary":
            return each[:, 1]
        weights = true if average == "weighted" else ((true + said) > 0).astype(np.float64)
        return np.asarray((each * weights).sum(axis=1) / weights.sum(axis=1))

    return finish


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


def _centred(values: Array) -> Array:
    # Around the median: one row far out would leave few digits to the spread of the others.
    return np.asarray(values - np.median(values))


def _spread(n: Values, total: Values, squares: Values) -> Values:
    """Return the sum of squares around the mean; NaN where there is none."""
    spread = squares - total**2 / n
    return np.where(spread > _NO_SPREAD * squares, spread, np.nan)


def _ratio(part: Values, whole: Values) -> Values:
    """Return a ratio that is 0 where the whole is, as scikit-learn's ``zero_division`` has it."""
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)
