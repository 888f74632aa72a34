"""Parquet files joined into one: their row groups in order, copied as they stand.

Only footers are read and made anew: where things are in the file has to be told for the new one.
pyarrow's ``FileMetaData.append_row_groups`` leaves every offset as it was.
Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet

from mlproject.base.errors import DataError
from mlproject.data.formats import thrift
from mlproject.data.formats.thrift import Items, Value

_MAGIC = b"PAR1"
_TAIL = 8
_BLOCK = 1 << 20
_MOST_ORDINALS = 1 << 15
# What is found where something else has to be.
_DAMAGES = (AttributeError, IndexError, KeyError, OverflowError, TypeError)
_ENCRYPTED_TEXT = "it is encrypted"

# FileMetaData
_SCHEMA, _ROWS, _ROW_GROUPS, _COLUMN_ORDERS, _ENCRYPTION = 2, 3, 4, 7, 8
# RowGroup
_COLUMNS, _GROUP_OFFSET, _ORDINAL = 1, 5, 7
# ColumnChunk
_FILE_PATH, _CHUNK_OFFSET, _METADATA, _PAGES, _PAGES_LENGTH, _PAGE_STATISTICS = 1, 2, 3, 4, 5, 6
_ENCRYPTED = frozenset((8, 9))
# ColumnMetaData: of data, index and dictionary pages, and of the Bloom filter
_PAGE_OFFSETS = (9, 10, 11, 14)
# OffsetIndex and PageLocation
_LOCATIONS, _PAGE_OFFSET = 1, 1


@dataclass(frozen=True)
class _Part:
    """A file that is copied up to ``end``; what is between there and its footer is made anew."""

    path: Path
    footer: dict[int, Value]
    schema: pa.Schema
    end: int

    @property
    def groups(self) -> list[dict[int, Value]]:
        return _structs(self.footer, _ROW_GROUPS)

    @property
    def chunks(self) -> list[dict[int, Value]]:
        return [chunk for group in self.groups for chunk in _structs(group, _COLUMNS)]


class ParquetJoining:
    """One Parquet file, written with the row groups of others, which are added in order.

    Parameters
    ----------
    target : binary stream
        Is written from here on, and never sought in.

    Attributes
    ----------
    rows : int
        How many were added.
    """

    def __init__(self, target: BinaryIO) -> None:
        self.rows = 0
        self._target = target
        self._first: _Part | None = None
        self._groups: list[bytes] = []
        self._position = len(_MAGIC)

    def add(self, path: Path) -> None:
        """Add a file; nothing of it is written when it is refused.

        Schema, key-value metadata and the name of the writer are those of the first.

        Raises
        ------
        DataError
            When it is not a Parquet file, is encrypted, or has other columns than the first.
        """
        with _naming(path):
            part = _opened(path)
            first = self._first or part
            _check_alike(part, first)
            if self._first is None:
                self._first = part
                self._target.write(_MAGIC)
            shift = self._position - len(_MAGIC)
            indexes = _shifted(part, shift)
            numbered = [
                _numbered(group, len(self._groups) + n) for n, group in enumerate(part.groups)
            ]
        _copy(part, self._target)
        self._target.write(indexes)
        self._groups += numbered
        self._position += part.end - len(_MAGIC) + len(indexes)
        self.rows += part.footer[_ROWS].content

    def finish(self) -> None:
        """Write what stands at the end; at least one file was added."""
        assert self._first is not None  # noqa: S101 - as the docstring says
        footer = self._first.footer | {
            _ROWS: Value(thrift.I64, self.rows),
            _ROW_GROUPS: Value(thrift.LIST, Items(thrift.STRUCT, self._groups)),
        }
        data = thrift.written(thrift.STRUCT, footer)
        self._target.write(data + len(data).to_bytes(4, "little") + _MAGIC)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise DataError(f"{path} cannot be joined: {error}") from error
    except _DAMAGES as error:
        raise DataError(f"{path} cannot be joined: its footer is damaged") from error


def _opened(path: Path) -> _Part:
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        start = _footer_start(file, size)
        file.seek(start)
        footer = thrift.read_struct(file.read(size - start))
    part = _Part(path, footer, pa.schema([]), start)
    if _ENCRYPTION in part.footer or any(_ENCRYPTED.intersection(item) for item in part.chunks):
        raise ValueError(_ENCRYPTED_TEXT)
    if any(_FILE_PATH in chunk for chunk in part.chunks):
        raise ValueError("its columns are in other files")
    return replace(part, schema=pyarrow.parquet.read_schema(path), end=_indexes_start(part))


def _footer_start(file: BinaryIO, size: int) -> int:
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if tail[4:] == b"PARE":
        raise ValueError(_ENCRYPTED_TEXT)
    start = size - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or start < len(_MAGIC):
        raise ValueError("it is not a Parquet file")
    return start


def _indexes_start(part: _Part) -> int:
    """Return where the offset indexes start, when nothing else is between them and the footer."""
    indexed = [chunk for chunk in part.chunks if _PAGES in chunk]
    if not indexed:
        return part.end
    start: int = min(chunk[_PAGES].content for chunk in indexed)
    length = sum(chunk[_PAGES_LENGTH].content for chunk in indexed)
    return start if start + length == part.end else part.end


def _check_alike(part: _Part, first: _Part) -> None:
    if not part.schema.equals(first.schema):
        columns = zip_longest(part.schema, first.schema)
        pairs = [(_shown(field), _shown(other)) for field, other in columns]
        field, other = next((pair for pair in pairs if pair[0] != pair[1]), pairs[0])
        raise ValueError(f"it has {field} where {first.path} has {other}")
    if _stored(part) != _stored(first):
        raise ValueError(f"its columns are stored in another way than those of {first.path}")


def _shown(field: pa.Field | None) -> str:
    if field is None:
        return "no column"
    return f"the column '{field.name}' ({field.type}{'' if field.nullable else ', not null'})"


def _stored(part: _Part) -> tuple[list[Any], Value | None]:
    """Return the columns as they are stored, without the name of them all."""
    return _structs(part.footer, _SCHEMA)[1:], part.footer.get(_COLUMN_ORDERS)


def _numbered(group: dict[int, Value], number: int) -> bytes:
    group.pop(_ORDINAL, None)
    if number < _MOST_ORDINALS:  # it has 16 bits, and may be left out
        group[_ORDINAL] = Value(thrift.I16, number)
    return thrift.written(thrift.STRUCT, group)


def _shifted(part: _Part, shift: int) -> bytes:
    """Move what a footer says by so many bytes; return the offset indexes, to stand at the end."""
    indexes = bytearray()
    with part.path.open("rb") as file:
        for group in part.groups:
            _shift(group, (_GROUP_OFFSET,), shift)
        for chunk in part.chunks:
            _shift(chunk, (_CHUNK_OFFSET, _PAGE_STATISTICS), shift)
            _shift(chunk[_METADATA].content, _PAGE_OFFSETS, shift)
            if _PAGES in chunk:
                file.seek(chunk[_PAGES].content)
                index = thrift.read_struct(file.read(chunk[_PAGES_LENGTH].content))
                for location in _structs(index, _LOCATIONS):
                    _shift(location, (_PAGE_OFFSET,), shift)
                data = thrift.written(thrift.STRUCT, index)
                chunk[_PAGES] = Value(thrift.I64, part.end + shift + len(indexes))
                chunk[_PAGES_LENGTH] = Value(thrift.I32, len(data))
                indexes += data
    return bytes(indexes)


def _shift(fields: dict[int, Value], numbers: tuple[int, ...], shift: int) -> None:
    for number in numbers:
        if number in fields and fields[number].content > 0:  # 0 says that there is none
            fields[number] = Value(thrift.I64, fields[number].content + shift)


def _copy(part: _Part, target: BinaryIO) -> None:
    with part.path.open("rb") as file:
        file.seek(len(_MAGIC))
        left = part.end - len(_MAGIC)
        while left:
            block = file.read(min(left, _BLOCK))
            if not block:
                raise DataError(f"{part.path} became shorter while it was copied")
            target.write(block)
            left -= len(block)


def _structs(fields: dict[int, Value], number: int) -> list[dict[int, Value]]:
    contents: list[dict[int, Value]] = fields[number].content.contents
    return contents
