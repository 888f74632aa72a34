"""Output files: rows in, bytes out, hashed as they are written."""

from __future__ import annotations

import hashlib
import io
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

# Text is several times the size of the numbers, so that it is made of few rows at a time.
_TEXT_ROWS = 1 << 14


class Sink(Protocol):
    """Takes rows in order."""

    def write(self, table: pa.Table, raw: Any | None) -> None:
        """Write rows; ``raw`` has them as they stood, where they are copied so."""

    def close(self) -> None:
        """Finish the file."""


class HashingFile(io.BufferedWriter):
    """A new file that knows the SHA-256 and the length of what was written to it.

    ``lasting``: its bytes are on the disk when it is closed.
    """

    def __init__(self, path: Path, *, lasting: bool = False) -> None:
        super().__init__(io.FileIO(path, "wb"))
        self._digest = hashlib.sha256()
        self._lasting = lasting
        self.length = 0

    def write(self, data: Any) -> int:
        self._digest.update(data)
        written = super().write(data)
        self.length += written
        return written

    def close(self) -> None:
        if not self.closed:
            self.flush()
            if self._lasting:
                os.fsync(self.fileno())
            super().close()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class TextSink(ABC):
    """Writes rows as lines of text."""

    def __init__(self, file: HashingFile, schema: pa.Schema, header: bool) -> None:
        self._file = file
        self._empty = True
        self._put(self.header(schema) if header else [])

    def header(self, schema: pa.Schema) -> list[memoryview]:
        """Return what stands before the rows."""
        return []

    @abstractmethod
    def rows(self, table: pa.Table, raw: Any | None) -> list[memoryview]:
        """Return rows, each with a line break before it, the columns of the table after ``raw``."""

    def write(self, table: pa.Table, raw: Any | None) -> None:
        for start in range(0, table.num_rows, _TEXT_ROWS):
            part = None if raw is None else raw.slice(start, _TEXT_ROWS)
            self._put(self.rows(table.slice(start, _TEXT_ROWS), part))

    def close(self) -> None:
        if not self._empty:
            self._file.write(b"\n")
        self._file.close()

    def _put(self, pieces: list[memoryview]) -> None:
        for piece in pieces:
            # Each row brings the line break before it: the first of a file has none to bring.
            data = piece[1:] if self._empty and bytes(piece[:1]) == b"\n" else piece
            if data:
                self._empty = False
                self._file.write(data)
