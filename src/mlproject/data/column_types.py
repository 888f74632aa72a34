"""The types of columns of text that no model has typed: what their values show.

Whole numbers, then numbers, then truth values, then text. What has no value yet may be a number.
Codes such as ``01234``, and whole numbers that no 64 bits hold, or beside fractions no float, stay
text: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data.arrays import without_markers
from mlproject.data.types import TextRules, converted

_WHOLE, _NUMBER, _TRUTH, _TEXT = pa.int64(), pa.float64(), pa.bool_(), pa.string()
_CODE = r"^\s*[+-]?0[0-9]"
# Whole numbers that a float may not hold to the last digit.
_LONG = r"^\s*[+-]?[0-9]{16,}\s*$"
_FEW = 100


class WiderColumns(Exception):  # noqa: N818 - nothing is wrong with them
    """Columns hold values that are not of the types which their first rows showed."""

    def __init__(self, types: Mapping[str, pa.DataType]) -> None:
        super().__init__(", ".join(types))
        self.types = dict(types)

    def __reduce__(self) -> Any:
        return WiderColumns, (self.types,)


def named(types: Mapping[str, str]) -> dict[str, pa.DataType]:
    """Return types by what Arrow calls them."""
    kinds = {str(kind): kind for kind in (_WHOLE, _NUMBER, _TRUTH, _TEXT)}
    return {name: kinds[text] for name, text in types.items() if text in kinds}


def shown(values: Any, rules: TextRules) -> pa.DataType:
    """Return the narrowest type that holds all texts of a column; null where all are missing."""
    if not len(without_markers(pc.utf8_trim_whitespace(values)).drop_null()):
        return pa.null()
    for kind in (_WHOLE, _NUMBER, _TRUTH):
        if as_type(values, kind, rules) is not None:
            return kind
    return _TEXT


def as_type(values: Any, kind: pa.DataType, rules: TextRules) -> Any | None:
    """Return texts as values of a type that ``shown`` returns; None when one of them is none."""
    if kind == _TEXT:
        return values.cast(kind)
    codes = pc.match_substring_regex(values, _CODE if kind == _WHOLE else f"{_CODE}|{_LONG}")
    if kind != _TRUTH and pc.any(codes).as_py():
        return None
    # Many values that do not fit take long to find, and the first of them is enough.
    if len(values) > _FEW and converted(values.slice(0, _FEW), kind, rules)[1]:
        return None
    made, odd = converted(values, kind, rules)
    return None if odd else made


def wider(values: Any, than: pa.DataType, rules: TextRules) -> pa.DataType:
    """Return a type that holds all that a type does, and texts of which some are not of it."""
    kind = joined([shown(values, rules), than])
    return _TEXT if kind == than else kind


def joined(types: Sequence[pa.DataType | None]) -> pa.DataType:
    """Return the type that holds the values of all; text, where none is known."""
    known = {kind for kind in types if kind is not None}
    kinds = known - {pa.null()}
    if len(kinds) == 1:
        return kinds.pop()
    return _NUMBER if known and kinds <= {_WHOLE, _NUMBER} else _TEXT
