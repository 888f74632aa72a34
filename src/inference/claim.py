"""Who holds an output: one process at a time, until it lets go or ends."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.files import atomic_write
from mlproject.base.stores import Store

LOCK_FILE = ".lock"
HOLDER_FILE = ".holder"
_TOKEN = re.compile(r"[0-9a-f]{32}")  # it names a file


@dataclass(frozen=True)
class Holder:
    """A process that holds a folder, as it describes itself to others."""

    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    since: str = field(
        default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds")
    )
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def parsed(cls, data: bytes) -> Holder | None:
        try:
            holder = cls(**json.loads(data))
            return holder if _TOKEN.fullmatch(holder.token) else None
        except (ValueError, TypeError):
            return None

    def dumped(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def __str__(self) -> str:
        return f"process {self.process} on host {self.host} since {self.since}"


class Claim:
    """A folder that this process holds."""

    def __init__(self, store: Store, what: str, mark: str, is_held: Callable[[], bool]) -> None:
        self._store, self._what, self._mark, self._is_held = store, what, mark, is_held
        self.removed = False

    def check(self) -> None:
        """Raise ConfigurationError when somebody has taken the folder away by hand."""
        if not self._is_held():
            raise ConfigurationError(
                f"{self._what} is no longer held: {self._store.shown}/{self._mark} was removed",
                "Start again when no other process writes there",
            )

    def remove(self) -> None:
        """Remove the folder with all that is below, as the last thing done while it is held."""
        self.check()
        self._store.remove_all(keep=self._mark)
        self.removed = True


@contextmanager
def held(store: Store, what: str) -> Iterator[Claim]:
    """Hold a folder for the block, and make it if it is not there.

    Of a folder on this machine a lock of the system says who holds it, which ends with its
    process. Behind a URL it is an object that stays when its process is killed: see
    ``claim_objects``. Nothing depends on how long ago something was.

    Parameters
    ----------
    store : Store
        The folder. ``Claim.remove`` removes it.
    what : str
        What messages call the output that is written there.

    Raises
    ------
    ConfigurationError
        At once, when another process or another thread holds it, and when it cannot be held.
    """
    with _holding(store, what) as claim:
        yield claim


def refused(what: str, holder: Holder | None, more: str = "") -> ConfigurationError:
    by = str(holder) if holder else "another process"
    hint = f"Wait for it, or give another --output{more}"
    return ConfigurationError(f"{what} is being written by {by}", hint)


def _holding(store: Store, what: str) -> AbstractContextManager[Claim]:
    if store.is_local:
        return _locked(store, what)
    from inference.claim_objects import claimed

    return claimed(store, what)


@contextmanager
def _locked(store: Store, what: str) -> Iterator[Claim]:
    path, holder = store.path / LOCK_FILE, store.path / HOLDER_FILE
    try:
        lock = _acquired(store, what)
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be written: {reason(error)}") from error
    own = _identity(path)
    claim = Claim(store, what, LOCK_FILE, lambda: _identity(path) == own)
    try:
        atomic_write(holder, Holder().dumped())
        yield claim
    finally:
        if _identity(path) == own:
            holder.unlink(missing_ok=True)
            let_go(lock, path)
        else:  # what is there is none of ours
            lock.release()
        if claim.removed:
            with suppress(OSError):  # it is another's by now
                store.path.rmdir()


def _acquired(store: Store, what: str) -> Any:
    """Return the lock of a folder, and of no folder that was removed while it was waited for."""
    from filelock import FileLock, Timeout

    path = store.path / LOCK_FILE
    while True:
        store.make()
        before = _identity(path)
        lock = FileLock(path, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except (FileNotFoundError, FileExistsError):  # somebody removed the folder just now
            continue
        except Timeout:
            # It is held, unless the file that could not be locked is none of this folder any more.
            if before is not None and before == _identity(path):
                raise refused(what, _read(store.path / HOLDER_FILE)) from None
            continue
        return lock


def let_go(lock: Any, path: Path) -> None:
    """Remove the file of a lock that is held, and release it.

    Who has opened that file by now finds, once the lock is free, that it has no name any more.
    """
    if sys.platform != "win32":  # there, an open file cannot be removed
        path.unlink(missing_ok=True)
    lock.release()
    if sys.platform == "win32":
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _read(path: Path) -> Holder | None:
    try:
        return Holder.parsed(path.read_bytes())
    except OSError:
        return None
