"""Thrift's compact protocol without a schema: everything that is read is written again.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

TRUE, FALSE, I8, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
_INTEGERS = frozenset((I16, I32, I64))
_WIDTHS = {TRUE: 1, FALSE: 1, I8: 1, DOUBLE: 8, UUID: 16}
_LONG_LIST = 15
_LONG_DELTA = 16


class Value(NamedTuple):
    """A value and its type, one of the names above.

    Integers are int; a list is ``Items``; a struct is a dict of field numbers to ``Value``, or the
    bytes that it was written as; a map is a pair of ``Items``; all others are bytes.
    """

    kind: int
    content: Any


class Items(NamedTuple):
    """The contents of a list, which have one type."""

    kind: int
    contents: list[Any]


def read_struct(data: bytes, start: int = 0) -> dict[int, Value]:
    """Return the struct that starts at a position.

    Raises
    ------
    ValueError
        When there is none.
    """
    try:
        return _Reader(data, start).struct()
    except (IndexError, RecursionError) as error:
        raise ValueError("it is cut or damaged") from error


def written(kind: int, content: Any) -> bytes:
    """Return a value's bytes, without the header that it has as a field."""
    out = bytearray()
    _write(out, kind, content)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._at = data, start
        self._readers: dict[int, Callable[[], Any]] = {
            **dict.fromkeys(_INTEGERS, self._integer),
            BINARY: lambda: self._bytes(self._size()),
            LIST: self._items,
            SET: self._items,
            MAP: self._map,
            STRUCT: self.struct,
        }

    def struct(self) -> dict[int, Value]:
        fields: dict[int, Value] = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._integer()
            # A boolean field has no value but its type.
            fields[number] = Value(kind, b"" if kind in (TRUE, FALSE) else self._value(kind))
        return fields

    def _value(self, kind: int) -> Any:
        if kind in _WIDTHS:
            return self._bytes(_WIDTHS[kind])
        if kind not in self._readers:
            raise ValueError("it is damaged")
        return self._readers[kind]()

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise IndexError
        return self._data[self._at - count : self._at]

    def _size(self) -> int:
        size = shift = 0
        while (byte := self._byte()) > 127:
            size |= (byte & 127) << shift
            shift += 7
        return size | byte << shift

    def _integer(self) -> int:
        size = self._size()
        return size >> 1 ^ -(size & 1)

    def _items(self) -> Items:
        head = self._byte()
        kind, count = head & 15, head >> 4
        count = self._size() if count == _LONG_LIST else count
        return Items(kind, [self._value(kind) for _ in range(count)])

    def _map(self) -> tuple[Items, Items]:
        count = self._size()
        kinds = self._byte() if count else 0
        keys, values = Items(kinds >> 4, []), Items(kinds & 15, [])
        for _ in range(count):
            keys.contents.append(self._value(keys.kind))
            values.contents.append(self._value(values.kind))
        return keys, values


def _write(out: bytearray, kind: int, content: Any) -> None:
    if kind in _INTEGERS:
        _write_integer(out, content)
    elif kind == STRUCT and isinstance(content, dict):
        _write_fields(out, content)
    elif kind in (LIST, SET):
        count = len(content.contents)
        out.append(min(count, _LONG_LIST) << 4 | content.kind)
        if count >= _LONG_LIST:
            _write_size(out, count)
        for item in content.contents:
            _write(out, content.kind, item)
    elif kind == MAP:
        _write_map(out, *content)
    else:
        if kind == BINARY:
            _write_size(out, len(content))
        out += content


def _write_fields(out: bytearray, fields: dict[int, Value]) -> None:
    before = 0
    for number, value in sorted(fields.items()):
        delta = number - before
        out.append((delta << 4 if delta < _LONG_DELTA else 0) | value.kind)
        if delta >= _LONG_DELTA:
            _write_integer(out, number)
        _write(out, *value)
        before = number
    out.append(0)


def _write_map(out: bytearray, keys: Items, values: Items) -> None:
    _write_size(out, len(keys.contents))
    if keys.contents:
        out.append(keys.kind << 4 | values.kind)
    for key, value in zip(keys.contents, values.contents, strict=True):
        _write(out, keys.kind, key)
        _write(out, values.kind, value)


def _write_integer(out: bytearray, number: int) -> None:
    _write_size(out, number << 1 if number >= 0 else (-number << 1) - 1)


def _write_size(out: bytearray, size: int) -> None:
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
