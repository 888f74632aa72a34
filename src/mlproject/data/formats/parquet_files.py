"""Parquet files: read in pieces or whole, and written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from mlproject.base.errors import DataError, one_line
from mlproject.data.arrays import plain, plain_type
from mlproject.data.batches import KEPT, ORIGINAL, Origin, Parsed, Selection, assembled
from mlproject.data.formats.data_file import DataFile
from mlproject.data.source import SourceFile
from mlproject.data.streams import check_distinct, naming, stream
from mlproject.data.types import typed
from mlproject.data.writing import HashingFile

_CELLS_READ = 1 << 20
_MOST_ROWS = 1 << 15
# Read a column piece by piece: without a buffer Arrow takes the whole row group at once.
_BUFFER_BYTES = 1 << 18
_CELLS_WRITTEN = 1 << 21
_ROW_GROUP = 1 << 17


@dataclass(frozen=True)
class ParquetFile(DataFile):
    """A Parquet file and the types of its columns."""

    schema: pa.Schema

    @classmethod
    def opened(cls, item: SourceFile) -> ParquetFile:
        with _opened(item) as file:
            schema = file.schema_arrow
        check_distinct(schema.names, item.name)
        return cls(item, list(schema.names), schema)

    @property
    def size(self) -> int | None:
        """How many rows there are to read."""
        with _opened(self.item) as file:
            return int(file.metadata.num_rows)

    def type_of(self, column: str) -> pa.DataType:
        return plain_type(self.schema.field(column).type)

    def tasks(self, selection: Selection) -> Iterator[Callable[[], Parsed]]:
        names = self.columns
        if not selection.raw:
            known = set(names)
            features = [f.name for f in selection.features if f.name in known]
            names = list(dict.fromkeys([*features, *selection.kept.names]))
        size = max(1024, min(_MOST_ROWS, _CELLS_READ // max(1, len(names))))
        first = 1
        with _opened(self.item) as file:
            for batch in file.iter_batches(batch_size=size, columns=names):
                lines = np.arange(first, first + batch.num_rows)
                origin = Origin(self.item.name, lines, batch.num_rows)
                yield partial(_parsed, origin, pa.Table.from_batches([batch]), selection)
                first += batch.num_rows


class ParquetSink:
    """Writes row groups of one size, whatever the size of what comes in."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file = file
        self._rows = max(1024, min(_ROW_GROUP, _CELLS_WRITTEN // max(1, len(schema))))
        is_number = pa.types.is_floating, pa.types.is_integer
        texts = [field.name for field in schema if not any(test(field.type) for test in is_number)]
        self._writer = pyarrow.parquet.ParquetWriter(
            pa.PythonFile(file, mode="w"), schema, use_dictionary=texts
        )
        self._held = schema.empty_table()

    def write(self, table: pa.Table, raw: Any | None) -> None:
        self._held = pa.concat_tables([self._held, table.cast(self._held.schema)])
        while self._held.num_rows >= self._rows:
            self._writer.write_table(self._held.slice(0, self._rows).combine_chunks(), self._rows)
            self._held = self._held.slice(self._rows)

    def close(self) -> str:
        if self._held.num_rows:
            self._writer.write_table(self._held.combine_chunks(), self._rows)
        self._writer.close()
        self._file.close()
        return self._file.sha256


def read(item: SourceFile) -> pa.Table:
    if item.compressed:
        with stream(item) as source:
            return pyarrow.parquet.read_table(pa.BufferReader(source.read()))
    return pyarrow.parquet.read_table(item.path, partitioning=None)


def row_text(row: pa.Table) -> str:
    """Return the one row of a table as a JSON object."""
    return json.dumps(row.to_pylist()[0], default=str, ensure_ascii=False)


def _parsed(origin: Origin, rows: pa.Table, selection: Selection) -> Parsed:
    named = zip(rows.column_names, rows.columns, strict=True)
    table = pa.table({name: plain(column) for name, column in named})
    features = typed(table, selection.features)
    table = features.fitting(table)
    file = origin.file
    others = {KEPT + field.name: _kept(table[field.name], field, file) for field in selection.kept}
    if selection.raw:
        others |= {ORIGINAL + name: table[name] for name in table.column_names}
    misfits = {item.row: item for item in features.misfits}
    made = assembled(features.fitting(), others)
    return Parsed.of(origin, made, misfits, lambda row: row_text(rows.slice(row, 1)))


def _kept(values: Any, field: pa.Field, file: str) -> Any:
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
            f"The column '{field.name}' of {file} is {values.type}, and was {field.type} before",
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
