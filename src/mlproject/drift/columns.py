"""One column as counts: what falls between its cuts, or is one of its values, in the training rows.

Counts of other rows against the same cuts and values add up, however the rows are put into parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from mlproject.data.arrays import is_text, plain

Ints = np.ndarray[Any, np.dtype[np.int64]]
Kind = Literal["numbers", "times", "categories"]
NUMBERS: Kind = "numbers"
TIMES: Kind = "times"
CATEGORIES: Kind = "categories"

_QUANTILES = np.arange(1, 10) / 10
# Of so few, each is a bin of its own.
_FEW_NUMBERS = 20
# Cuts are chosen by so many rows; what is counted between them is every row.
_MOST_FOR_CUTS = 100_000
# All values of a column are named where they are few; of many, those that so many rows have. As
# many as are most frequent would be those that are frequent by chance.
_MOST_VALUES, _SHARE_OF_MANY = 200, 0.01
_LONGEST_VALUE = 100
_LARGEST_COUNT = 1 << 53
_NANOSECONDS = 1e-9


class Column(BaseModel):
    """A column of the training rows.

    Attributes
    ----------
    cuts : tuple of float
        Of numbers, and of times in seconds since 1970. The first bin is below all training rows,
        the last above; the others end at a cut, which they include.
    values : tuple of str
        Of categories, the most frequent first.
    counts : tuple of int
        Rows without a value; in each bin, or of each value; of categories, of other values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    cuts: tuple[FiniteFloat, ...] = Field((), max_length=_FEW_NUMBERS + 2)
    values: tuple[str, ...] = Field((), max_length=_MOST_VALUES)
    counts: tuple[Annotated[int, Field(ge=0, le=_LARGEST_COUNT)], ...]

    @model_validator(mode="after")
    def _adds_up(self) -> Column:
        if any(high <= low for low, high in pairwise(self.cuts)):
            raise ValueError("the cuts do not rise")
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value stands there twice")
        if self.values if self.kind != CATEGORIES else self.cuts:
            raise ValueError("numbers have cuts, and categories have values")
        if len(self.counts) != self.size:
            raise ValueError("there are more or fewer counts than bins")
        return self

    @property
    def size(self) -> int:
        return len(self.cuts) + len(self.values) + 2

    @property
    def trained(self) -> Ints:
        """The counts of the training rows."""
        return np.array(self.counts, np.int64)

    @property
    def knows_all(self) -> bool:
        """Whether its values are all that the training rows have."""
        return self.kind == CATEGORIES and self.counts[-1] == 0

    def counted(self, values: Any) -> Ints:
        """Return the counts of an Arrow array."""
        if self.kind == CATEGORIES:
            texts = _texts(values)
            places = pc.index_in(texts, pa.array(self.values, pa.string())).drop_null()
            found = np.bincount(places.to_numpy(), minlength=len(self.values))
            other = len(texts) - texts.null_count - len(places)
            return np.array([texts.null_count, *found, other], np.int64)
        numbers = _numbers(values)
        present = len(numbers) - int(np.count_nonzero(np.isnan(numbers)))
        # A comparison with each of a few cuts is ten times as fast as a search in them.
        above: list[int] = [
            present,
            *(int(np.count_nonzero(numbers > cut)) for cut in self.cuts),
            0,
        ]
        return np.array([len(numbers) - present, *(-np.diff(above))], np.int64)

    def unseen(self, values: Any) -> dict[str, int]:
        """Return the values that no training row has, cut short, and how often each occurs."""
        if not self.knows_all:
            return {}
        texts = _texts(values).drop_null()
        new = texts.filter(pc.invert(pc.is_in(texts, pa.array(self.values, pa.string()))))
        found: dict[str, int] = {}
        for item in pc.value_counts(new).to_pylist():
            name = item["values"][:_LONGEST_VALUE]
            found[name] = found.get(name, 0) + item["counts"]
        return found


def kind_of(values: pa.DataType) -> Kind:
    if pa.types.is_timestamp(values):
        return TIMES
    return CATEGORIES if is_text(values) or pa.types.is_boolean(values) else NUMBERS


def of_values(name: str, values: Any, kind: Kind) -> Column:
    """Return what the training rows have in a column."""
    known: dict[str, Any] = (
        {"values": _frequent(values)} if kind == CATEGORIES else {"cuts": _cuts(_numbers(values))}
    )
    empty = Column.model_construct(name=name, kind=kind, **known)
    counts = tuple(empty.counted(values).tolist())
    return Column(name=name, kind=kind, counts=counts, **known)


def _frequent(values: Any) -> tuple[str, ...]:
    counts = pc.value_counts(_texts(values).drop_null())
    if len(counts) > _MOST_VALUES:  # such as names and codes
        fewest = max(2, _SHARE_OF_MANY * len(values))
        counts = counts.filter(pc.greater_equal(counts.field("counts"), fewest))
    named = sorted((-item["counts"], item["values"]) for item in counts.to_pylist())
    return tuple(value for _, value in named if len(value) <= _LONGEST_VALUE)


def _cuts(numbers: np.ndarray[Any, Any]) -> tuple[float, ...]:
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return ()
    least, greatest = finite.min(), finite.max()
    places = np.linspace(0, len(finite) - 1, min(len(finite), _MOST_FOR_CUTS)).astype(np.int64)
    some = finite[places]
    inner = np.unique(some)
    if len(inner) > _FEW_NUMBERS:
        inner = np.quantile(some, _QUANTILES, method="lower")
    ends = np.array([math.nextafter(least, -math.inf), greatest])
    cuts: Sequence[float] = np.unique(np.concatenate([ends, inner])).tolist()
    return tuple(cut for cut in cuts if np.isfinite(cut))


def _texts(values: Any) -> Any:
    values = plain(values)
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def _numbers(values: Any) -> np.ndarray[Any, Any]:
    """Return an Arrow array as doubles, NaN where a value is missing; times in seconds."""
    values = plain(values)
    if pa.types.is_timestamp(values.type):
        nanoseconds = values.cast(pa.timestamp("ns")).cast(pa.int64())
        return _numbers(nanoseconds) * _NANOSECONDS
    doubles: np.ndarray[Any, Any] = values.cast(pa.float64(), safe=False).to_numpy(
        zero_copy_only=False
    )
    return doubles
