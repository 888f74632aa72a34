"""Who holds an output behind a URL, where nothing is locked: an object that names its holder.

A holder locks a file of its machine first, and then creates the object with the name of that file.
So others of that machine can tell whether it is gone, by its lock, and only who has that lock may
remove the object in its place. Who is on another machine cannot tell, and is refused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from inference.claim import Claim, Holder, let_go, refused
from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.stores import Store

CLAIM_FILE = ".claim"


@contextmanager
def claimed(store: Store, what: str) -> Iterator[Claim]:
    own = Holder()
    path = _lock_file(own)
    try:
        lock = _lock(path)
        try:
            _create(store, own, what)
        except BaseException:
            let_go(lock, path)
            raise
    except OSError as error:
        raise ConfigurationError(f"{what} cannot be written: {reason(error)}") from error
    try:
        yield Claim(store, what, CLAIM_FILE, lambda: _read(store) == own.dumped())
    except BaseException:
        with suppress(OSError):  # what went wrong first is what is told
            _remove(store, own)
        raise
    else:
        try:
            _remove(store, own)
        except OSError as error:
            raise ConfigurationError(
                f"{what} is written, and still held: {reason(error)}",
                f"Remove {store.shown}/{CLAIM_FILE}",
            ) from error
    finally:
        let_go(lock, path)


def _create(store: Store, own: Holder, what: str) -> None:
    store.make()
    while True:
        store.create(CLAIM_FILE, own.dumped())
        # What is there counts, as an answer may be lost, and a service may ignore the condition.
        found = _read(store)
        if found == own.dumped():
            return
        if found is None:  # another has let go just now
            continue
        holder = Holder.parsed(found)
        if not _is_gone(store, holder):
            raise _refusal(store, holder, what)


def _is_gone(store: Store, holder: Holder | None) -> bool:
    """Return whether a holder holds no more; remove the object of one that was killed here."""
    if holder is None:
        return False
    lock = _lock(_lock_file(holder)) if _was_here(holder) else None
    if lock is None:
        return _read(store) != holder.dumped()
    try:
        _remove(store, holder)
    finally:
        let_go(lock, _lock_file(holder))
    return True


def _remove(store: Store, holder: Holder) -> None:
    """Remove the object of a holder whose lock this process has, if it is still there."""
    if _read(store) == holder.dumped():
        store.remove(CLAIM_FILE)


def _was_here(holder: Holder) -> bool:
    return holder.host == Holder().host and _lock_file(holder).exists()


def _refusal(store: Store, holder: Holder | None, what: str) -> ConfigurationError:
    by_hand = f". If that process is known to be gone, remove {store.shown}/{CLAIM_FILE}"
    return refused(what, holder, "" if holder and _was_here(holder) else by_hand)


def _read(store: Store) -> bytes | None:
    try:
        return store.read(CLAIM_FILE)
    except FileNotFoundError:
        return None


def _lock_file(holder: Holder) -> Path:
    """Return the file that a process locks for as long as it holds something."""
    return _folder() / holder.token


def _folder() -> Path:
    """Return a folder that outlives a restart, so that who was running then is known to be gone."""
    try:
        folder = Path.home() / ".cache" / "mlproject" / "claims"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # there is no home, or nothing may be written there
        folder = Path(tempfile.gettempdir()) / "mlproject" / "claims"
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _lock(path: Path) -> Any:
    """Return the lock of a file; None when it is held."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock
