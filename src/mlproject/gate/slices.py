"""Whether a challenger loses in a part of the rows what it gains in the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import DataError
from mlproject.base.finite import finite
from training.resampling.fast import Array
from training.resampling.pairs import Pair, on_all

MISSING = "missing"
# A column of numbers with more values is cut into quartiles.
_MOST_NUMBERS = 20
_MOST_SLICES = 1000
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
    judged : bool
        Whether the slice has enough rows, and defines the metric.
    worse : bool
        Whether it is judged, and the challenger loses more than the tolerance.
    """

    column: str
    value: str
    rows: int
    champion: float
    challenger: float
    improvement: float
    judged: bool
    worse: bool

    def as_dict(self) -> dict[str, Any]:
        return dict(finite(asdict(self)))


def by_column(
    pair: Pair, column: pd.Series[Any], *, tolerance: float = 0.0, fewest: int = 30
) -> tuple[Slice, ...]:
    """Measure both models for each value of a column, in the order of the values.

    Missing values are a slice of their own. Numbers and times with more than 20 different values
    are cut into quartiles.

    Parameters
    ----------
    column : Series of length n
        Its values for the rows of the pair, of any type.
    tolerance : float
        By how much the challenger may be worse, in the metric's units.
    fewest : int
        Slices of fewer rows are measured, not judged.
    """
    name = str(column.name)
    if len(column) != len(pair.y):
        raise DataError(f"The column '{name}' has {len(column)} rows of {len(pair.y)}")
    codes, labels = _groups(column.reset_index(drop=True), name)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(1, len(labels)))
    slices = []
    for label, rows in zip(labels, np.split(order, starts), strict=True):
        metric, y = pair.metric, pair.y[rows]
        champion = on_all(metric, y, pair.champion[rows])
        challenger = on_all(metric, y, pair.challenger[rows])
        improvement = metric.improvement(champion, challenger)
        judged = len(rows) >= fewest and bool(np.isfinite(improvement))
        allowed = tolerance + ROUNDING * max(abs(champion), abs(challenger))
        worse = judged and -improvement > allowed
        slices.append(
            Slice(name, label, len(rows), champion, challenger, improvement, judged, worse)
        )
    return tuple(slices)


def _groups(column: pd.Series[Any], name: str) -> tuple[Array, Sequence[str]]:
    """Return the slice of each row, and what the slices are called."""
    missing = column.isna().to_numpy(dtype=bool)
    present = column[~missing].infer_objects()
    try:
        codes, values = pd.factorize(present, sort=True)
    except TypeError:  # such as lists, which are compared by what they look like
        codes, values = pd.factorize(present.map(str), sort=True)
    if len(values) > _MOST_NUMBERS and _is_ordered(present):
        codes, labels = _quartiles(present)
    elif len(values) > _MOST_SLICES:
        raise DataError(
            f"The column '{name}' has {len(values)} values, too many to slice by",
            f"Choose one with at most {_MOST_SLICES}",
        )
    else:
        labels = [_shown(value) for value in values]
    every = np.full(len(column), len(labels))
    every[~missing] = codes
    return every, [*labels, MISSING] if missing.any() else labels


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
    if isinstance(value, np.datetime64):
        return str(pd.Timestamp(value))
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)
