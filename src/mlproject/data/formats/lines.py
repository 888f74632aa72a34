"""Text files in pieces of whole rows, and where each row begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from mlproject.base.errors import DataError
from mlproject.data.batches import RAW, Origin, Parsed
from mlproject.data.formats.data_file import WHOLE, Range
from mlproject.data.formats.quotes import BYTE_ORDER_MARK, line_breaks, quoted, spans
from mlproject.data.source import SourceFile
from mlproject.data.streams import naming, stream
from mlproject.data.types import Misfit

_PIECE_BYTES = 2 << 20
_LONGEST_ROW = 64 << 20
_NEWLINE = 10


@dataclass(frozen=True)
class Piece:
    """Bytes of a file that are whole rows.

    Attributes
    ----------
    data : bytes
        The first is a line break, which stands before the first row.
    line : int
        Of the first row.
    delimiter : str or None
        Of a CSV file, whose quoted values may hold line breaks; None when no row does.
    encoding : str
        Of the file, as messages call it; the data is UTF-8 but where it is broken.
    """

    file: str
    data: bytes
    line: int
    delimiter: str | None
    encoding: str

    def rows(self) -> TextRows:
        """Return where the rows are; empty lines are no rows."""
        breaks = np.flatnonzero(np.frombuffer(self.data, np.uint8) == _NEWLINE)
        ends = _row_breaks(self.data, breaks, self.delimiter)
        starts, stops = ends + 1, np.append(ends[1:], len(self.data))
        lines = (self.line + np.searchsorted(breaks, ends)).astype(np.int64)
        filled = stops > starts
        dense = bool(filled.all())
        return TextRows(self, starts[filled], stops[filled], lines[filled], dense)


@dataclass(frozen=True)
class TextRows:
    """The rows of a piece.

    Attributes
    ----------
    starts, ends : ndarray of shape (n_rows,)
        A row is ``data[start:end]``; its line break stands before it.
    lines : ndarray of shape (n_rows,)
    dense : bool
        No line is empty, so that each row begins where the last one ended.
    """

    piece: Piece
    starts: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]
    lines: np.ndarray[Any, Any]
    dense: bool

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, row: int) -> bytes:
        return self.piece.data[self.starts[row] : self.ends[row]]

    def text(self, row: int) -> str:
        """Return a row as text, whatever its bytes are."""
        return self[row].decode("utf-8", "replace")

    def without_first(self) -> TextRows:
        return TextRows(self.piece, self.starts[1:], self.ends[1:], self.lines[1:], self.dense)

    def are_text(self) -> bool:
        """Whether they are UTF-8, columns that nobody wants included."""
        try:
            return self.piece.data.isascii() or bool(self.piece.data.decode())
        except UnicodeDecodeError:
            return False

    def parsed(self, table: pa.Table, misfits: Mapping[int, Misfit], *, raw: bool) -> Parsed:
        """Return the rows with a table of all but the misfits; ``raw`` adds them as they stand."""
        if raw:
            stand = self.raw()
            if misfits:
                good = np.delete(np.arange(len(self)), list(misfits))
                stand = stand.take(pa.array(good))
            table = table.append_column(RAW, stand)
        origin = Origin(self.piece.file, self.lines, len(self.piece.data))
        return Parsed.of(origin, table, misfits, self.text)

    def raw(self) -> pa.Array:
        """Return the rows, each with the line break before it."""
        if self.dense and len(self):
            offsets = np.append(self.starts - 1, self.ends[-1:]).astype(np.int32)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(self.piece.data)]
            return pa.Array.from_buffers(pa.binary(), len(self), buffers)
        pairs = zip(self.starts, self.ends, strict=True)
        return pa.array([self.piece.data[start - 1 : end] for start, end in pairs], pa.binary())


def pieces(item: SourceFile, delimiter: str | None, rows: Range = WHOLE) -> Iterator[Piece]:
    """Yield pieces of a file, or of the part of it that a range names."""
    with naming(item), _opened(item, rows) as source:
        yield from _cut(source, item, delimiter, rows)


@contextmanager
def _opened(item: SourceFile, rows: Range) -> Iterator[Any]:
    if rows == WHOLE:
        with stream(item) as source:
            yield source
    else:
        with item.open() as file:
            file.seek(rows.start)
            yield _Limited(file, rows)


class _Limited:
    """The bytes of a range; a file that ends within it has been cut while it was read."""

    def __init__(self, file: BinaryIO, rows: Range) -> None:
        self._file = file
        self._left = None if rows.stop is None else rows.stop - rows.start

    def read(self, size: int) -> bytes:
        if self._left is None:
            return self._file.read(size)
        data = self._file.read(min(size, self._left))
        if not data and self._left:
            raise OSError("it became shorter while it was read")
        self._left -= len(data)
        return data


def _cut(source: Any, item: SourceFile, delimiter: str | None, rows: Range) -> Iterator[Piece]:
    rest, line = b"\n", rows.line
    read, carriage = source.read(_PIECE_BYTES), False
    if rows.start == 0:
        read = read.removeprefix(BYTE_ORDER_MARK)
        carriage = _has_carriages_alone(read)
    while True:
        # Known to be the last, a piece has the last row too, which may have no line break.
        following = source.read(_PIECE_BYTES) if read else b""
        data = rest + read
        if b"\r" in data:
            data = data.replace(b"\r", b"\n") if carriage else _unified(data, delimiter)
            if not following and data.endswith(b"\r"):
                data = data[:-1]
        end = len(data) if not following else _last_break(data, delimiter)
        if not following and data.endswith(b"\n"):
            end = len(data) - 1
        if end > 0:
            yield Piece(item.name, data[:end], line, delimiter, item.encoding_name)
            line += line_breaks(memoryview(data)[1 : end + 1])
        if not following:
            return
        rest, read = data[max(end, 0) :] or b"\n", following
        if len(rest) > _LONGEST_ROW:
            raise DataError(
                f"{item.name} line {line} does not end within {_LONGEST_ROW >> 20} MB",
                "A quotation mark may be missing there",
            )


def can_be_cut(item: SourceFile) -> bool:
    """Whether a part of a file's bytes can be read alone."""
    if item.compressed or item.encoding is not None:
        return False
    with naming(item), item.open() as file:
        return not _has_carriages_alone(file.read(_PIECE_BYTES))


