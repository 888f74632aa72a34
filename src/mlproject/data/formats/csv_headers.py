"""The delimiter of a CSV file, as its header shows it."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice

from mlproject.data.dialects import Hints
from mlproject.data.encodings import is_utf_8
from mlproject.data.source import SourceFile
from mlproject.data.streams import not_text, stream

_DELIMITERS = ",;\t|"
_START = 1 << 16
_MARK = "\ufeff"
_QUOTED = re.compile(r'(?<![^,;\t|\r\n])"(?:[^"]|"")*"')


def sniffed_delimiter(item: SourceFile, hints: Hints) -> str:
    """Return a file's delimiter: what is said of it, or else what its header shows."""
    if item.delimiter is not None:
        return item.delimiter
    with stream(item) as source:
        start = source.read(_START)
    first, whole, _ = start.partition(b"\n")
    if whole and not is_utf_8(first):
        raise not_text(item)
    text = start.decode("utf-8", "replace").removeprefix(_MARK)
    return hints.delimiter(_seen(text), lambda delimiter: next(iter(_rows(text, delimiter)), []))


def _seen(text: str) -> list[str]:
    """Return the delimiters that stand in a header outside quotes, the likeliest first.

    A likely one gives the first row as many values as the header has names.
    """
    header = re.split("[\r\n]", _QUOTED.sub("", text).lstrip("\r\n"), maxsplit=1)[0]
    found = [item for item in _DELIMITERS if item in header]

    def unlikely(delimiter: str) -> tuple[bool, int]:
        widths = {len(row) for row in _rows(text, delimiter)}
        return len(widths) > 1, -header.count(delimiter)

    return sorted(found, key=unlikely) if len(found) > 1 else found


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Return the header and the first row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return list(islice(filter(None, reader), 2))
    except csv.Error:  # such as a NUL
        return []
