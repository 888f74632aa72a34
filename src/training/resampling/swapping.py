"""Whether an interval of few rows is wrong as seldom as it says, by simulation on the rows."""

from __future__ import annotations

import math

import numpy as np
from threadpoolctl import threadpool_limits

from training.resampling.ends import ends
from training.resampling.fast import Array, Counts, Values
from training.resampling.pairs import Pair
from training.resampling.units import Units

_SWAPS, _RESAMPLES = 200, 100
# More rows, or more units, hold the level (benchmarks/gate.py), and would take seconds.
_FEW_UNITS, _FEW_ROWS = 100, 500
_ROUNDING = 1e-9


def promoted_by_chance(pair: Pair, units: Units, *, confidence: float, seed: int) -> float | None:
    """Return how often equal models would be promoted; None where there is enough to rely on.

    Two models that are equal can change places, in each unit by itself, without anything being
    less likely (Fisher 1935; Good, Permutation, Parametric and Bootstrap Tests, 2005, section 3.4).
    So data sets of equal models are made by swapping their predictions, and it is counted in how
    many of them the interval lies above 0.
    """
    if units.number >= _FEW_UNITS or len(pair.y) > _FEW_ROWS:
        return None
    rows, tail = len(pair.y), (1 - confidence) / 2
    drawn = np.concatenate([np.ones((1, rows), np.int32), *units.drawn(rows, _RESAMPLES, seed)])
    random = np.random.default_rng(seed)
    promoted = 0
    with threadpool_limits(1, user_api="blas"):
        for _ in range(_SWAPS):
            swapped = random.random(units.number)[units.of_each_row] < 0.5
            values = _improvements(_swapped(pair, swapped), drawn)
            resampled = values[1:][np.isfinite(values[1:])]
            if len(resampled) > _RESAMPLES / 2:  # else the metric is undefined too often
                low, _ = ends(resampled, values[0], tail, units.number)
                promoted += low > _ROUNDING * np.abs(pair.champion).max()
    return promoted / _SWAPS


def _swapped(pair: Pair, rows: Array) -> Pair:
    """Return the pair with the predictions of some rows changed over."""
    mask = rows[:, np.newaxis] if pair.champion.ndim == 2 else rows
    champion = np.where(mask, pair.challenger, pair.champion)
    challenger = np.where(mask, pair.champion, pair.challenger)
    return Pair(pair.metric, pair.y, champion, challenger)


def _improvements(pair: Pair, drawn: Counts) -> Values:
    measured = (pair.metric.prepare(pair.y, values)(drawn) for values in pair.predictions)
    return np.asarray(pair.metric.improvement(*measured))


def holds(promoted: float, confidence: float) -> bool:
    """Whether a share of promotions is no more than chance makes of the level that is meant."""
    tail = (1 - confidence) / 2
    return promoted <= tail + 4 * math.sqrt(tail / _SWAPS)
