"""Rows of JSON that need no conversion, as the frame that the model is given.

It is the frame that the conversion of ``mlproject.data.types`` would give, in a tenth of the time:
a row's values are looked at once, and none is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlproject.data.schema import Feature

Rows = Sequence[Sequence[Any]]
_NUMBERS = frozenset({float, int})
_NUMBERS_AND_GAPS = _NUMBERS | {type(None)}
_TEXTS = frozenset({str, type(None)})
# Whole numbers of JSON that Arrow has: larger ones are refused in its words.
_LARGEST = 1 << 63


class PlainFrames:
    """Makes frames of rows whose values are in the order of the features."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._names = pd.Index([feature.name for feature in features], dtype=object)
        self._columns = [_maker(feature) for feature in features]
        self._all_double = all(column is _doubles for column in self._columns)

    def frame(self, rows: Rows) -> pd.DataFrame | None:
        """Return the frame; None where a value has to be converted, or does not fit."""
        if not rows:
            return None
        if self._all_double:
            values = _table_of_doubles(rows)
            return None if values is None else pd.DataFrame(values, columns=self._names)
        made: dict[str, Any] = {}
        columns: Iterable[tuple[Any, ...]] = zip(*rows, strict=True)
        for name, make, column in zip(self._names, self._columns, columns, strict=True):
            values = make(column) if make is not None else None
            if values is None:
                return None
            made[name] = values
        return pd.DataFrame(made)


def _table_of_doubles(rows: Rows) -> np.ndarray[Any, Any] | None:
    kinds = {kind for row in rows for kind in map(type, row)}
    if kinds == {float}:
        return np.array(rows)
    return _as_doubles(rows, kinds)


def _as_doubles(values: Any, kinds: set[type]) -> np.ndarray[Any, Any] | None:
    if not kinds <= _NUMBERS_AND_GAPS:
        return None
    try:
        made = np.array(values, float)  # None is NaN
    except OverflowError:
        return None
    large = int in kinds and bool((np.abs(made) >= _LARGEST).any())
    return None if large else made


def _doubles(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    return _as_doubles(values, set(map(type, values)))


def _whole(kind: Any) -> Callable[[Sequence[Any]], np.ndarray[Any, Any] | None]:
    bounds = np.iinfo(kind)

    def make(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
        if set(map(type, values)) != {int}:
            return None
        if min(values) < bounds.min or max(values) > bounds.max:
            return None
        return np.array(values, kind)

    return make


def _texts(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    if not set(map(type, values)) <= _TEXTS:
        return None
    made = np.empty(len(values), object)
    made[:] = [np.nan if value is None else value for value in values]
    return made


def _truths(values: Sequence[Any]) -> np.ndarray[Any, Any] | None:
    return np.array(values) if set(map(type, values)) == {bool} else None


def _maker(feature: Feature) -> Callable[[Sequence[Any]], np.ndarray[Any, Any] | None] | None:
    """Return what makes a column of plain values; None where values are always converted."""
    if feature.format is not None:
        return None
    if feature.type == pa.float64():
        return _doubles
    if feature.type in (pa.int32(), pa.int64()):
        return _whole(feature.type.to_pandas_dtype())
    if feature.type == pa.string():
        return _texts
    if feature.type == pa.bool_() and not feature.optional:
        return _truths
    return None
