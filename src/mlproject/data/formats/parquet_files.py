"""Parquet files: read in pieces or whole, and written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from mlproject.data.formats.data_file import WHOLE, DataFile, Range
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
# Rows before a piece have to be decoded to get at it: a group is cut where it is as large as
# several parts, and into few pieces.
_PARTS_OF_A_PIECE = 4
_MOST_PIECES_OF_A_GROUP = 8


@dataclass(frozen=True)
class ParquetFile(DataFile):
    """A Parquet file, the types of its columns, and its row groups.

    Attributes
    ----------
    groups : tuple of (int, int)
        The rows and compressed bytes of each.
    """

    schema: pa.Schema
    groups: tuple[tuple[int, int], ...]

    @classmethod
    def opened(cls, item: SourceFile) -> ParquetFile:
        with _opened(item) as file:
            schema, metadata = file.schema_arrow, file.metadata
            groups = tuple(
                (group.num_rows, sum(group.column(i).total_compressed_size for i in _all(group)))
                for group in map(metadata.row_group, range(metadata.num_row_groups))
            )
        check_distinct(schema.names, item.name)
        return cls(item, list(schema.names), schema, groups)

    @property
    def size(self) -> int | None:
        """How many rows there are to read."""
        return sum(rows for rows, _ in self.groups)

    def type_of(self, column: str) -> pa.DataType:
        return plain_type(self.schema.field(column).type)

    def is_like(self, other: DataFile) -> bool:
        return isinstance(other, ParquetFile) and self.schema.equals(other.schema)

    def cuts(self, size: int) -> list[int]:
        """Return rows at which parts of about ``size`` bytes may begin; a row group has few."""
        cuts, row, held = [], 0, 0
        for rows, taken in self.groups:
            if held and held + taken > size:
                cuts.append(row)
                held = 0
            pieces = -(-taken // (_PARTS_OF_A_PIECE * size)) or 1
            pieces = min(pieces, _MOST_PIECES_OF_A_GROUP, rows or 1)
            cuts += [row + rows * number // pieces for number in range(1, pieces)]
            row, held = row + rows, held + taken // pieces
        return cuts

    def tasks(self, selection: Selection, rows: Range = WHOLE) -> Iterator[Callable[[], Parsed]]:
        names = self.columns
        if not selection.raw:
            known = set(names)
            features = [f.name for f in selection.features if f.name in known]
            names = list(dict.fromkeys([*features, *selection.kept.names]))
        size = max(1024, min(_MOST_ROWS, _CELLS_READ // max(1, len(names))))
        with _opened(self.item) as file:
            for first, batch in self._batches(file, names, size, rows):
                lines = np.arange(first + 1, first + 1 + batch.num_rows)
                origin = Origin(self.item.name, lines, batch.num_rows)
                yield partial(_parsed, origin, pa.Table.from_batches([batch]), selection)

    def _batches(
        self, file: Any, names: list[str], size: int, rows: Range
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield batches of the rows of a range, each with the number of its first row."""
        ends = np.cumsum([count for count, _ in self.groups], dtype=int)
        stop = rows.stop if rows.stop is not None else int(ends[-1]) if len(ends) else 0
        starts = ends - [count for count, _ in self.groups]
        groups = np.flatnonzero((ends > rows.start) & (starts < stop)).tolist()
        if not groups:
            return
        row = int(starts[groups[0]])
        for batch in file.iter_batches(batch_size=size, row_groups=groups, columns=names):
            skipped = max(0, rows.start - row)
            wanted = batch.slice(skipped, max(0, min(batch.num_rows, stop - row) - skipped))
            if wanted.num_rows:
                yield row + skipped, wanted
            row += batch.num_rows
            if row >= stop:
                return


def _all(group: Any) -> range:
    return range(group.num_columns)


class _Writer(pyarrow.parquet.ParquetWriter):  # type: ignore[misc]
    """A writer that nobody finishes when it is given up: its file is closed by then."""

    def __del__(self) -> None:
        pass


class ParquetSink:
    """Writes row groups of one size, whatever the size of what comes in."""

    def __init__(self, file: HashingFile, schema: pa.Schema, header: bool) -> None:
        self._file = file
        self._rows = max(1024, min(_ROW_GROUP, _CELLS_WRITTEN // max(1, len(schema))))
        is_number = pa.types.is_floating, pa.types.is_integer
        texts = [field.name for field in schema if not any(test(field.type) for test in is_number)]
        self._writer = _Writer(pa.PythonFile(file, mode="w"), schema, use_dictionary=texts)
        self._held = schema.empty_table()

    def write(self, table: pa.Table, raw: Any | None) -> None:
        self._held = pa.concat_tables([self._held, table.cast(self._held.schema)])
        while self._held.num_rows >= self._rows:
            self._writer.write_table(self._held.slice(0, self._rows).combine_chunks(), self._rows)
            self._held = self._held.slice(self._rows)

    def close(self) -> None:
        if self._held.num_rows:
            self._writer.write_table(self._held.combine_chunks(), self._rows)
        self._writer.close()
        self._file.close()


def read(item: SourceFile) -> pa.Table:
    if item.compressed:
        with stream(item) as source:
            return pyarrow.parquet.read_table(pa.BufferReader(source.read()))
    with _seekable(item) as source:
        return pyarrow.parquet.read_table(source, partitioning=None)


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
        if item.compressed:
            path = Path(folder) / "file.parquet"
            with stream(item) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
            item = replace(item, address=str(path), compressed=False)
        # What is far away is read in few pieces, and what is here in small ones.
        far = not item.has_path
        with (
            _seekable(item) as source,
            pyarrow.parquet.ParquetFile(
                source, pre_buffer=far, buffer_size=0 if far else _BUFFER_BYTES
            ) as file,
        ):
            yield file


@contextmanager
def _seekable(item: SourceFile) -> Iterator[Any]:
    if item.has_path:
        yield item.path
    else:
        with item.open() as source:
            yield source
