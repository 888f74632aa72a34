"""Counts as people say them: 1 row, 2 rows."""

from __future__ import annotations

_HISSING = ("s", "x", "ch", "sh")


def counted(number: int, noun: str, form: str = "") -> str:
    """Return a number and what it counts, in the singular where it is one.

    Parameters
    ----------
    noun : str
        In the singular: ``row``, ``class``, ``held-out row``.
    form : str
        How the number is written, as a format string says it: ``,`` for 1,000.
    """
    return f"{number:{form}} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_HISSING) else f"{noun}s"


def was_or_were(number: int) -> str:
    return "was" if number == 1 else "were"
