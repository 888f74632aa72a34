"""Values to the types that a model takes; those that do not fit are told, not dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

# What counts as missing in text: Arrow's own list, as in training.
NULLS = pa.array(pyarrow.csv.ConvertOptions().null_values)
_LONGEST_SHOWN = 80


def converted(
    values: pa.Array, to: pa.DataType, *, decimal_comma: bool = False
) -> tuple[Any, list[int]]:
    """Return the values as another type, and the indices of those that do not fit.

    Parameters
    ----------
    values : Array
        Of any plain type. Text is trimmed before it is read as a number, and missing markers
        such as ``NA`` become null.
    to : DataType
    decimal_comma : bool
        Whether ``1,5`` is one and a half.

    Returns
    -------
    tuple of Array and list of int
        Null stands where a value does not fit.
    """
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if _is_text(values.type):
        values = _cleaned(values, to, decimal_comma=decimal_comma)
    if pa.types.is_floating(values.type) and not pa.types.is_floating(to):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if values.type == to:
        return values, []
    if pa.types.is_null(values.type):
        return values.cast(to), []
    if not _can_become(values.type, to):
        return pa.nulls(len(values), to), np.flatnonzero(values.is_valid()).tolist()
    try:
        return _cast(values, to), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        bad = _failing(values, to, 0)
    keep = np.ones(len(values), bool)
    keep[bad] = False
    kept = pc.if_else(pa.array(keep), values, pa.scalar(None, values.type))
    return _cast_each(kept, to), bad


def nulls_of_text(values: Any) -> Any:
    """Return text with missing markers as null."""
    return pc.if_else(pc.is_in(values, NULLS), pa.scalar(None, pa.string()), values)


def expected(to: pa.DataType) -> str:
    """Return what a value of a type is, in words."""
    if pa.types.is_integer(to):
        return f"a whole number of {to.bit_width} bits"
    if pa.types.is_floating(to):
        return "a number"
    if pa.types.is_boolean(to):
        return "true or false"
    return "a date or time" if pa.types.is_timestamp(to) else "text"


def shown(value: Any) -> str:
    """Return a value as a message has it, cut short."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _cleaned(values: pa.Array, to: pa.DataType, *, decimal_comma: bool) -> pa.Array:
    if _is_text(to):
        return nulls_of_text(values.cast(to))
    values = nulls_of_text(pc.utf8_trim_whitespace(values.cast(pa.string())))
    if decimal_comma and pa.types.is_floating(to):
        values = pc.replace_substring(values, ",", ".")
    return values


def _cast(values: pa.Array, to: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(to) and _is_number(values.type):
        values = values.cast(pa.float64(), safe=False)
        if not pc.all(pc.is_in(values, pa.array([0.0, 1.0, None]))).as_py():
            raise pa.ArrowInvalid("neither 0 nor 1")
    if pa.types.is_floating(to) and pa.types.is_integer(values.type):
        return values.cast(to, safe=False)  # a large number is rounded, as everywhere
    if pa.types.is_floating(to) and pa.types.is_floating(values.type):
        return values.cast(to, safe=False)
    return values.cast(to)


def _cast_each(values: pa.Array, to: pa.DataType) -> pa.Array:
    """Cast values which each can be cast, some of them only by way of a float (``12.0``)."""
    try:
        return _cast(values, to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        items = [_cast_one(values.slice(i, 1), to) for i in range(len(values))]
        return pa.concat_arrays(items)


def _cast_one(value: pa.Array, to: pa.DataType) -> pa.Array:
    try:
        return _cast(value, to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if not pa.types.is_integer(to) or not _is_text(value.type):
            raise
        return value.cast(pa.float64()).cast(to)


def _failing(values: pa.Array, to: pa.DataType, offset: int) -> list[int]:
    """Return the indices of the values that cannot be cast, by halving."""
    try:
        _cast(values, to)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(values) > 1:
            middle = len(values) // 2
            left = _failing(values.slice(0, middle), to, offset)
            return left + _failing(values.slice(middle), to, offset + middle)
        try:
            _cast_one(values, to)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return [offset]
    return []


def _can_become(kind: pa.DataType, to: pa.DataType) -> bool:
    """Whether values of a type can be values of another: a date is no number, a list no text."""
    if _is_text(kind):
        return True
    if pa.types.is_timestamp(to):
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    number = _is_number(kind) or pa.types.is_boolean(kind)
    return bool(number) and not _is_text(to)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
