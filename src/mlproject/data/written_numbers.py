"""Numbers as people write them: $1,234.50, 12 %, 1.234,5 €, (300)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data.arrays import plain

# What may stand beside a number; each of them is one unit.
_CURRENCIES = (
    *("$", "€", "£", "¥", "₹"),
    *("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "CNY", "INR", "SEK", "NOK", "DKK", "PLN"),
)
UNITS = (*_CURRENCIES, "%")
# Thousands and decimals, in the order in which they are tried.
_NOTATIONS = ((None, "."), (",", "."), (" ", "."), ("'", "."), (None, ","), (".", ","), (" ", ","))
_ROWS_TO_SEE = 200
_SPACES = "[\u00a0\u2009\u202f]"
# Codes such as 01234, which are no quantities.
_CODE = "^0[0-9]+$"


def normal(texts: Any) -> Any:
    """Return texts with one kind of space, apostrophe and minus sign."""
    texts = pc.utf8_trim_whitespace(pc.replace_substring_regex(texts, _SPACES, " "))
    texts = pc.replace_substring(texts, "\u2019", "'")
    return pc.replace_substring(texts, "\u2212", "-")


def notations(texts: Any, decimal: str = ".") -> Iterator[tuple[str | None, str, str | None]]:
    """Yield thousands separator, decimal point and unit that normal texts may be written with.

    Those with the decimal point of the file come first: with a comma there, ``1.234`` is a
    thousand. A price without thousands has room for them: the next one may be larger.
    """
    units = pc.unique(pc.struct_field(pc.extract_regex(texts, _any_unit()), "unit")).drop_null()
    found = [unit for unit in units.to_pylist() if unit]
    if len(found) > 1 or pc.any(pc.match_substring_regex(texts, _CODE)).as_py():
        return
    unit = found[0] if found else None
    for thousands, point in sorted(_NOTATIONS, key=lambda item: item[1] != decimal):
        if thousands is not None or unit not in _CURRENCIES:
            yield thousands, point, unit


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


def are_numbers(texts: Any, thousands: str | None, decimal: str) -> bool:
    """Whether all texts that are not missing are numbers without a unit."""
    pattern = f"^[+-]?{number_pattern(thousands, decimal)}$"

    def fit(some: Any) -> bool:
        matches = pc.match_substring_regex(normal(plain(some)), pattern)
        return bool(pc.all(matches, min_count=0).as_py())

    return fit(texts.slice(0, _ROWS_TO_SEE)) and fit(texts)


def without_thousands(texts: Any, thousands: str | None, decimal: str) -> Any:
    """Return texts with plain numbers for those that are written so.

    What is no number stays what it is, but for a point that no number has, which leaves nothing: it
    must not be taken for a decimal point.
    """
    if thousands is not None:
        texts = normal(texts) if thousands in " '" else texts
        grouped = pc.match_substring_regex(texts, f"^[+-]?{number_pattern(thousands, decimal)}$")
        texts = pc.if_else(grouped, pc.replace_substring(texts, thousands, ""), texts)
    if decimal == ".":
        return texts
    odd = pc.match_substring(texts, ".")
    return pc.if_else(odd, "", pc.replace_substring(texts, decimal, "."))


def example(thousands: str | None, decimal: str, unit: str | None) -> str:
    """Return a number that is written so."""
    number = f"1{thousands or ''}234{decimal}5"
    if unit is None:
        return number
    return f"{unit}{number}" if len(unit) == 1 and unit != "%" else f"{number} {unit}"


def number_pattern(thousands: str | None, decimal: str) -> str:
    plain = "[0-9]+"
    if thousands is not None:
        plain = f"[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|{plain}"
    point = re.escape(decimal)
    return f"(?:(?:{plain})(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _pattern(thousands: str | None, decimal: str, unit: str | None) -> str:
    after = re.escape(unit) if unit is not None else ""
    before = "" if unit == "%" else after
    number = number_pattern(thousands, decimal)
    return (
        r"^(?P<opening>\(?) *(?P<sign>[+-]?) *"
        rf"(?P<before>(?:{before})?) *(?P<inner>[+-]?) *"
        rf"(?P<number>{number}) *(?P<after>(?:{after})?) *(?P<closing>\)?)$"
    )


def _any_unit() -> str:
    units = "|".join(re.escape(unit) for unit in UNITS)
    return rf"^[(]? *[+-]? *(?:(?:{units})? *[+-]? *[0-9.][^a-zA-Z]* *)?(?P<unit>{units})"
