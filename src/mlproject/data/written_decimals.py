"""Whether a file's numbers have decimal points or commas: the majority of its values says so."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data.arrays import plain
from mlproject.data.dialects import Decimal
from mlproject.data.written_numbers import normal, number_pattern

# Values of one column, in one piece of a file, whose majority is taken for that of all of them.
_ENOUGH = 500


@dataclass(frozen=True)
class Votes:
    """How many values can only be written with a decimal comma, or only with a point.

    Attributes
    ----------
    open_comma, open_point : int
        How many could be thousands too, such as ``1,234`` and ``1.234``.
    """

    comma: int = 0
    point: int = 0
    open_comma: int = 0
    open_point: int = 0

    def __add__(self, other: Votes) -> Votes:
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Votes(*(sum(pair) for pair in pairs))

    @property
    def any(self) -> bool:
        return self != Votes()

    def decimal(self, delimiter: str) -> Decimal:
        """Return the decimal point; semicolons stand between values because commas do not."""
        semicolons = delimiter == ";"
        if self.comma or self.point:
            more = self.comma >= self.point if semicolons else self.comma > self.point
            return "," if more else "."
        return "," if semicolons and self.open_comma > self.open_point else "."


def votes(table: pa.Table) -> Votes:
    """Return the votes of all values of columns of text."""
    return sum((_votes(column) for column in table.columns), Votes())


def _votes(column: Any) -> Votes:
    texts = plain(column)
    commas = pc.match_substring(texts, ",")
    points = pc.and_not(pc.match_substring(texts, "."), commas)
    return _estimated(texts.filter(commas)) + _estimated(texts.filter(points))


def _estimated(texts: Any) -> Votes:
    """Return the votes of many values as those of some of them, if these say anything."""
    some = _counted(texts.slice(0, _ENOUGH))
    if len(texts) <= _ENOUGH:
        return some
    if not (some.comma or some.point):
        return _counted(texts)
    return Votes(*(count * len(texts) // _ENOUGH for count in astuple(some)))


def _counted(texts: Any) -> Votes:
    texts = normal(texts)
    comma, point = (pc.match_substring_regex(texts, _pattern(item)) for item in (",", "."))
    with_comma = pc.match_substring(texts, ",")
    kinds = (
        pc.and_not(comma, point),
        pc.and_not(point, comma),
        pc.and_(pc.and_(comma, point), with_comma),
        pc.and_not(pc.and_(comma, point), with_comma),
    )
    return Votes(*(pc.sum(kind).as_py() or 0 for kind in kinds))


def _pattern(decimal: str) -> str:
    """Return what matches numbers with a decimal point, whatever is between their thousands."""
    other = "." if decimal == "," else ","
    return f"^[+-]?(?:{'|'.join(number_pattern(item, decimal) for item in (other, ' ', chr(39)))})$"
