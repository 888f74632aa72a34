"""Arrow arrays, whatever their encoding: plain ones, and which of their texts mean "missing"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

# What counts as missing in text: Arrow's own list, as in training.
MISSING = pa.array(pyarrow.csv.ConvertOptions().null_values)


def in_one_piece(values: Any) -> Any:
    if not isinstance(values, pa.ChunkedArray):
        return values
    # Unions cannot be joined, and need not be.
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def plain(values: Any) -> Any:
    """Return a column as one array without its encoding: Arrow computes on no view or extension."""
    values = in_one_piece(values)
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values.cast(plain_type(values.type))


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return a column's type without its encoding."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def without(texts: Any, markers: Any) -> Any:
    """Return texts with null for the markers."""
    return pc.if_else(pc.is_in(texts, markers), pa.scalar(None, pa.string()), texts)


def without_markers(texts: Any) -> Any:
    """Return texts with null for what marks a missing value."""
    return without(texts, MISSING)


def of_distinct(values: Any, convert: Callable[[Any], tuple[Any, Any]]) -> tuple[Any, list[int]]:
    """Convert each distinct value once.

    ``convert`` takes an array and returns another one and which of its values do not fit, as an
    array of truth values. Returned are the array for all rows, and the rows that do not fit.
    """
    encoded = values.dictionary_encode()
    converted, odd = convert(encoded.dictionary)
    rows = pc.indices_nonzero(pc.fill_null(odd.take(encoded.indices), False))
    return converted.take(encoded.indices), rows.to_pylist()
