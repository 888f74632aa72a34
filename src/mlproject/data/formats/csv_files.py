"""CSV files as chunks."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from mlproject.base.errors import DataError
from mlproject.data.batches import FEATURE, KEPT, Chunk, Plan
from mlproject.data.formats.lines import (
    Blame,
    Block,
    Spans,
    blocks,
    chunk,
    has_stray_return,
    is_open,
    spans,
)
from mlproject.data.source import SourceFile
from mlproject.data.types import converted, expected, nulls_of_text, shown
from mlproject.data.whole_files import delimiter as sniffed
from mlproject.data.whole_files import has_decimal_commas, naming


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written: its columns, its delimiter, its decimal sign."""

    columns: list[str]
    delimiter: str
    decimal_comma: bool


def dialect(item: SourceFile) -> Dialect:
    """Return how a file is written, from its first block.

    Raises
    ------
    DataError
        When it is empty, or names a column twice.
    """
    with naming(item):
        delimiter = sniffed(item)
    first = next(blocks(item, delimiter), None)
    rows = spans(first, delimiter) if first else None
    if first is None or rows is None or not len(rows):
        raise DataError(f"{item.name} is empty: it has no header")
    header = first.data[rows.starts[0] : rows.ends[0]]
    if is_open(header, delimiter) or has_stray_return(header, delimiter):
        what = "a carriage return" if b"\r" in header else "a quoted value that does not end"
        raise DataError(f"{item.name} line {rows.lines[0]} is no header: it holds {what}")
    text = rows.text(first, 0)
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    columns = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False))
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise DataError(f"{item.name} names the column '{repeated[0]}' more than once")
    comma = False
    if delimiter != "," and len(rows) > 1:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(first.data[rows.starts[1] : rows.ends[min(len(rows) - 1, 1000)]]),
            read_options=pyarrow.csv.ReadOptions(column_names=columns),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda row: "skip"
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), check_utf8=False
            ),
        )
        comma = any(has_decimal_commas(nulls_of_text(column)) for column in table.columns)
    return Dialect(columns, delimiter, comma)


def tasks(item: SourceFile, plan: Plan, found: Dialect) -> Iterator[Callable[[], Chunk]]:
    """Yield what parses each block of a file; the calls may run in any thread."""
    header = True
    for block in blocks(item, found.delimiter):
        yield partial(_parse, item.name, block, plan, found, header=header)
        header = False


def _parse(name: str, block: Block, plan: Plan, found: Dialect, *, header: bool) -> Chunk:
    rows = spans(block, found.delimiter)
    if header:
        rows = Spans(rows.starts[1:], rows.ends[1:], rows.lines[1:], rows.dense)
    refused: dict[int, Blame] = {}
    last = block.data[rows.starts[-1] : rows.ends[-1]] if len(rows) else b""
    if is_open(last, found.delimiter):
        end = int(rows.lines[-1]) + last.count(b"\n")
        refused[len(rows) - 1] = (None, f"a quoted value does not end, up to line {end}")
    if b"\r" in block.data:  # which Arrow takes for the end of a row
        for row in range(len(rows)):
            if has_stray_return(block.data[rows.starts[row] : rows.ends[row]], found.delimiter):
                refused.setdefault(row, (None, "it holds a carriage return outside quotes"))
    table = None
    if not refused and block.is_text():
        table = _fast(block, rows, plan, found)
    if table is None:
        table = _careful(name, block, rows, plan, found, refused)
    return chunk(name, block, rows, table, refused, raw=plan.raw)


def _fast(block: Block, rows: Spans, plan: Plan, found: Dialect) -> pa.Table | None:
    """Parse a block in which every value is as it should be; return None for any other."""
    data = block.data[rows.starts[0] :] if len(rows) else b""
    try:
        table = _read(data, found, _types(plan, found), None)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return _arranged(table, plan) if table.num_rows == len(rows) else None


def _careful(
    name: str,
    block: Block,
    rows: Spans,
    plan: Plan,
    found: Dialect,
    refused: dict[int, Blame],
) -> pa.Table:
    """Parse a block value by value, and note for each refused row what is wrong with it."""
    width = len(found.columns)
    for row in range(len(rows)):
        try:
            block.data[rows.starts[row] : rows.ends[row]].decode()
        except UnicodeDecodeError:
            refused.setdefault(row, (None, "it is not UTF-8 text"))
    readable = [row for row in range(len(rows)) if row not in refused]
    data = b"\n".join(block.data[rows.starts[row] : rows.ends[row]] for row in readable)
    odd: dict[int, int] = {}

    def note(row: Any) -> str:
        odd[readable[row.number - 1]] = row.actual_columns
        return "skip"

    texts = dict.fromkeys(_types(plan, found), pa.string())
    table = _read(data, found, texts, note)
    for row, seen in odd.items():
        refused[row] = (None, f"it has {seen} {'field' if seen == 1 else 'fields'}, not {width}")
    parsed = [row for row in readable if row not in odd]
    if len(parsed) != table.num_rows:
        raise DataError(
            f"{name} lines {rows.lines[0]} to {rows.lines[-1]} cannot be parsed as CSV",
            "A quotation mark may be missing there",
        )
    good = np.ones(table.num_rows, bool)
    columns: dict[str, Any] = {}
    asked = {feature.name for feature in plan.features}
    for column, kind in _types(plan, found).items():
        values = table[column].combine_chunks()
        if column not in asked or pa.types.is_string(kind):
            columns[column] = values
            continue
        columns[column], bad = converted(values, kind, decimal_comma=found.decimal_comma)
        for index in bad:
            why = f"{shown(values[index].as_py())} is not {expected(kind)}"
            refused.setdefault(parsed[index], (column, why))
            good[index] = False
    return _arranged(pa.table(columns).filter(pa.array(good)), plan)


def _types(plan: Plan, found: Dialect) -> dict[str, pa.DataType]:
    """Return what is read of a file and as what; features come before kept columns."""
    wanted = {f.name: f.type for f in plan.features if f.name in found.columns}
    if not plan.verbatim:
        for field in plan.kept:
            wanted.setdefault(field.name, pa.string())
    return wanted


def _read(data: bytes, found: Dialect, types: dict[str, pa.DataType], handler: Any) -> pa.Table:
    if not data:
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    return pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False, block_size=len(data) + 1, column_names=found.columns
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=found.delimiter,
            newlines_in_values=b'"' in data,
            invalid_row_handler=handler,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            strings_can_be_null=False,
            decimal_point="," if found.decimal_comma else ".",
        ),
    )


def _arranged(table: pa.Table, plan: Plan) -> pa.Table:
    """Return the columns of a chunk; an optional feature that is not there is all missing."""
    columns: dict[str, Any] = {}
    for feature in plan.features:
        if feature.name not in table.column_names:
            columns[FEATURE + feature.name] = pa.nulls(table.num_rows, feature.type)
            continue
        values = table[feature.name]
        columns[FEATURE + feature.name] = (
            nulls_of_text(values) if pa.types.is_string(feature.type) else values
        )
    if not plan.verbatim:
        for field in plan.kept:
            values = table[field.name]
            if values.type != field.type:
                values = values.cast(field.type)
            columns[KEPT + field.name] = values
    return pa.table(columns)
