"""How the values of a column are written: found in training, kept with the model, used in scoring.

A column of text whose values all are numbers, times of day or dates is read as such. Numbers and
times become doubles (a time: seconds since midnight; ``5%``: 5.0), dates timestamps.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data import written_dates, written_numbers
from mlproject.data.arrays import MISSING, is_text, of_distinct, plain, without
from mlproject.data.dialects import Decimal
from mlproject.data.written import ColumnFormat as ColumnFormat

# What people write beside numbers where there is none.
_MARKERS = pa.array(
    [
        *("?", "??", "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "*", "**", "/", ":"),
        *("n/a", "na", "n.a.", "n.a", "#n/a", "none", "null", "nil", "nan", "nd", "n.d.", "tbd"),
        *("unknown", "missing", "not available", "not known", "not applicable", "undefined"),
        *("unk", "(blank)", "blank", "empty", "void"),
    ]
)
_MOST_MARKERS = 4
_LONGEST = 40
_ROWS_TO_SEE = 200


def arrow_type(column_format: ColumnFormat) -> pa.DataType:
    """Return what a column of a format becomes."""
    return written_dates.INSTANT if column_format.type == "date" else pa.float64()


def expected(column_format: ColumnFormat) -> str:
    """Return what a value should be, in words."""
    if column_format.type == "time":
        return "a time of day such as '10:30'"
    if column_format.type == "date":
        return f"a date written like '{written_dates.example(column_format.format)}'"
    notation = column_format.thousands, column_format.decimal, column_format.unit
    if notation == (None, ".", None):
        return "a number"
    return f"a number written like '{written_numbers.example(*notation)}'"


def recognised(values: pa.ChunkedArray | pa.Array, decimal: Decimal = ".") -> ColumnFormat | None:
    """Return how all values of a column of text or times are written; None for ordinary text.

    Two different numbers, times or dates are needed. Where the order of day and month is open, the
    month comes first; where ``1,234`` or ``1.234`` could be either, the decimal point of the file
    says what stands between thousands.
    """
    values = plain(values)
    if pa.types.is_time(values.type):
        return ColumnFormat(type="time")
    if not is_text(values.type):
        return None
    # Most columns of text show at once that they are nothing else.
    if _of_distinct(_distinct(values.slice(0, _ROWS_TO_SEE)), 0, decimal) is None:
        return None
    return _of_distinct(_distinct(values), 2, decimal)


def applied(
    values: pa.ChunkedArray | pa.Array, column_format: ColumnFormat
) -> tuple[pa.Array, list[int]]:
    """Return text or times as what a format says, null where missing, and the rows that do not fit.

    What has a type already (numbers, timestamps) is returned as it is.
    """
    values = plain(values)
    if pa.types.is_time(values.type) and column_format.type == "time":
        return written_dates.seconds_of_times(values), []
    if pa.types.is_integer(values.type) and column_format.type == "date":
        values = values.cast(pa.string())  # 20200131
    if not is_text(values.type):
        return values, []
    markers = pa.array([*MISSING.to_pylist(), *column_format.missing])

    def converted(texts: Any) -> tuple[Any, Any]:
        texts = written_numbers.normal(texts.cast(pa.string()))
        return _parsed(without(texts, markers), column_format)

    return of_distinct(values, converted)


def _parsed(texts: Any, column_format: ColumnFormat) -> tuple[Any, Any]:
    if column_format.type == "number":
        return written_numbers.parsed(
            texts, column_format.thousands, column_format.decimal, column_format.unit
        )
    if column_format.type == "time":
        return written_dates.seconds_of_day(texts)
    if column_format.format is None:
        return written_dates.from_iso(texts)
    return written_dates.from_format(texts, column_format.format)


def _distinct(values: Any) -> Any:
    texts = pc.unique(written_numbers.normal(pc.unique(values).cast(pa.string()))).drop_null()
    return texts.filter(pc.invert(pc.is_in(texts, MISSING)))


def _of_distinct(texts: Any, fewest: int, decimal: Decimal) -> ColumnFormat | None:
    """Return the format of distinct texts of which at least ``fewest`` mean something."""
    marks = pc.is_in(pc.utf8_lower(texts), _MARKERS)
    markers = texts.filter(marks).to_pylist()
    texts = texts.filter(pc.invert(marks))
    if len(markers) > _MOST_MARKERS or len(texts) < fewest:
        return None
    if len(texts) and pc.max(pc.utf8_length(texts)).as_py() > _LONGEST:
        return None
    some = texts.slice(0, _ROWS_TO_SEE)
    # What the first of them may be is tried first; a currency may stand beside later ones alone.
    for candidate in chain(_candidates(some, decimal), _candidates(texts, decimal)):
        if pc.any(_parsed(some, candidate)[1]).as_py():
            continue
        made, odd = _parsed(texts, candidate)
        if not pc.any(odd).as_py() and (not fewest or len(pc.unique(made)) >= fewest):
            return candidate.model_copy(update={"missing": tuple(sorted(markers))})
    return None


def _candidates(texts: Any, decimal: Decimal) -> Iterator[ColumnFormat]:
    """Yield the formats that distinct texts may have."""
    dates = list(written_dates.formats_of(texts))
    if "%Y%m%d" in dates:
        yield ColumnFormat(type="date", format="%Y%m%d")
    for thousands, point, unit in written_numbers.notations(texts, decimal):
        yield ColumnFormat(type="number", thousands=thousands, decimal=point, unit=unit)
    yield ColumnFormat(type="time")
    yield ColumnFormat(type="date")
    for form in dates:
        yield ColumnFormat(type="date", format=form)
