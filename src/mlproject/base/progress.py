"""How far something has come, and bytes on their way, told to whoever shows it.

What moves bytes lies deep below the commands that people watch: it opens ``moving``, and the step
that is open (``console.Reporter.step``) shows it. Where none is open nothing is shown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

Shown = Callable[["Transfer"], AbstractContextManager[None]]

_SHOWN: ContextVar[Shown | None] = ContextVar("shown", default=None)
_MEGABYTE = 1e6


@dataclass(frozen=True)
class Standing:
    """How far something has come, in words and, where it is known, of how much."""

    text: str
    done: int = 0
    total: int | None = None


class Transfer:
    """Bytes that are on their way: of how many, where that is known, and since when."""

    def __init__(self, text: str, total: int | None) -> None:
        self.total = total
        self._text = text
        self._done, self._started = 0, time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count bytes; called in several threads."""
        with self._lock:
            self._done += count

    def one_file(self) -> Callable[[int], None]:
        """Return what takes how far one of the files has come.

        That may be less than before: what broke off begins anew.
        """
        before = 0

        def come(position: int) -> None:
            nonlocal before
            self.add(position - before)
            before = position

        return come

    def standing(self) -> Standing:
        done, total, past = self._done, self.total, time.monotonic() - self._started
        if not total:
            return Standing(f"{self._text}, {done / _MEGABYTE:,.1f} MB", done)
        words = f"{self._text}, {done / _MEGABYTE:,.1f} of {total / _MEGABYTE:,.1f} MB"
        if 0 < done < total:
            words = f"{words}, {clock(past * (total - done) / done)} left"
        return Standing(words, done, total)


@contextmanager
def moving(text: str, total: int | None = None) -> Iterator[Transfer]:
    """Count the bytes that the block moves, and have them shown where a step is."""
    transfer, shown = Transfer(text, total), _SHOWN.get()
    with shown(transfer) if shown else nullcontext():
        yield transfer


@contextmanager
def shown_by(shown: Shown) -> Iterator[None]:
    """Have transfers in the block shown."""
    before = _SHOWN.set(shown)
    try:
        yield
    finally:
        _SHOWN.reset(before)


def clock(seconds: float) -> str:
    """Return a span of time as hours, minutes and seconds: ``0:02:05``."""
    return str(timedelta(seconds=round(seconds)))
