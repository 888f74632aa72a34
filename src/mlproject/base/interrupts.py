"""Ctrl-C and SIGTERM: what an interruption may cut in two, and what it may not."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


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
