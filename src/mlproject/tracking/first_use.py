"""The first use of a database file: MLflow makes its tables, which one process at a time can do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlproject.base.errors import ConfigurationError
from mlproject.base.files import locked
from mlproject.tracking.target import SQLITE

_LONGEST_WAIT_SECONDS = 300.0


@contextmanager
def first_use(uri: str) -> Iterator[None]:
    """Have processes that open a new SQLite file wait for the first one to have made its tables.

    The lock's file lies beside the database from before that is made until all of its tables are.
    So a database without one is complete, and opening it costs two looks into the folder.
    """
    if not uri.startswith(SQLITE):
        yield
        return
    path = Path(uri.removeprefix(SQLITE))
    lock = path.with_name(f".{path.name}.first-use")
    if path.exists() and not lock.exists():  # in this order
        path.open("rb").close()  # MLflow would try for minutes
        yield
        return
    if not os.access(path.parent, os.W_OK):
        raise ConfigurationError(
            f"The database {path} cannot be made in a folder that cannot be written to",
            "Name a file in another folder",
        )
    what = f"The database {path} is being made by another process, for minutes already"
    with locked(lock, what, "Try again later", seconds=_LONGEST_WAIT_SECONDS):
        yield
    # Who waits for it finds tables that are complete, as does who makes it anew.
    try:
        lock.unlink(missing_ok=True)
    except PermissionError:  # Windows, where another has it open: that one removes it
        return
