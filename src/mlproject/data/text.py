"""Arrow columns as the text of CSV and JSON Lines, column by column."""

from __future__ import annotations

import base64
import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.base.finite import finite
from mlproject.data.arrays import plain


def plain_text(values: Any) -> Any:
    """Return a column as numbers, truth values, or text; what is nested as JSON."""
    values = plain(values)
    kind = values.type
    if pa.types.is_large_string(kind):
        return values.cast(pa.string())
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz else ""
        text = pc.strftime(values.cast(pa.timestamp(kind.unit)), format="%Y-%m-%dT%H:%M:%S")
        text = pc.replace_substring_regex(text, r"\.0+$", "")
        return pc.binary_join_element_wise(text, zone, "") if zone else text
    if pa.types.is_nested(kind):
        return pa.array([_nested(value) for value in values.to_pylist()], pa.string())
    if "binary" in str(kind):
        return pa.array([_bytes_text(value) for value in values.to_pylist()], pa.string())
    if pa.types.is_duration(kind):
        return values.cast(pa.int64()).cast(pa.string())
    if pa.types.is_date(kind) or pa.types.is_time(kind) or pa.types.is_null(kind):
        return values.cast(pa.string())
    return values


def number_text(values: Any) -> Any:
    """Return numbers or truth values as text; what is no number becomes null."""
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values.cast(pa.string())


def bytes_of(rows: Any) -> list[memoryview]:
    """Return where the bytes of an array of texts are, one after the other."""
    chunks = rows.chunks if isinstance(rows, pa.ChunkedArray) else [rows]
    pieces = []
    for chunk in chunks:
        if not len(chunk):
            continue
        wide = pa.types.is_large_string(chunk.type) or pa.types.is_large_binary(chunk.type)
        _, offsets, data = chunk.buffers()
        view = memoryview(offsets).cast("q" if wide else "i")
        start, end = view[chunk.offset], view[chunk.offset + len(chunk)]
        pieces.append(memoryview(data)[start:end])
    return pieces


def _nested(value: Any) -> str | None:
    """Return a list or a structure as JSON; numbers that are none become null."""
    if value is None:
        return None
    return json.dumps(finite(value), default=str, ensure_ascii=False)


def _bytes_text(value: bytes | None) -> str | None:
    """Return bytes as the text that they are, or else in base 64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
