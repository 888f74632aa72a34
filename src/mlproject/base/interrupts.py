"""Ctrl-C and SIGTERM: what an interruption may cut in two, and what it may not."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_PATIENCE = 2
_struck = False


def has_struck() -> bool:
    """Whether Ctrl-C was pressed in this command; asked by threads that should end then.

    Nothing has to be done in the main thread for them to see it: there, the next Ctrl-C may break
    off whatever would tell them.
    """
    return _struck


class Interruptions:
    """What Ctrl-C does to a command, from its first line to the end of the interpreter.

    The first one ends the command in order, a second one gives up what that still waits for, and
    a third ends the process at once. It ends with one line, however many there are: what is
    pressed while the interpreter ends would else be answered with a traceback of its own.

    Parameters
    ----------
    code : int
        The exit code.
    line : str
        What is printed on standard error by a process that ends at once.
    """

    def __init__(self, code: int, line: str) -> None:
        self._code = code
        self._line = line
        self._count = 0
        self._ending = False
        self._told = False

    def install(self) -> None:
        """Take Ctrl-C over, unless it is ignored, as in what a shell runs in the background."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self.strike)
            sys.unraisablehook = self._unraisable
            # Registered first, done last: from then on the interpreter knows no handlers.
            atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)

    def ending(self, *, told: bool) -> None:
        """Say that the command ends by itself, and whether its last line has been printed."""
        self._ending = True
        self._told = told

    def strike(self, signum: int, frame: FrameType | None) -> None:
        global _struck
        _struck = True
        self._count += 1
        if self._count > _PATIENCE or (self._ending and self._told):
            if not self._told:
                os.write(2, f"{self._line}\n".encode())
            os._exit(self._code)
        if not self._ending:
            raise KeyboardInterrupt

    def _unraisable(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Strike again after an interruption that struck where nothing can be raised."""
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
        elif not self._ending:
            self._count -= 1
            signal.raise_signal(signal.SIGINT)


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Turn SIGTERM into KeyboardInterrupt, so that an open run can still be ended as KILLED."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled({signal.SIGTERM: interrupt}):
        yield


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block is done; then they strike.

    For work that takes milliseconds and must not be left half done; a second signal strikes at
    once. Outside the main thread, which alone is interrupted, this does nothing.
    """
    held: list[int] = []

    def hold(signum: int, frame: FrameType | None) -> None:
        held.append(signum)
        if len(held) > 1:
            raise KeyboardInterrupt

    try:
        with _handled({signal.SIGTERM: hold, signal.SIGINT: hold}):
            yield
    finally:
        if held:
            raise KeyboardInterrupt


@contextmanager
def _handled(handlers: dict[int, Any]) -> Iterator[None]:
    """Install signal handlers for the block, where this thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
