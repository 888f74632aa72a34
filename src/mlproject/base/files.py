"""Files that are written whole or not at all, locks that end with their process, and hashes."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mlproject.base.errors import ConfigurationError, reason

_BLOCK_BYTES = 1 << 20
_POLL_SECONDS = 0.05


def expanded(text: str) -> Path:
    """Return a path, with what ``~`` and ``~NAME`` stand for."""
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(f"{text}: there is no such home folder") from error


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file in one step: whoever reads it finds what was there before, or all of this."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def locked(
    path: Path, what: str, hint: str | None = None, *, seconds: float = 0.0
) -> Iterator[None]:
    """Hold a lock for the block; the system gives it back when the process is killed.

    Parameters
    ----------
    path : Path
        Of a file that is made, and stays: who removed it could lock beside a process that waits.
    what, hint : str
        The ConfigurationError when another, in this process or not, holds it.
    seconds : float
        How long to wait for it; by default not at all.
    """
    from filelock import FileLock, Timeout  # a tenth of a second, which few commands need

    # Held by whoever has this object, not by the thread that made it.
    lock = FileLock(path, timeout=seconds, thread_local=False, poll_interval=_POLL_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise ConfigurationError(what, hint) from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be locked: {reason(error)}") from error
    try:
        yield
    finally:
        lock.release()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as ``sha256sum`` prints it."""
    with path.open("rb") as stream:
        return sha256_of_stream(stream)


def sha256_of_stream(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
