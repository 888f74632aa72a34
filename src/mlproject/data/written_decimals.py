"""Whether a file's numbers have decimal points or commas: the majority of its values says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data.arrays import plain
from mlproject.data.dialects import Decimal
from mlproject.data.written_numbers import normal, number_pattern


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
        return Votes(
            self.comma + other.comma,
            self.point + other.point,
            self.open_comma + other.open_comma,
            self.open_point + other.open_point,
        )

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
    texts = normal(texts.filter(pc.match_substring_regex(texts, "[.,]")))
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
