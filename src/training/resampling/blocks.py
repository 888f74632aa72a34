"""How long blocks of rows have to be, so that they are nearly independent of each other."""

from __future__ import annotations

import math

import numpy as np

from training.resampling.fast import Values
from training.resampling.pairs import Pair
from training.resampling.units import Units, of_length

# Rows are looked at in so many pieces at most: each takes one more measurement.
_MOST_PIECES = 256
# The share of its variance that the mean of a block may lose at its ends.
_LOST = 0.06
_AT_ONCE = 500_000


def in_time(pair: Pair) -> Units:
    """Return blocks of rows that stand in their order in time.

    How much rows depend on each other is seen in what the improvement owes to each of 256 pieces of
    them (the jackknife's influence of a piece, which any metric has). With the correlations
    ``r(k)`` of pieces that are ``k`` apart, the variance of the mean of a block of ``L`` is too
    small by a share of ``2 * sum(k * r(k)) / (L * (1 + 2 * sum(r(k))))`` (Carlstein 1986; Kuensch
    1989); the length is the one at which that is 6 %.
    """
    rows = len(pair.y)
    pieces = of_length(rows, math.ceil(rows / _MOST_PIECES))
    if pieces.number < 3:
        return pieces
    length = rows / pieces.number * max(1.0, reach(_influences(pair, pieces)) / _LOST)
    return of_length(rows, math.ceil(length))


def reach(values: Values) -> float:
    """Return how far values depend on each other: their mean distance, weighted by correlation.

    Correlations are summed by Geyer's initial positive sequence (Practical Markov Chain Monte
    Carlo, 1992, section 3.3), which ends where the sum of two that are next to each other is no
    larger than that of independent values is by chance (Bartlett 1946).
    """
    n = len(values)
    spectrum = np.fft.rfft(values - values.mean(), 2 * n)
    covariance = np.fft.irfft(spectrum * spectrum.conj())[: n - n % 2]
    if covariance[0] <= 0:
        return 0.0
    correlation = covariance / covariance[0]
    small = np.flatnonzero(correlation[::2] + correlation[1::2] <= math.sqrt(2 / n))
    kept = correlation[: 2 * small[0]] if len(small) else correlation
    weighted = 2 * float(np.arange(len(kept)) @ kept)
    return max(0.0, weighted) / max(1.0, 2 * float(kept.sum()) - 1)


def _influences(pair: Pair, pieces: Units) -> Values:
    """Return the improvement without each piece; where it is undefined, as that of all others."""
    found = []
    measures = [pair.metric.prepare(pair.y, values) for values in pair.predictions]
    at_once = max(1, _AT_ONCE // len(pair.y))
    for start in range(0, pieces.number, at_once):
        left_out = np.arange(start, min(start + at_once, pieces.number))
        counts = np.not_equal(pieces.of_each_row, left_out[:, np.newaxis]).astype(np.int32)
        found.append(pair.metric.improvement(*(measure(counts) for measure in measures)))
    values = np.concatenate(found)
    defined = np.isfinite(values)
    return np.where(defined, values, values[defined].mean() if defined.any() else 0.0)
