"""Numbers as people write them: $1,234.50, 12 %, 1.234,5 €, (300)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

# What may stand beside a number; each of them is one unit.
_CURRENCIES = (
    *("$", "€", "£", "¥", "₹"),
    *("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "CNY", "INR", "SEK", "NOK", "DKK", "PLN"),
)
UNITS = (*_CURRENCIES, "%")
# Thousands and decimals, in the order in which they are tried.
_NOTATIONS = ((None, "."), (",", "."), (" ", "."), ("'", "."), (None, ","), (".", ","), (" ", ","))
_SPACES = "[\u00a0\u2009\u202f]"
# Codes such as 01234, which are no quantities.
_CODE = "^0[0-9]+$"


def normal(texts: Any) -> Any:
    """Return texts with one kind of space, apostrophe and minus sign."""
    texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, _SPACES, " "))
    texts = pc.replace_substring(texts, "\u2019", "'")
    return pc.replace_substring(texts, "\u2212", "-")


def notations(texts: Any) -> Iterator[tuple[str | None, str, str | None]]:
    """Yield thousands separator, decimal point and unit that normal texts may be written with.

    A price without thousands has room for them: the next one may be larger.
    """
    units = pc.unique(pc.struct_field(pc.extract_regex(texts, _any_unit()), "unit")).drop_null()
    found = [unit for unit in units.to_pylist() if unit]
    if len(found) > 1 or pc.any(pc.match_substring_regex(texts, _CODE)).as_py():
        return
    unit = found[0] if found else None
    for thousands, decimal in _NOTATIONS:
        if thousands is not None or unit not in _CURRENCIES:
            yield thousands, decimal, unit


def parsed(
    texts: Any, thousands: str | None, decimal: str, unit: str | None
) -> tuple[Any, pa.BooleanArray]:
    """Return normal texts as doubles, and which are no such numbers."""
    parts = pc.extract_regex(texts, _pattern(thousands, decimal, unit))
    part = {
        name: pc.fill_null(pc.struct_field(parts, name), "")
        for name in ("opening", "sign", "before", "inner", "number", "after", "closing")
    }
    given = {name: pc.not_equal(part[name], "") for name in part}
    twice = pc.or_(pc.and_(given["before"], given["after"]), pc.and_(given["sign"], given["inner"]))
    unpaired = pc.xor(given["opening"], given["closing"])
    signed = pc.and_(given["opening"], pc.or_(given["sign"], given["inner"]))
    odd = pc.or_(pc.is_null(parts), pc.or_(twice, pc.or_(unpaired, signed)))
    numbers = part["number"]
    if thousands is not None:
        numbers = pc.replace_substring(numbers, thousands, "")
    if decimal != ".":
        numbers = pc.replace_substring(numbers, decimal, ".")
    numbers = pc.if_else(odd, pa.scalar(None, pa.string()), numbers).cast(pa.float64())
    minus = pc.or_(
        given["opening"], pc.or_(pc.equal(part["sign"], "-"), pc.equal(part["inner"], "-"))
    )
    return pc.if_else(minus, pc.negate(numbers), numbers), pc.and_(odd, pc.is_valid(texts))


def example(thousands: str | None, decimal: str, unit: str | None) -> str:
    """Return a number that is written so."""
    number = f"1{thousands or ''}234{decimal}5"
    if unit is None:
        return number
    return f"{unit}{number}" if len(unit) == 1 and unit != "%" else f"{number} {unit}"


def _number(thousands: str | None, decimal: str) -> str:
    plain = "[0-9]+"
    if thousands is not None:
        plain = f"[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|{plain}"
    point = re.escape(decimal)
    return f"(?:(?:{plain})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _pattern(thousands: str | None, decimal: str, unit: str | None) -> str:
    after = re.escape(unit) if unit is not None else ""
    before = "" if unit == "%" else after
    return (
        r"^(?P<opening>\(?) *(?P<sign>[+-]?) *"
        rf"(?P<before>(?:{before})?) *(?P<inner>[+-]?) *"
        rf"(?P<number>{_number(thousands, decimal)}) *(?P<after>(?:{after})?) *(?P<closing>\)?)$"
    )


def _any_unit() -> str:
    units = "|".join(re.escape(unit) for unit in UNITS)
    return rf"^[(]? *[+-]? *(?:(?:{units})? *[+-]? *[0-9.][^a-zA-Z]* *)?(?P<unit>{units})"
