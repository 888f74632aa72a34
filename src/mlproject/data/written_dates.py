"""Dates and times as people write them, as instants that a frame can hold."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data.written import SAMPLE

INSTANT = pa.timestamp("ns")
# Seconds that 64 bits of nanoseconds reach, either way.
_REACH = (2**63 - 1) // 10**9
_ZONE = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_TIME = r"[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
_ISO = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_TIME}{_ZONE}?)?$"
_WITH_ZONE = rf"[T ]{_TIME}{_ZONE}$"
_CLOCK = (
    r"^(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9](?:\.[0-9]+)?))?"
    r" ?(?P<half>(?:[AaPp]\.?[Mm]\.?)?)$"
)
# In the order in which they are tried: the month first where both orders are possible, but not
# between full stops.
_DAYS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%m/%d/%y", "%d/%m/%y"),
    *("%d.%m.%Y", "%Y.%m.%d", "%d.%m.%y", "%m-%d-%Y", "%d-%m-%Y", "%m-%d-%y", "%d-%m-%y"),
    *("%d-%b-%Y", "%d-%B-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%d/%b/%Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%Y %b %d", "%Y-%b-%d", "%d%b%Y"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M")
_MONTHS = ("%Y-%m", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%m/%Y", "%Y/%m", "%Y%m%d")
FORMATS = (*(day + clock for day, clock in product(_DAYS, _CLOCKS)), *_MONTHS)
_COMPACT = "^(?:19|20)[0-9]{6}$"


def instants(values: Any) -> Any:
    """Return dates or timestamps as UTC without a zone; null beyond the years 1677 to 2262."""
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s" if pa.types.is_date32(values.type) else "ms"))
    values = values.cast(pa.timestamp(values.type.unit))
    if values.type == INSTANT:
        return values
    reach = _REACH * {"s": 1, "ms": 10**3, "us": 10**6}[values.type.unit]
    numbers = values.cast(pa.int64())
    near = pc.and_(pc.less(numbers, reach), pc.greater(numbers, -reach))
    return pc.if_else(near, values, pa.scalar(None, values.type)).cast(INSTANT)


def from_iso(texts: Any) -> tuple[Any, pa.BooleanArray]:
    """Return ISO 8601 dates and times as instants, and which texts are none."""
    texts = texts.cast(pa.string())
    possible = pc.match_substring_regex(texts, _ISO)
    zoned = pc.match_substring_regex(texts, _WITH_ZONE)
    local = _cast(_where(pc.and_not(possible, zoned), texts), None)
    universal = _cast(_where(pc.and_(possible, zoned), texts), "UTC")
    made = pc.coalesce(local[0], universal[0])
    read = pc.or_(local[1], universal[1])
    return made, pc.and_not(pc.is_valid(texts), read)


def from_format(texts: Any, form: str) -> tuple[Any, pa.BooleanArray]:
    """Return texts in a ``strptime`` format as instants, and which texts are not in it."""
    given = texts.to_pandas().astype(object)
    made = pd.to_datetime(given, format=form, errors="coerce", utc=True).dt.tz_localize(None)
    odd = (made.isna() & given.notna()).to_numpy().copy()
    for row in np.flatnonzero(odd):
        odd[row] = not _is_in_format(given.iloc[row], form)
    return pa.Array.from_pandas(made, type=INSTANT), pa.array(odd, pa.bool_())


def seconds_of_day(texts: Any) -> tuple[Any, pa.BooleanArray]:
    """Return times of day as seconds since midnight, and which texts are none."""
    parts = pc.extract_regex(texts, _CLOCK)
    part = {name: pc.struct_field(parts, name) for name in ("hour", "minute", "second", "half")}
    hour, minute = part["hour"].cast(pa.int64()), part["minute"].cast(pa.int64())
    second = pc.if_else(pc.equal(part["second"], ""), "0", part["second"]).cast(pa.float64())
    halves = pc.utf8_lower(pc.utf8_slice_codeunits(part["half"], 0, 1))
    twelve = pc.not_equal(halves, "")
    possible = pc.if_else(
        twelve, pc.and_(pc.greater(hour, 0), pc.less_equal(hour, 12)), pc.less(hour, 24)
    )
    hour = pc.if_else(pc.and_(twelve, pc.equal(hour, 12)), 0, hour)
    hour = pc.if_else(pc.equal(halves, "p"), pc.add(hour, 12), hour)
    seconds = pc.add(
        pc.add(pc.multiply(hour, 3600), pc.multiply(minute, 60)).cast(pa.float64()), second
    )
    possible = pc.fill_null(possible, False)
    return _where(possible, seconds), pc.and_not(pc.is_valid(texts), possible)


def seconds_of_times(times: Any) -> Any:
    """Return an array of times as seconds since midnight."""
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[times.type.unit]
    counts = times.cast(pa.int32() if pa.types.is_time32(times.type) else pa.int64())
    return pc.divide(counts.cast(pa.float64()), float(scale))


def formats_of(texts: Any) -> Iterator[str]:
    """Yield the formats in which all of some distinct texts can be written, by their shape."""
    shapes = pc.unique(_shape(texts)).to_pylist()
    if len(shapes) != 1:
        return
    compact = pc.all(pc.match_substring_regex(texts, _COMPACT)).as_py()
    for form in FORMATS:
        if _SHAPES[form] == shapes[0] and (compact or form != "%Y%m%d"):
            yield form


def example(form: str | None) -> str:
    """Return a date that is written so."""
    return dt.date(2000, 12, 31).isoformat() if form is None else SAMPLE.strftime(form)


def _where(which: Any, values: Any) -> Any:
    return pc.if_else(which, values, pa.scalar(None, values.type))


def _cast(texts: Any, zone: str | None) -> tuple[Any, pa.BooleanArray]:
    """Return texts as instants, and which could be read."""
    for unit in ("ns", "us"):
        try:
            made = texts.cast(pa.timestamp(unit, zone))
        except pa.ArrowInvalid:
            continue
        return instants(made), pc.is_valid(texts)
    if len(texts) == 1:
        return pa.nulls(1, INSTANT), pa.array([False])
    middle = len(texts) // 2
    halves = [_cast(half, zone) for half in (texts.slice(0, middle), texts.slice(middle))]
    made, read = (pa.concat_arrays(arrays) for arrays in zip(*halves, strict=True))
    return made, read


def _is_in_format(text: str, form: str) -> bool:
    """Whether a text that is no instant is a date in a format, of a year that is too far away."""
    try:
        dt.datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def _shape(texts: Any) -> Any:
    words = pc.replace_substring_regex(texts, "[A-Za-z]+", "A")
    return pc.replace_substring_regex(words, "[0-9]+", "9")


def _shapes() -> dict[str, str]:
    words = [re.sub("[A-Za-z]+", "A", SAMPLE.strftime(form)) for form in FORMATS]
    return {form: re.sub("[0-9]+", "9", word) for form, word in zip(FORMATS, words, strict=True)}


_SHAPES = _shapes()
