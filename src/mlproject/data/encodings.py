"""The encoding of a file's text: what a user calls it, or what its bytes show.

A file is UTF-8 unless there is evidence against it, because rows of a UTF-8 file may be broken and
have to be told as such. The lines that are not ASCII are the evidence, those of the first
64 MB and at most a few hundred:

- a byte order mark at the beginning says UTF-16 or UTF-32;
- no line that is not UTF-8: UTF-8;
- the first line, which is a header, is not UTF-8: another encoding;
- several lines are not UTF-8, and ten times as many as lines that are: another encoding;
- otherwise (few bad lines, or good ones beside them): UTF-8 with broken rows.

Another encoding is Windows-1252, which includes Latin-1, where this gives words of Western
languages; else what charset-normalizer makes of these lines. Where that is nothing, it is UTF-8.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from encodings.aliases import aliases
from itertools import islice
from typing import Any, BinaryIO

from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean

UTF_8 = "utf-8"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# How files begin that are no text, whatever their name says, and what to call them. ``PAR1`` alone
# may be the name of a column.
_OTHER_FILES = {
    b"\x1f\x8b": "gzip: name it with .gz at the end",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save the sheet as CSV",
    b"PAR1\x15": "Parquet: name it with .parquet at the end",
    **{b"BZh%d1AY&SY" % level: "bzip2: unpack it" for level in range(1, 10)},
    b"\x28\xb5\x2f\xfd": "Zstandard: unpack it",
}
_WESTERN, _CENTRAL = "cp1252", "cp1250"
_CHUNK = 1 << 20
_MOST_BYTES = 64 << 20
_MOST_LINES = 400
_MOST_TOKENS = 2000
_LONGEST_LINE = 1 << 20
_FEWEST_BAD = 2
_BAD_FOR_A_GOOD = 10
_LINE_BREAK = re.compile(rb"[\r\n]")
# Between white space and what separates values.
_TOKEN = re.compile(rb"[^\s,;|\"]+")
# In Windows-1252: a capital or a symbol inside a word, or a lonely accent, as no Western word has.
_ODD = re.compile(
    rb"[a-z\xdf-\xff]"
    rb"(?:[A-Z\xc0-\xd6\xd8-\xde\x8a\x8c\x8e\x9f]"
    rb"|[\x80\x82-\x89\x8b\x91\x93-\x99\x9b\xa1-\xb6\xb8-\xbf\xd7\xf7][a-z\xdf-\xff])"
    rb"|[\xa4\xa6\xa8\xac\xaf\xb8]"
)
# What else files are in; charset-normalizer knows many more, and takes short texts for them.
_OTHERS = [
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("koi8_r", "cp866", "cp850", "mac_roman", "iso8859_2", "iso8859_5", "iso8859_7"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
_MOST_ODD = 0.1
_MOST_FOREIGN = 0.75
_CLEARER = 0.05
_FEWEST_WORDS = 8
_BINARY = {f"{name}_codec" for name in ("base64", "bz2", "hex", "quopri", "uu", "zlib")} | {
    "rot_13"
}
# What Python can encode text with, and no file is written in.
_NO_ENCODINGS = {"idna", "punycode", "raw-unicode-escape", "unicode-escape"}


class NotTextError(ValueError):
    """A file is no text but something else: what, and what to do, is the message."""


def checked(name: str) -> str:
    """Return an encoding as Python calls it."""
    try:
        known = codecs.lookup(name.strip()).name
        "".encode(known)
    except (LookupError, ValueError):
        known = None
    if known is None or known in _NO_ENCODINGS:
        pairs = [pair for pair in aliases.items() if pair[1] not in _BINARY]
        names = {name.replace("_", "-") for pair in pairs for name in pair if name[0].isalpha()}
        hint = did_you_mean(name, names, noun="encodings")
        raise ConfigurationError(f"There is no encoding '{name}'", hint)
    return UTF_8 if known in (UTF_8, "utf-8-sig", "ascii") else known


def detected(stream: BinaryIO, *, compressed: bool, header: bool) -> str:
    """Return the encoding that a file of text shows; ``header``: its first line is one.

    NotTextError for a file that is something else by its first bytes.
    """
    try:
        with gzip.open(stream) if compressed else stream as source:
            start = source.read(_CHUNK)
            for magic, kind in _OTHER_FILES.items():
                if start.startswith(magic):
                    raise NotTextError(kind)
            for mark, encoding in _MARKS:
                if start.startswith(mark):
                    return encoding
            broken_header = header and not is_utf_8(_LINE_BREAK.split(start, maxsplit=1)[0])
            lines = list(islice(_lines_not_ascii(start, source), _MOST_LINES))
    except (OSError, EOFError, zlib.error):
        return UTF_8  # reading the file says what is wrong with it
    bad = [line for line in lines if not is_utf_8(line)]
    good = len(lines) - len(bad)
    if not broken_header and (len(bad) < _FEWEST_BAD or len(bad) < _BAD_FOR_A_GOOD * good):
        return UTF_8
    return _of_bad_lines(bad)


def is_utf_8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _lines_not_ascii(chunk: bytes, source: Any) -> Iterator[bytes]:
    rest, read = b"", 0
    while chunk and read < _MOST_BYTES:
        read += len(chunk)
        if chunk.isascii() and rest.isascii():
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
            rest = chunk[end:] if end else rest + chunk
        else:
            *lines, rest = _LINE_BREAK.split(rest + chunk)
            yield from (line for line in lines if not line.isascii())
        rest = b"" if len(rest) > _LONGEST_LINE else rest
        chunk = source.read(_CHUNK)
    if not chunk and not rest.isascii():
        yield rest


def _of_bad_lines(lines: list[bytes]) -> str:
    tokens = [token for line in lines for token in _TOKEN.findall(line) if not token.isascii()]
    sample = b"\n".join(tokens[:_MOST_TOKENS])
    try:
        text = sample.decode(_WESTERN)
    except UnicodeDecodeError:
        text = None
    if text is not None and _is_western(sample, text):
        return _CENTRAL if _is_central(sample, text) else _WESTERN
    best = _guessed(sample, _OTHERS, 0.2).best()
    return codecs.lookup(best.encoding).name if best is not None else UTF_8


def _is_western(sample: bytes, text: str) -> bool:
    """Whether words are of a Western language: mostly ASCII letters, and no symbols inside."""
    words = text.split("\n")
    odd = sum(bool(_ODD.search(word)) for word in sample.split(b"\n"))
    longer = [[letter for letter in word if letter.isalpha()] for word in words]
    letters = [letter for word in longer if len(word) > 2 for letter in word]
    foreign = sum(not letter.isascii() for letter in letters)
    return odd <= _MOST_ODD * len(words) and foreign <= _MOST_FOREIGN * len(letters)


def _is_central(sample: bytes, western: str) -> bool:
    """Whether words that could be Western are clearly better ones of Central Europe."""
    if len(set(western.split("\n"))) < _FEWEST_WORDS:
        return False
    if sample.decode(_CENTRAL, "replace") == western:
        return False
    chaos = {found.encoding: found.chaos for found in _guessed(sample, [_WESTERN, _CENTRAL], 1.0)}
    return bool(chaos.get(_CENTRAL, 1.0) + _CLEARER < chaos.get(_WESTERN, 1.0))


def _guessed(sample: bytes, among: list[str], most_chaos: float) -> Any:
    import charset_normalizer

    return charset_normalizer.from_bytes(
        sample,
        cp_isolation=among,
        threshold=most_chaos,
        enable_fallback=False,
    )
