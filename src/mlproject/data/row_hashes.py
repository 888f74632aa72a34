"""Which rows a model was trained on, without the rows: a hash of each, as a small file.

A row is told by its values alone, whatever its columns are called and in whatever order they and
the rows stand. Numbers are rounded to about a hundredth of their column's spread, so that a file
that was rounded to fewer digits is still known; a value that lies next to a border is tried on both
sides of it. So the hash of a row is the sum of a hash of each value, modulo 2**64, of which the
upper 40 bits are kept: of a hundred thousand rows that are new, one in ten million is taken for one
of a hundred thousand others.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlproject.base.errors import DataError, reason

Hashes = NDArray[np.uint64]
Units = dict[str, float | None]

# Of this many rows the hashes are kept, some 3 bytes each; of more rows, those of so many of them.
MOST_KEPT = 250_000
# Tables of more columns are told by these alone.
_MOST_COLUMNS = 100
_BITS = 40
_BITS_OF_SPREAD = 7  # numbers are rounded to a part of 128, up to 256, of the column's spread
# How near to a border, in the unit of rounding, a value may have been on its other side.
_NEAR = 0.1
_TARGET = "\0target"
_FORMAT = 1
_MISSING, _INFINITE = np.uint64(0x9E3779B97F4A7C15), 2.0**62
_ALL = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class RowHashes:
    """The hashes of the rows that a model was trained on.

    Attributes
    ----------
    hashes : ndarray of shape (n_kept,)
        Sorted, without repetitions; all that are at most ``highest``.
    rows, kept, unique : int
        How many rows there were; how many of them have a hash here, and how many one of their own.
    units : dict of str to float or None
        Column to what its numbers were rounded to; None for one of texts. The target is one.
    """

    hashes: Hashes
    rows: int
    kept: int
    unique: int
    units: Units
    highest: int

    @property
    def columns(self) -> list[str]:
        """The names of the features that were hashed."""
        return [name for name in self.units if name != _TARGET]

    @property
    def chance(self) -> float:
        """The probability that a new row of the same kind equals one of the rows.

        Rows of few distinct values repeat by themselves. By Good's estimate (The Population
        Frequencies of Species, 1953) it is one minus the share of rows that occur once.
        """
        return 1 - self.unique / self.kept if self.kept else 0.0

    def known(self, X: pd.DataFrame, y: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which rows are among the hashed ones, and of which that can be told.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            The columns that were hashed are taken by name; where it lacks one, all are taken.
        y : array-like of shape (n_rows,)
        """
        if set(self.columns) <= set(X.columns):
            units = self.units
            columns = _columns(X[self.columns], y)
        else:  # what numbers are rounded to follows from the numbers themselves
            columns = _columns(X, y)
            units = {name: _unit(values) for name, values in columns.items()}
        cells = [_cells(columns[name], unit) for name, unit in units.items()]
        total = np.zeros(len(X), dtype=np.uint64)
        for hashed, _ in cells:
            total += hashed
        base = _mixed(total)
        found = self._has(base)
        for hashed, other in cells:
            rows = np.flatnonzero((other != hashed) & ~found)
            if len(rows):
                found[rows] |= self._has(_mixed(total[rows] - hashed[rows] + other[rows]))
        return found, base <= np.uint64(self.highest)

    def _has(self, hashes: Hashes) -> NDArray[np.bool_]:
        kept = hashes >> np.uint64(64 - _BITS)
        places = np.minimum(np.searchsorted(self.hashes, kept), max(0, len(self.hashes) - 1))
        if not len(self.hashes):
            return np.zeros(len(hashes), dtype=bool)
        return np.asarray(self.hashes[places] == kept)

    def to_bytes(self) -> bytes:
        about = {
            "format": _FORMAT,
            "rows": self.rows,
            "kept": self.kept,
            "unique": self.unique,
            "units": self.units,
            "highest": self.highest,
        }
        file = io.BytesIO()
        steps = np.diff(self.hashes, prepend=np.uint64(0))
        np.savez_compressed(
            file, steps=steps, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        )
        return file.getvalue()

    @staticmethod
    def from_bytes(content: bytes, name: str) -> RowHashes:
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                about = json.loads(file["about"].tobytes())
                hashes = np.cumsum(file["steps"], dtype=np.uint64)
            newer = about.pop("format") != _FORMAT
            found = RowHashes(hashes, **about)
        except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{name} is not a file of row hashes: {reason(error)}") from error
        if newer:
            raise DataError(f"{name} was written by a newer version", "Update mlproject")
        return found


