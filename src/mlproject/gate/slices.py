"""Whether a challenger loses in a part of the rows what it gains in the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from mlproject.base.finite import finite
from training.resampling.fast import Array
from training.resampling.intervals import standard_error
from training.resampling.pairs import Pair, on_all
from training.resampling.units import Units

MISSING = "missing"
# A column of numbers with more values is cut into quartiles.
_MOST_NUMBERS = 20
# Of a column of texts with more values the rarest are one slice.
_MOST_TEXTS = 50
# Of the metric: what two ways of adding up the same numbers may differ by.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Slice:
    """The rows with one value of a column.

    Attributes
    ----------
    value : str
        The value, a range of numbers, or ``missing``.
    champion, challenger : float
        The metric in the slice, with its natural sign; NaN where it is undefined.
    improvement : float
        Positive when the challenger is better.
    error : float
        The standard error of the improvement, by the bootstrap.
    units : int
        How many rows, groups or blocks it is of.
    judged : bool
        Whether the slice has enough rows, and defines the metric.
    high : float
        The upper end of the improvement's interval, corrected for the number of slices.
    worse : bool
        Whether it is judged, and surely the challenger loses more than the tolerance.
    """

    column: str
    value: str
    rows: int
    champion: float
    challenger: float
    improvement: float
    judged: bool
    error: float = math.nan
    units: int = 0
    high: float = math.nan
    worse: bool = False

    def as_dict(self) -> dict[str, Any]:
        return dict(finite(asdict(self)))


@dataclass(frozen=True)
class Sampling:
    """How the rows of a slice are drawn again.

    Attributes
    ----------
    units : Units
        Of all rows.
    fewest : int
        Slices of fewer rows are measured, not judged.
    fewest_units : int
        The same of groups and blocks.
    """

    units: Units
    fewest: int = 30
    fewest_units: int = 10
    resamples: int = 400
    seed: int = 0


def by_column(pair: Pair, column: pd.Series[Any], sampling: Sampling) -> tuple[Slice, ...]:
    """Measure both models for each value of a column, in the order of the values.

    Missing values are a slice of their own. Numbers and times with more than 20 different values
    are cut into quartiles; of more than 50 texts the rarest are one slice, the last.

    Parameters
    ----------
    column : Series of length n
        Its values for the rows of the pair, of any type.
    """
    name = str(column.name)
    if len(column) != len(pair.y):
        raise DataError(f"The column '{name}' has {counted(len(column), 'row')} of {len(pair.y)}")
    codes, labels = _groups(column.reset_index(drop=True), name, sampling.fewest)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(labels)))
    return tuple(
        _measured(pair, name, label, rows, sampling)
        for label, rows in zip(labels, np.split(order, starts), strict=True)
    )


def _measured(pair: Pair, name: str, label: str, rows: Array, sampling: Sampling) -> Slice:
    part = Pair(pair.metric, pair.y[rows], pair.champion[rows], pair.challenger[rows])
    champion, challenger = (on_all(part.metric, part.y, values) for values in part.predictions)
    improvement = part.metric.improvement(champion, challenger)
    units = sampling.units.of_rows(rows)
    enough = len(rows) >= max(2, sampling.fewest)
    enough &= units.kind == "rows" or units.number >= sampling.fewest_units
    error = math.nan
    if enough and np.isfinite(improvement):
        error = standard_error(part, units=units, resamples=sampling.resamples, seed=sampling.seed)
    judged = bool(np.isfinite(error))
    return Slice(
        name, label, len(rows), champion, challenger, improvement, judged, error, units.number
    )


def judged(
    slices: Sequence[Slice], *, tolerance: float = 0.0, confidence: float = 0.95
) -> tuple[Slice, ...]:
    """Return slices with the upper ends of their intervals, and which of them surely lose.

    By Holm's procedure (A Simple Sequentially Rejective Multiple Test Procedure, 1979) the
    probability that any slice is said to lose which does not is at most ``(1 - confidence) / 2``,
    however many there are: the slice that loses most clearly is judged at that level divided by the
    number of slices, the next by one less, until one passes.

    Parameters
    ----------
    tolerance : float
        By how much the challenger may be worse, in the metric's units.
    """
    found = list(slices)
    places = [place for place, part in enumerate(found) if part.judged]
    places.sort(key=lambda place: _chance(found[place], tolerance))
    going = True
    for done, place in enumerate(places):
        part = found[place]
        level = (1 - confidence) / 2 / (len(places) - done)
        going = going and _chance(part, tolerance) < level
        reach = float(-t.ppf(level, part.units - 1)) if part.error else 0.0
        found[place] = replace(part, high=part.improvement + reach * part.error, worse=going)
    return tuple(found)


def _chance(part: Slice, tolerance: float) -> float:
    """Return how likely so great a loss is, if in truth it is no greater than the tolerance."""
    allowed = tolerance + ROUNDING * max(abs(part.champion), abs(part.challenger))
    gap = part.improvement + allowed
    if part.error <= 0:
        return 0.0 if gap < 0 else 1.0
    return float(t.cdf(gap / part.error, part.units - 1))


def _groups(column: pd.Series[Any], name: str, fewest: int) -> tuple[Array, Sequence[str]]:
    """Return the slice of each row, and what the slices are called."""
    missing = column.isna().to_numpy(dtype=bool)
    present = column[~missing].infer_objects()
    try:
        codes, values = pd.factorize(present, sort=True)
    except TypeError:  # such as lists, which are compared by what they look like
        codes, values = pd.factorize(present.map(str), sort=True)
    if len(values) > _MOST_NUMBERS and _is_ordered(present):
        codes, labels = _quartiles(present)
    else:
        labels = [_shown(value) for value in values]
    if len(labels) > _MOST_TEXTS:
        codes, labels = _commonest(codes, labels, name, fewest)
    every = np.full(len(column), len(labels))
    every[~missing] = codes
    return every, [*labels, MISSING] if missing.any() else labels


def _commonest(
    codes: Array, labels: Sequence[str], name: str, fewest: int
) -> tuple[Array, list[str]]:
    """Return slices of the commonest values, in their order, and one of all others.

    Raises
    ------
    DataError
        When not even the commonest has as many rows as are judged: a number of each row, or a date
        in text.
    """
    counts = np.bincount(codes, minlength=len(labels))
    if counts.max() < fewest:
        raise DataError(
            f"The column '{name}' has {len(labels)} values of fewer than {fewest} rows each, too "
            "many to slice by",
            "Choose a column whose values repeat, or write dates as 2026-01-31",
        )
    kept = np.sort(np.argsort(-counts, kind="stable")[: _MOST_TEXTS - 1])
    places = np.full(len(labels), len(kept))
    places[kept] = np.arange(len(kept))
    rest = f"{len(labels) - len(kept)} other values"
    return places[codes], [*(labels[place] for place in kept), rest]


def _is_ordered(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)


def _quartiles(column: pd.Series[Any]) -> tuple[Array, list[str]]:
    """Cut at values that occur, so that infinite ones and times need no care."""
    if pd.api.types.is_datetime64_any_dtype(column):
        values = pd.DatetimeIndex(column).tz_localize(None).to_numpy()
    else:
        values = column.to_numpy(dtype=np.float64)
    ordered = np.sort(values)
    # The position of the last value of each quarter but the last.
    ends = [-(-len(ordered) * quarter // 4) - 1 for quarter in (1, 2, 3)]
    cuts = np.unique(ordered[ends])
    cuts = cuts[cuts < ordered[-1]]
    shown = [_shown(value) for value in (ordered[0], *cuts, ordered[-1])]
    labels = [shown[0] if shown[0] == shown[1] else f"{shown[0]} to {shown[1]}"]
    labels += [f"above {low} to {high}" for low, high in pairwise(shown[1:])]
    return np.searchsorted(cuts, values, side="left"), labels


def _shown(value: Any) -> str:
    if isinstance(value, (np.datetime64, pd.Timestamp)):
        moment = pd.Timestamp(value)
        return str(moment.date()) if moment == moment.normalize() else str(moment)
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