def _has_carriages_alone(start: bytes) -> bool:
    """Whether lines end as they did on old Macs."""
    return b"\r" in start and b"\n" not in start


def _unified(data: bytes, delimiter: str | None) -> bytes:
    r"""Return text with the line breaks of Windows, ``\r\n``, as ``\n``, but in quoted values."""
    if delimiter is None or b'"' not in data:
        return re.sub(rb"\r+\n", b"\n", data) if b"\r\r" in data else data.replace(b"\r\n", b"\n")
    parts, last = [], 0
    for match in quoted(delimiter).finditer(data):
        parts += [re.sub(rb"\r+\n", b"\n", data[last : match.start()]), match.group()]
        last = match.end()
    return b"".join([*parts, re.sub(rb"\r+\n", b"\n", data[last:])])


def _last_break(data: bytes, delimiter: str | None) -> int:
    """Return where the last row that is surely whole ends; 0 when there is none."""
    if delimiter is None or b'"' not in data:
        return data.rfind(b"\n")
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    ends = _row_breaks(data, breaks, delimiter)
    return int(ends[-1]) if len(ends) else 0


def has_stray_return(row: bytes, delimiter: str) -> bool:
    """Whether a row holds a carriage return outside quoted values."""
    return b"\r" in row and b"\r" in quoted(delimiter).sub(b"", row)


def is_open(row: bytes, delimiter: str) -> bool:
    """Whether a quoted value of a row does not end."""
    # Marks cannot be counted: one in the middle of a value means nothing.
    return any(match[1] is None for match in quoted(delimiter).finditer(row))


def _row_breaks(
    data: bytes, breaks: np.ndarray[Any, Any], delimiter: str | None
) -> np.ndarray[Any, Any]:
    """Return the line breaks outside quoted values."""
    if delimiter is None or b'"' not in data:
        return breaks
    starts, stops, _ = spans(data, delimiter)
    if not len(starts):
        return breaks
    before = np.searchsorted(starts, breaks, "right") - 1
    inside = (before >= 0) & (breaks < stops[before])
    outside: np.ndarray[Any, Any] = breaks[~inside]
    return outside