def of_rows(X: Any, y: Any) -> RowHashes | None:
    """Return the hashes of rows; None where they are no table of plain values.

    Parameters
    ----------
    X : DataFrame or ndarray of shape (n_rows, n_columns)
    y : array-like of shape (n_rows,)
    """
    if not isinstance(X, pd.DataFrame) and (not isinstance(X, np.ndarray) or X.ndim != 2):
        return None
    if np.ndim(y) != 1 or not len(y):
        return None
    columns = _columns(X, y)
    units = {name: _unit(values) for name, values in columns.items()}
    total = np.zeros(len(X), dtype=np.uint64)
    for name, unit in units.items():
        total += _cells(columns[name], unit)[0]
    hashes = _mixed(total)  # once more, or sums of few values would keep what they have in common
    highest = int(_ALL)
    if len(hashes) > MOST_KEPT:
        highest = int(highest * (MOST_KEPT / len(hashes)))
        hashes = hashes[hashes <= np.uint64(highest)]
    distinct, counts = np.unique(hashes >> np.uint64(64 - _BITS), return_counts=True)
    return RowHashes(distinct, len(X), len(hashes), int((counts == 1).sum()), units, highest)


def _columns(X: Any, y: Any) -> dict[str, pd.Series[Any]]:
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    first = frame.iloc[:, :_MOST_COLUMNS]
    columns = {str(name): first.iloc[:, place] for place, name in enumerate(first.columns)}
    return columns | {_TARGET: pd.Series(np.asarray(y))}


def _numbers(values: pd.Series[Any]) -> NDArray[np.float64] | None:
    """Return a column as numbers, where it is one of numbers, truth values or times."""
    kind = values.dtype.kind
    if kind == "M":
        whole = values.to_numpy(dtype="datetime64[ns]")
        return np.where(np.isnat(whole), np.nan, whole.astype(np.int64) / 1e9)
    if kind in "biuf":
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return None


def _unit(values: pd.Series[Any]) -> float | None:
    numbers = _numbers(values)
    if numbers is None:
        return None
    present = numbers[np.isfinite(numbers)]
    spread = float(np.std(present)) if len(present) else 0.0
    if not 0 < spread < math.inf:
        return 1.0
    return float(2.0 ** (math.floor(math.log2(spread)) - _BITS_OF_SPREAD))


def _cells(values: pd.Series[Any], unit: float | None) -> tuple[Hashes, Hashes]:
    """Return the hash of each value, and what it is on the other side of a border that is near."""
    numbers = _numbers(values)
    if unit is None or numbers is None:
        hashed = _of_texts(values)
        return hashed, hashed
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.nan_to_num(numbers / unit, nan=0.0, posinf=_INFINITE, neginf=-_INFINITE)
        steps = np.clip(steps, -_INFINITE, _INFINITE)
    whole = np.rint(steps)
    beside = steps - whole
    other = np.where(np.abs(beside) > 0.5 - _NEAR, whole + np.sign(beside), whole)
    missing = np.isnan(numbers)
    return tuple(  # type: ignore[return-value]
        np.where(missing, _MISSING, _mixed(part.astype(np.int64).view(np.uint64)))
        for part in (whole, other)
    )


def _of_texts(values: pd.Series[Any]) -> Hashes:
    codes, distinct = pd.factorize(np.asarray(values, dtype=object))
    texts = np.array([str(value).strip() for value in distinct], dtype=object)
    hashed = pd.util.hash_array(texts, categorize=False).astype(np.uint64)
    return np.where(codes < 0, _MISSING, np.append(hashed, _MISSING)[codes])


def _mixed(numbers: Hashes) -> Hashes:
    """Return the finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit counts."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def significant(frame: pd.DataFrame) -> Hashes:
    """Return a hash of each row, of numbers by three significant digits and a half.

    Unlike those of :class:`RowHashes` they do not depend on what other rows there are.
    """
    total = np.zeros(len(frame), dtype=np.uint64)
    for place in range(min(frame.shape[1], _MOST_COLUMNS)):
        values = frame.iloc[:, place]
        numbers = _numbers(values)
        if numbers is None:
            total += _of_texts(values)
            continue
        fraction, exponent = np.frexp(np.where(np.isfinite(numbers), numbers, 0.0))
        digits = np.rint(fraction * 2**12).astype(np.int64) + (exponent.astype(np.int64) << 16)
        total += np.where(np.isnan(numbers), _MISSING, _mixed(digits.view(np.uint64)))
    return _mixed(total)
