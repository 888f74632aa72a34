"""A file's bytes, and its name in what goes wrong while it is read."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from mlproject.base.errors import DataError, one_line
from mlproject.data.encodings import is_utf_8
from mlproject.data.source import SourceFile

# Column types are inferred from one block: a block as large as the file sees every row.
_LARGEST_BLOCK = 1 << 30
_SMALLEST_BLOCK = 1 << 20
_GZIP_EXPANSION = 24
_UTF_8_EXPANSION = 3
_CHUNK = 1 << 20
_CSV_ROW = re.compile(r"(?:CSV parse error: )?(?:In CSV column #\d+: )?Row #(\d+): (.*)")
_JSON_ROW = re.compile(r"(.*?)\.? in row (\d+)")


@contextmanager
def naming(item: SourceFile) -> Iterator[None]:
    """Name the file, and the line where it is known, in what goes wrong while it is read."""
    try:
        yield
    except pa.ArrowException as error:
        raise DataError(f"{item.name} cannot be read: {_located(str(error), item)}") from error
    except OSError as error:
        what = one_line(error.strerror or str(error))
        raise DataError(f"{item.name} cannot be read: {what}") from error
    except EOFError as error:
        raise DataError(f"{item.name} cannot be read: it ends early") from error


def stream(item: SourceFile) -> Any:
    """Return an Arrow stream of the file's bytes, decompressed; of text as UTF-8."""
    source = _decompressed(item)
    if item.encoding is None:
        return source
    return pa.PythonFile(_Transcoded(source, item.encoding), mode="r")


def _decompressed(item: SourceFile) -> Any:
    if item.has_path:
        return pa.input_stream(str(item.path), compression="gzip" if item.compressed else None)
    source = pa.PythonFile(item.open(), mode="r")
    return pa.CompressedInputStream(source, "gzip") if item.compressed else source


class _Transcoded:
    """A file's text as UTF-8, with a byte that UTF-8 never has for each one that is no text."""

    def __init__(self, source: Any, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("mlproject.broken")
        self._made = b""
        self._ended = False

    @property
    def closed(self) -> bool:
        return bool(self._source.closed)

    def read(self, size: int = -1) -> bytes:
        parts, have = [self._made], len(self._made)
        while not self._ended and (size < 0 or have < size):
            read = self._source.read(_CHUNK)
            self._ended = not read
            try:
                text = self._decoder.decode(read, self._ended)
            except UnicodeError as error:  # such as UTF-16 without its mark
                raise OSError(str(error)) from error
            parts.append(text.encode("utf-8", "surrogateescape"))
            have += len(parts[-1])
        data = b"".join(parts)
        end = len(data) if size < 0 else size
        self._made = data[end:]
        return data[:end]

    def close(self) -> None:
        self._source.close()


def _broken(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error("mlproject.broken", _broken)


def not_text(item: SourceFile) -> DataError:
    """Return the error for a file that has bytes which are no text in its encoding."""
    with stream(item) as source:
        lines = enumerate(source.read().split(b"\n"), start=1)
        where = next((f": line {number}" for number, line in lines if not is_utf_8(line)), "")
    return DataError(
        f"{item.name} is not {item.encoding_name} text{where}",
        "Give its encoding with --encoding, or save it as UTF-8",
    )


def whole_block(item: SourceFile) -> int:
    """Return a block size in which the whole file fits, as long as it is not huge."""
    size = item.size * (_GZIP_EXPANSION if item.compressed else 1)
    size *= 1 if item.encoding is None else _UTF_8_EXPANSION
    return max(_SMALLEST_BLOCK, min(size + 1, _LARGEST_BLOCK))


def check_distinct(columns: Sequence[str], where: str) -> None:
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise DataError(f"{where} names the column '{repeated[0]}' more than once")


def _located(text: str, item: SourceFile) -> str:
    """Return Arrow's message with its row as a line of the file."""
    text = one_line(text)
    if item.format == "csv" and (match := _CSV_ROW.match(text)):
        return f"line {match.group(1)}: {match.group(2)}"
    if item.format == "jsonl" and (match := _JSON_ROW.match(text)):
        return f"line {int(match.group(2)) + 1}: {match.group(1)}"
    return text
