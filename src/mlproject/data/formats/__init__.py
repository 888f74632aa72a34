"""File formats: one module each, in which it is read in pieces, read whole, and written."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pyarrow as pa

from mlproject.data.dialects import Dialect, Hints
from mlproject.data.formats import csv_files, json_lines, parquet_files
from mlproject.data.formats.data_file import DataFile
from mlproject.data.source import SourceFile
from mlproject.data.writing import HashingFile, Sink

_SINKS: dict[str, Callable[[HashingFile, pa.Schema, bool], Sink]] = {
    "csv": csv_files.CsvSink,
    "jsonl": json_lines.JsonLinesSink,
    "parquet": parquet_files.ParquetSink,
}
WRITTEN = tuple(_SINKS)
_READERS = {"jsonl": json_lines.read, "parquet": parquet_files.read}


def opened(
    item: SourceFile, *, whole: bool, typed: bool = False, hints: Hints = Hints()
) -> DataFile:
    """Return a file with its columns.

    ``whole``: of JSON Lines those of all objects; ``typed``: of CSV with the types that they show.
    """
    if item.format == "csv":
        return csv_files.CsvFile.opened(item, hints, typed=typed)
    if item.format == "parquet":
        return parquet_files.ParquetFile.opened(item)
    return json_lines.JsonLinesFile.opened(item, whole=whole)


def read(item: SourceFile, dialect: Dialect | None, as_text: Collection[str] = ()) -> pa.Table:
    """Return a whole file, with the types that its values show.

    Columns of ``as_text`` are not guessed at; Parquet and JSON Lines have types of their own.
    """
    if item.format == "csv":
        return csv_files.read(item, dialect or Dialect(), as_text)
    return _READERS[item.format](item)


def sink(file: HashingFile, schema: pa.Schema, kind: str, *, header: bool = True) -> Sink:
    """Return what writes rows of a schema; ``header``: CSV begins with the names."""
    return _SINKS[kind](file, schema, header)
