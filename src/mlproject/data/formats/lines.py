"""Text files in blocks of whole rows, and where each row begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.base.errors import DataError
from mlproject.data.batches import RAW, Chunk, Refused
from mlproject.data.source import SourceFile
from mlproject.data.whole_files import naming, stream

BLOCK_BYTES = 2 << 20
_LONGEST_ROW = 64 << 20
_NEWLINE = 10
# The column to blame, if there is one, and the reason.
Blame = tuple[str | None, str]


@dataclass(frozen=True)
class Block:
    """Whole rows of a file. The first byte is a line break, which stands before the first row."""

    data: bytes
    line: int

    def is_text(self) -> bool:
        """Whether it is UTF-8, the columns that nobody asks for included."""
        if self.data.isascii():
            return True
        try:
            self.data.decode()
        except UnicodeDecodeError:
            return False
        return True


@dataclass(frozen=True)
class Spans:
    """Where the rows of a block are.

    Attributes
    ----------
    starts, ends : ndarray of shape (n_rows,)
        A row is ``data[start:end]``; its line break stands before it.
    lines : ndarray of shape (n_rows,)
    dense : bool
        No line is empty, so that each row begins where the last one ended.
    """

    starts: np.ndarray[Any, Any]
    ends: np.ndarray[Any, Any]
    lines: np.ndarray[Any, Any]
    dense: bool

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts)

    def text(self, block: Block, row: int) -> str:
        """Return a row as it was."""
        return block.data[self.starts[row] : self.ends[row]].decode("utf-8", "replace")

    def raw(self, block: Block) -> pa.Array:
        """Return the rows, each with the line break before it."""
        if self.dense:
            offsets = np.append(self.starts - 1, self.ends[-1:]).astype(np.int32)
            if not len(self.starts):
                offsets = np.zeros(1, np.int32)
            buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block.data)]
            return pa.Array.from_buffers(pa.binary(), len(self.starts), buffers)
        pairs = zip(self.starts, self.ends, strict=True)
        return pa.array([block.data[start - 1 : end] for start, end in pairs], pa.binary())


def blocks(item: SourceFile, delimiter: str | None) -> Iterator[Block]:
    """Yield a file in blocks of whole rows.

    Parameters
    ----------
    item : SourceFile
    delimiter : str or None
        Of a CSV file, whose quoted values may hold line breaks; None when no row does.

    Raises
    ------
    DataError
        When the file cannot be read, or a quoted value does not end.
    """
    with naming(item), stream(item) as source:
        yield from _cut(source, item, delimiter)


def spans(block: Block, delimiter: str | None) -> Spans:
    """Return where the rows of a block are; empty lines are no rows."""
    breaks = np.flatnonzero(np.frombuffer(block.data, np.uint8) == _NEWLINE)
    ends = _row_breaks(block.data, breaks, delimiter)
    starts, stops = ends + 1, np.append(ends[1:], len(block.data))
    lines = block.line + np.searchsorted(breaks, ends)
    filled = stops > starts
    dense = bool(filled.all())
    return Spans(starts[filled], stops[filled], lines[filled].astype(np.int64), dense)


def chunk(
    name: str, block: Block, rows: Spans, table: pa.Table, refused: dict[int, Blame], *, raw: bool
) -> Chunk:
    """Return the chunk of a block that was parsed.

    Parameters
    ----------
    name : str
        Of the file.
    block : Block
    rows : Spans
    table : Table
        The rows that were not refused.
    refused : dict of int to Blame
        The others: the column to blame, if there is one, and the reason.
    raw : bool
        Whether the rows as they stand are wanted too.
    """
    good = np.ones(len(rows), bool)
    good[list(refused)] = False
    if raw:
        stand = rows.raw(block)
        table = table.append_column(RAW, stand.filter(pa.array(good)) if refused else stand)
    return Chunk(
        table=table,
        rows=np.flatnonzero(good),
        lines=rows.lines[good],
        count=len(rows),
        file=name,
        size=len(block.data),
        refused=[
            Refused(row, name, int(rows.lines[row]), column, why, rows.text(block, row))
            for row, (column, why) in sorted(refused.items())
        ],
    )


def _cut(source: Any, item: SourceFile, delimiter: str | None) -> Iterator[Block]:
    rest, line = b"\n", 1
    carriage = False
    while True:
        read = source.read(BLOCK_BYTES)
        if line == 1 and len(rest) == 1:
            read = read.removeprefix(b"\xef\xbb\xbf")
            carriage = b"\r" in read and b"\n" not in read
        data = rest + read
        if b"\r" in data:
            data = data.replace(b"\r", b"\n") if carriage else _unified(data, delimiter)
            if not read and data.endswith(b"\r"):
                data = data[:-1]
        end = len(data) if not read else _last_break(data, delimiter)
        if not read and data.endswith(b"\n"):
            end = len(data) - 1
        if end > 0:
            yield Block(data[:end], line)
            line += data.count(b"\n", 1, end + 1)
        rest = data[max(end, 0) :] or b"\n"
        if not read:
            return
        if len(rest) > _LONGEST_ROW:
            raise DataError(
                f"{item.name} line {line} does not end within {_LONGEST_ROW >> 20} MB",
                "A quotation mark may be missing there",
            )


def _unified(data: bytes, delimiter: str | None) -> bytes:
    r"""Return text with the line breaks of Windows, ``\r\n``, as ``\n``, but in quoted values."""
    if delimiter is None or b'"' not in data:
        return re.sub(rb"\r+\n", b"\n", data) if b"\r\r" in data else data.replace(b"\r\n", b"\n")
    pieces, last = [], 0
    for match in _quoted(delimiter).finditer(data):
        pieces += [re.sub(rb"\r+\n", b"\n", data[last : match.start()]), match.group()]
        last = match.end()
    return b"".join([*pieces, re.sub(rb"\r+\n", b"\n", data[last:])])


def _last_break(data: bytes, delimiter: str | None) -> int:
    """Return where the last row that is surely whole ends; 0 when there is none."""
    if delimiter is None or b'"' not in data:
        return data.rfind(b"\n")
    breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    ends = _row_breaks(data, breaks, delimiter)
    return int(ends[-1]) if len(ends) else 0


def has_stray_return(row: bytes, delimiter: str) -> bool:
    """Whether a row holds a carriage return outside quoted values."""
    return b"\r" in row and b"\r" in _quoted(delimiter).sub(b"", row)


def is_open(row: bytes, delimiter: str) -> bool:
    """Whether a quoted value of a row does not end."""
    ends = [match.end() for match in _quoted(delimiter).finditer(row)]
    return bool(ends) and ends[-1] == len(row) and row.count(b'"') % 2 == 1


def _quoted(delimiter: str) -> re.Pattern[bytes]:
    """Return what matches a quoted value, or the beginning of one that does not end."""
    separator = re.escape(delimiter.encode())
    return re.compile(rb"(?<![^\n" + separator + rb'])"[^"]*(?:""[^"]*)*(?:"|\Z)')


def _row_breaks(
    data: bytes, breaks: np.ndarray[Any, Any], delimiter: str | None
) -> np.ndarray[Any, Any]:
    """Return the line breaks outside quoted values."""
    if delimiter is None or b'"' not in data:
        return breaks
    found = [match.span() for match in _quoted(delimiter).finditer(data)]
    if not found:
        return breaks
    starts, stops = np.array(found).T
    before = np.searchsorted(starts, breaks, "right") - 1
    inside = (before >= 0) & (breaks < stops[before])
    outside: np.ndarray[Any, Any] = breaks[~inside]
    return outside
