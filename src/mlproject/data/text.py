"""Arrow columns as the text of CSV and JSON Lines rows, column by column."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlproject.base.finite import finite

_CSV_SPECIAL = '[",\\r\\n]|^\\s|\\s$'
_JSON_SPECIAL = '["\\\\\\x00-\\x1f]'


def csv_header(names: Sequence[str]) -> bytes:
    """Return the header's line, without a line break."""
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerow(names)  # which it quotes in a name
    return sink.getvalue().removesuffix("\n").encode()


def csv_cells(values: Any) -> Any:
    """Return a column as CSV cells; missing values are empty."""
    values = _plain(values)
    if not pa.types.is_string(values.type):
        text = _number_text(values)
        return pc.fill_null(text, "")
    values = pc.fill_null(values, "")
    special = pc.match_substring_regex(values, _CSV_SPECIAL)
    if not pc.any(special).as_py():
        return values
    doubled = pc.replace_substring(values, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), values)


def json_values(values: Any) -> Any:
    """Return a column as JSON values; missing and infinite numbers are null."""
    kind = values.type
    if isinstance(kind, pa.JsonType):
        return pc.fill_null(_plain(values), "null")
    nested = pa.types.is_nested(kind)
    values = _plain(values)
    if not pa.types.is_string(values.type):
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
        return pc.fill_null(_number_text(values), "null")
    if nested:
        return pc.fill_null(values, "null")
    if pc.any(pc.match_substring_regex(values, _JSON_SPECIAL)).as_py():
        texts = [
            None if v is None else json.dumps(v, ensure_ascii=False) for v in values.to_pylist()
        ]
        return pc.fill_null(pa.array(texts, pa.string()), "null")
    return pc.fill_null(pc.binary_join_element_wise('"', values, '"', ""), "null")


def csv_rows(columns: Sequence[Any], raw: Any | None) -> list[memoryview]:
    """Return rows in pieces of text, each row with a line break before it.

    Parameters
    ----------
    columns : sequence of arrays
        The cells that are made.
    raw : BinaryArray or None
        Rows as they stand, each with its line break; the cells are put after them.
    """
    cells = [csv_cells(column).cast(pa.binary()) for column in columns]
    if raw is not None:
        return _pieces(pc.binary_join_element_wise(raw, *cells, pa.scalar(b",", pa.binary())))
    first = pc.binary_join_element_wise(
        pa.scalar(b"\n", pa.binary()), cells[0], pa.scalar(b"", pa.binary())
    )
    return _pieces(pc.binary_join_element_wise(first, *cells[1:], pa.scalar(b",", pa.binary())))


def json_rows(names: Sequence[str], columns: Sequence[Any], raw: Any | None) -> list[memoryview]:
    """Return objects in pieces of text; ``raw`` and the line breaks as for ``csv_rows``."""
    parts: list[Any] = []
    if raw is not None:
        opened = pc.replace_substring_regex(raw.cast(pa.string()), r"\s*\}\s*$", "")
        empty = pc.match_substring_regex(opened, r"^\n\s*\{\s*$")
        parts = [opened, pc.if_else(empty, "", ",")]
    else:
        parts = ["\n{"]
    for index, (name, values) in enumerate(zip(names, columns, strict=True)):
        comma = "," if index else ""
        parts += [f"{comma}{json.dumps(name, ensure_ascii=False)}:", json_values(values)]
    return _pieces(pc.binary_join_element_wise(*parts, "}", ""))


def _plain(values: Any) -> Any:
    """Return a column as numbers, truth values, or text."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return _plain(values.storage)
    if pa.types.is_dictionary(kind):
        return _plain(values.cast(kind.value_type))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
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


def _nested(value: Any) -> str | None:
    """Return a list or a structure as JSON; numbers that are none become null."""
    if value is None:
        return None
    try:
        return json.dumps(value, default=str, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(finite(value), default=str, ensure_ascii=False)


def _bytes_text(value: bytes | None) -> str | None:
    """Return bytes as the text that they are, or else in base 64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _number_text(values: Any) -> Any:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    return values.cast(pa.string())


def _pieces(rows: Any) -> list[memoryview]:
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
