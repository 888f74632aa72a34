"""File formats: one module each, in which it is read in pieces, read whole, and written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from mlproject.data.batches import Parsed, Selection
from mlproject.data.formats import csv_files, json_lines, parquet_files
from mlproject.data.source import SourceFile
from mlproject.data.writing import HashingFile, Sink

_SINKS: dict[str, Callable[[HashingFile, pa.Schema], Sink]] = {
    "csv": csv_files.CsvSink,
    "jsonl": json_lines.JsonLinesSink,
    "parquet": parquet_files.ParquetSink,
}
_READERS = {"csv": csv_files.read, "jsonl": json_lines.read, "parquet": parquet_files.read}


class DataFile(Protocol):
    """A file whose columns are known."""

    @property
    def item(self) -> SourceFile:
        """Where it is."""

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""

    @property
    def size(self) -> int | None:
        """How much there is to read, in the unit of ``Parsed.size``; None when not known."""

    def type_of(self, column: str) -> pa.DataType | None:
        """Return a column's type, if the format has types."""

    def can_be_copied(self, columns: Sequence[str]) -> bool:
        """Whether its rows can stand below these columns as they are."""

    def tasks(self, selection: Selection) -> Iterator[Callable[[], Parsed]]:
        """Yield what makes each piece, in the order of the rows; calls may run in any thread."""


def opened(item: SourceFile, *, whole: bool) -> DataFile:
    """Return a file with its columns; those of JSON Lines from the whole file, if that is asked."""
    if item.format == "csv":
        return csv_files.CsvFile.opened(item)
    if item.format == "parquet":
        return parquet_files.ParquetFile.opened(item)
    return json_lines.JsonLinesFile.opened(item, whole=whole)


def read(item: SourceFile) -> pa.Table:
    """Return a whole file, with the types that its values show."""
    return _READERS[item.format](item)


def sink(file: HashingFile, schema: pa.Schema, kind: str) -> Sink:
    """Return what writes rows of a schema as ``csv``, ``jsonl`` or ``parquet``."""
    return _SINKS[kind](file, schema)
