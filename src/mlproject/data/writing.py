"""Output files: rows in, bytes out, hashed as they are written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet

from mlproject.data import text

_ROW_GROUP = 1 << 17
_CELLS = 1 << 21
# Text is several times the size of the numbers, so that it is made of fewer rows at a time.
_TEXT_ROWS = 1 << 14


class Sink(Protocol):
    """Takes rows in order; ``close`` puts them on the disk."""

    def write(self, table: pa.Table, raw: Any | None) -> None:
        """Write rows; ``raw`` has them as they stood, where they are copied so."""

    def close(self) -> str:
        """Finish the file and return its SHA-256."""


class HashingFile:
    """A new file that knows the SHA-256 of what was written to it."""

    def __init__(self, path: Path) -> None:
        self.closed = False
        self._stream = path.open("wb")
        self._digest = hashlib.sha256()
        self._written = 0

    def write(self, data: Any) -> int:
        """Write bytes."""
        self._digest.update(data)
        self._stream.write(data)
        size = memoryview(data).nbytes
        self._written += size
        return size

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._written

    def flush(self) -> None:
        """Hand the bytes to the system."""
        self._stream.flush()

    def close(self) -> None:
        """Put the bytes on the disk."""
        if not self.closed:
            self.closed = True
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._stream.close()

    def readable(self) -> bool:
        """Return False: Arrow asks."""
        return False

    def writable(self) -> bool:
        """Return True: Arrow asks."""
        return True

    def seekable(self) -> bool:
        """Return False: Arrow asks."""
        return False

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written."""
        return self._digest.hexdigest()


class ParquetSink:
    """Writes row groups of one size, whatever the size of what comes in."""

    def __init__(self, file: HashingFile, schema: pa.Schema) -> None:
        self._file = file
        self._rows = max(1024, min(_ROW_GROUP, _CELLS // max(1, len(schema))))
        texts = [field.name for field in schema if not _is_number(field.type)]
        self._writer = pyarrow.parquet.ParquetWriter(
            pa.PythonFile(file, mode="w"), schema, use_dictionary=texts
        )
        self._held: list[pa.Table] = []
        self._have = 0
        self._schema = schema

    def write(self, table: pa.Table, raw: Any | None) -> None:
        """Write rows."""
        self._held.append(table.cast(self._schema))
        self._have += table.num_rows
        while self._have >= self._rows:
            joined = pa.concat_tables(self._held)
            self._writer.write_table(joined.slice(0, self._rows).combine_chunks(), self._rows)
            self._held = [joined.slice(self._rows)]
            self._have -= self._rows

    def close(self) -> str:
        """Finish the file and return its SHA-256."""
        if self._have:
            self._writer.write_table(pa.concat_tables(self._held).combine_chunks(), self._rows)
        self._writer.close()
        self._file.close()
        return self._file.sha256


class TextSink:
    """Writes CSV or JSON Lines."""

    def __init__(self, file: HashingFile, schema: pa.Schema, kind: str) -> None:
        self._file = file
        self._kind = kind
        self._empty = True
        if kind == "csv":
            self._put([memoryview(text.csv_header(schema.names))])

    def write(self, table: pa.Table, raw: Any | None) -> None:
        """Write rows, the columns of ``table`` after ``raw``."""
        for start in range(0, table.num_rows, _TEXT_ROWS):
            part = table.slice(start, _TEXT_ROWS)
            stand = raw.slice(start, _TEXT_ROWS) if raw is not None else None
            if self._kind == "csv":
                self._put(text.csv_rows(part.columns, stand))
            else:
                self._put(text.json_rows(part.column_names, part.columns, stand))

    def close(self) -> str:
        """Finish the file and return its SHA-256."""
        if not self._empty:
            self._file.write(b"\n")
        self._file.close()
        return self._file.sha256

    def _put(self, pieces: list[memoryview]) -> None:
        for piece in pieces:
            # Each row brings the line break before it: the first of a file has none to bring.
            data = piece[1:] if self._empty and bytes(piece[:1]) == b"\n" else piece
            if data:
                self._empty = False
                self._file.write(data)


def opened(file: HashingFile, schema: pa.Schema, kind: str) -> ParquetSink | TextSink:
    """Return what writes rows of a schema as ``csv``, ``jsonl`` or ``parquet``."""
    return ParquetSink(file, schema) if kind == "parquet" else TextSink(file, schema, kind)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
