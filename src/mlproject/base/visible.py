"""Text as a terminal may be given it: what would steer the terminal is shown instead."""

from __future__ import annotations

import re

# Control characters (C0, C1, and delete), the marks that turn the direction of writing, separators
# that terminals take for line ends, and halves of characters, which no encoding has.
_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str, *, lines: bool = False) -> str:
    """Return a text with the escapes of what steers a terminal; ``lines`` keeps line ends.

    Column and file names, messages of models and tags of a server are others' texts: an escape
    sequence in one of them could repaint what was printed before.
    """
    if text.isascii() and text.isprintable():
        return text
    return _STEERING.sub(lambda match: _escape(match[0], lines=lines), text)


def _escape(character: str, *, lines: bool) -> str:
    if lines and character == "\n":
        return character
    return character.encode("unicode_escape").decode()
