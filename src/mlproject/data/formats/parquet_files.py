"""Parquet files as chunks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mlproject.base.errors import DataError, one_line
from mlproject.data.batches import FEATURE, KEPT, ORIGINAL, Chunk, Plan, Refused
from mlproject.data.source import SourceFile
from mlproject.data.types import converted, expected, shown
from mlproject.data.whole_files import naming, stream

_CELLS = 1 << 20
_MOST_ROWS = 1 << 15
# Read a column piece by piece: without a buffer Arrow takes the whole row group at once.
_BUFFER_BYTES = 1 << 18


def schema(item: SourceFile) -> pa.Schema:
    """Return a file's columns.

    Raises
    ------
    DataError
        When it cannot be read, or names a column twice.
    """
    with _opened(item) as file:
        found = file.schema_arrow
    repeated = sorted({name for name in found.names if found.names.count(name) > 1})
    if repeated:
        raise DataError(f"{item.name} names the column '{repeated[0]}' more than once")
    return found


def rows(item: SourceFile) -> int:
    """Return how many rows a file has."""
    with _opened(item) as file:
        return int(file.metadata.num_rows)


def tasks(item: SourceFile, plan: Plan) -> Iterator[Callable[[], Chunk]]:
    """Yield what converts each batch of a file; the calls may run in any thread."""
    with _opened(item) as file:
        there = set(file.schema_arrow.names)
        wanted = [f.name for f in plan.features if f.name in there]
        wanted += [name for name in plan.kept.names if name not in wanted]
        if plan.raw:
            wanted = file.schema_arrow.names
        size = max(1024, min(_MOST_ROWS, _CELLS // max(1, len(wanted))))
        first = 1
        for batch in file.iter_batches(batch_size=size, columns=wanted):
            yield partial(_converted, item.name, pa.Table.from_batches([batch]), plan, first)
            first += batch.num_rows


def row_text(row: dict[str, Any]) -> str:
    """Return a row as one JSON object."""
    return json.dumps(row, default=str, ensure_ascii=False)


def _converted(name: str, table: pa.Table, plan: Plan, first: int) -> Chunk:
    refused: dict[int, tuple[str, str]] = {}
    columns: dict[str, Any] = {}
    for feature in plan.features:
        if feature.name not in table.column_names:
            columns[FEATURE + feature.name] = pa.nulls(table.num_rows, feature.type)
            continue
        original = _usual(table[feature.name])
        columns[FEATURE + feature.name], bad = converted(original, feature.type)
        for index in bad:
            why = f"{shown(original[index].as_py())} is not {expected(feature.type)}"
            refused.setdefault(index, (feature.name, why))
    for field in plan.kept:
        columns[KEPT + field.name] = _kept(_usual(table[field.name]), field, name)
    if plan.raw:
        columns |= {ORIGINAL + column: _usual(table[column]) for column in table.column_names}
    good = np.ones(table.num_rows, bool)
    good[list(refused)] = False
    made = pa.table(columns)
    lines = np.arange(first, first + table.num_rows)
    return Chunk(
        table=made.filter(pa.array(good)) if refused else made,
        rows=np.flatnonzero(good),
        lines=lines[good],
        count=table.num_rows,
        file=name,
        size=table.num_rows,
        refused=[
            Refused(
                row, name, first + row, column, why, row_text(table.slice(row, 1).to_pylist()[0])
            )
            for row, (column, why) in sorted(refused.items())
        ],
    )


def usual(kind: pa.DataType) -> pa.DataType:
    """Return a column's type without its encoding: Arrow computes on no view and no extension."""
    if isinstance(kind, pa.BaseExtensionType):
        return usual(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return usual(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_binary_view(kind) else kind


def _usual(values: Any) -> pa.Array:
    values = values.combine_chunks()
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values.cast(usual(values.type))


def _kept(values: Any, field: pa.Field, name: str) -> Any:
    if values.type == field.type:
        return values
    numbers = pa.types.is_integer, pa.types.is_floating
    alike = any(test(values.type) and test(field.type) for test in numbers)
    try:
        if not alike and not pa.types.is_null(values.type):
            raise pa.ArrowInvalid("these are different kinds of values")
        return values.cast(field.type)
    except pa.ArrowException as error:
        raise DataError(
            f"The column '{field.name}' of {name} is {values.type}, and was {field.type} before",
            f"Leave it out with --keep: {one_line(str(error))}",
        ) from error


@contextmanager
def _opened(item: SourceFile) -> Iterator[Any]:
    with naming(item), TemporaryDirectory(prefix="mlproject-") as folder:
        path = item.path
        if item.compressed:
            path = Path(folder) / "file.parquet"
            with stream(item) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file:
            yield file
