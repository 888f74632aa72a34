"""A lock on a folder, for as long as a process lives."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mlproject.base.errors import ConfigurationError

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

    def _unlock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def waited_for(path: Path, seconds: float, what: str, hint: str) -> Iterator[None]:
    """Hold a lock for the block, once others have given it back.

    Raises
    ------
    ConfigurationError
        When another still holds it after so many seconds.
    """
    end = time.monotonic() + seconds
    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(held(path, what, hint))
            except ConfigurationError:
                if time.monotonic() > end:
                    raise
            else:
                yield
                return
        time.sleep(0.05)


@contextmanager
def held(path: Path, what: str, hint: str) -> Iterator[None]:
    """Hold a lock for the block; the system gives it back when the process is killed.

    Parameters
    ----------
    path : Path
        Of a file that is made and stays.
    what, hint : str
        The failure when another holds it.

    Raises
    ------
    ConfigurationError
        When another holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            _lock(handle)
        except OSError as error:
            raise ConfigurationError(what, hint) from error
        try:
            yield
        finally:
            _unlock(handle)
    finally:
        os.close(handle)
