"""What goes wrong behind an fsspec URL, as an OSError of one line without secrets."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mlproject.base.errors import one_line, reason
from mlproject.base.redaction import redacted, redacted_text

_KINDS: tuple[type[OSError], ...] = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
    TimeoutError,
    ConnectionError,
)
# Shorter values would be found by chance, and give nothing away.
_SHORTEST_SECRET = 6


@contextmanager
def told(where: str, options: Mapping[str, Any]) -> Iterator[None]:
    """Raise what goes wrong in the block as an OSError that says where; keep the kinds of those.

    The libraries behind fsspec have errors of their own, and put whole answers into them.
    """
    try:
        yield
    except Exception as error:
        kind = next((kind for kind in _KINDS if isinstance(error, kind)), OSError)
        text = redacted_text(_text(error))
        raise kind(f"{where}: {_without(options, text)}") from error


def _text(error: Exception) -> str:
    if not isinstance(error, OSError):
        return reason(error)
    text = one_line(error.strerror or str(error))
    if isinstance(error, FileNotFoundError) and " " not in text:  # only its path
        return "no such file"
    return text or type(error).__name__


def _without(options: Any, text: str) -> str:
    """Return a text without the values of options, however deep they stand."""
    if isinstance(options, Mapping):
        options = list(options.values())
    if isinstance(options, (list, tuple)):
        for option in options:
            text = _without(option, text)
    elif isinstance(options, str) and len(options) >= _SHORTEST_SECRET:
        is_address = "://" in options and redacted(options) == options
        return text if is_address else text.replace(options, "…")
    return text


class Reader(io.RawIOBase):
    """Reads a file that fsspec has opened."""

    def __init__(self, stream: Any, where: str, options: Mapping[str, Any]) -> None:
        self._stream, self._where, self._options = stream, where, options

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with told(self._where, self._options):
            data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        with told(self._where, self._options):
            self._stream.seek(offset, whence)
            return int(self._stream.tell())

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
