"""What the training rows are like, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

_MOST_COLUMNS = 300
_MOST_VALUES = 3
# Below either, a class is rare.
RARE_ROWS, RARE_SHARE = 10, 0.01


@dataclass(frozen=True)
class ColumnProfile:
    """One column.

    Attributes
    ----------
    missing : float
        The share of rows without a value.
    distinct : int
    summary : str
        The range and the median of numbers; the most frequent values of the rest.
    same_as : str or None
        A column before it with the same values.
    """

    name: str
    kind: str
    missing: float
    distinct: int
    summary: str
    same_as: str | None = None


@dataclass(frozen=True)
class ClassCount:
    """How many training rows and held-out rows a class has."""

    label: str
    trained: int
    held_out: int

    def is_rare(self, total: int) -> bool:
        return self.trained < max(RARE_ROWS, RARE_SHARE * total)


def of_columns(X: Any) -> list[ColumnProfile]:
    """Return the profile of each column of a frame; nothing of an array or a very wide frame."""
    if not isinstance(X, pd.DataFrame) or X.shape[1] > _MOST_COLUMNS:
        return []
    seen: dict[str, str] = {}
    return [_profile(str(X.columns[place]), X.iloc[:, place], seen) for place in range(X.shape[1])]


def of_classes(trained: Any, held_out: Any) -> list[ClassCount]:
    """Return the classes, the most frequent first."""
    counts = pd.Series(np.asarray(trained)).value_counts()
    others = pd.Series(np.asarray([] if held_out is None else held_out)).value_counts()
    labels: Sequence[Any] = [
        *counts.index,
        *(label for label in others.index if label not in counts),
    ]
    return [
        ClassCount(str(label), int(counts.get(label, 0)), int(others.get(label, 0)))
        for label in labels
    ]


def repeated_rows(X_train: Any, X_test: Any) -> int:
    """Return how many held-out rows have the features of some training row."""
    if not isinstance(X_train, pd.DataFrame) or not isinstance(X_test, pd.DataFrame):
        return 0
    try:
        known = pd.util.hash_pandas_object(X_train, index=False)
        others = pd.util.hash_pandas_object(X_test, index=False)
    except TypeError:  # values that cannot be hashed
        return 0
    return int(others.isin(known).sum())


def _profile(name: str, values: pd.Series[Any], seen: dict[str, str]) -> ColumnProfile:
    missing = float(values.isna().mean()) if len(values) else 0.0
    try:
        distinct = int(values.nunique())
        key = str(pd.util.hash_pandas_object(values, index=False).sum())
    except TypeError:
        return ColumnProfile(name, str(values.dtype), missing, 0, "")
    before = seen.setdefault(key, name)
    return ColumnProfile(
        name,
        str(values.dtype),
        missing,
        distinct,
        _summary(values),
        before if before != name and distinct > 1 else None,
    )


def _summary(values: pd.Series[Any]) -> str:
    known = values.dropna()
    if known.empty:
        return "no values"
    if types.is_bool_dtype(known) or not types.is_numeric_dtype(known):
        if types.is_datetime64_any_dtype(known):
            return f"{known.min():%Y-%m-%d} to {known.max():%Y-%m-%d}"
        counts = known.astype(str).value_counts().head(_MOST_VALUES)
        shares = (f"{str(value)[:24]} {count / len(values):.0%}" for value, count in counts.items())
        return ", ".join(shares)
    return f"{known.min():.6g} to {known.max():.6g}, median {known.median():.6g}"
