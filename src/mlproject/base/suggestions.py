"""Nearest known name, for the second half of every "no such …" message."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_CLOSE = 0.6


def nearest(name: str, known: Iterable[str], cutoff: float = _CLOSE) -> str | None:
    """Return the known name that looks most like ``name``, or None when none does."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str], *, noun: str = "names") -> str:
    """Return the hint that follows "no such …": the nearest name, or what there is."""
    names = sorted(known)
    close = nearest(name, names)
    if close is not None:
        return f"Did you mean '{close}'?"
    if not names:
        return f"There are no {noun}"
    shown = ", ".join(names[:12])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"Known {noun}: {shown}{more}"
