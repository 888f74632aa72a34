"""Which artifacts there are; whether their content was uploaded is the blob store's matter."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from mlproject.emulator.keeping.lines import Lines


class Owner(NamedTuple):
    """Whose artifacts they are: an origin, such as ExperimentRun, and a container in it."""

    origin: str
    container: str


class Records:
    """The artifact service's records, in a file that survives restarts.

    Parameters
    ----------
    late : float
        Seconds after which listings show a new record.
    """

    def __init__(self, path: Path, late: float = 0.0) -> None:
        self._lines = Lines(path)
        self._late = late
        # When each path is listed, on the clock of this process.
        self._known: dict[Owner, dict[str, float]] = defaultdict(dict)
        self._lock = threading.Lock()
        for origin, container, artifact in self._lines:
            self._known[Owner(origin, container)][artifact] = 0.0

    def created(self, owner: Owner, artifact: str) -> bool:
        """Make a record; False where there is one of this path."""
        with self._lock:
            if artifact in self._known[owner]:
                return False
            self._known[owner][artifact] = time.monotonic() + self._late
            self._lines.append([*owner, artifact])
            return True

    def holds(self, owner: Owner, artifact: str) -> bool:
        return artifact in self._known.get(owner, ())

    def listed(self, owner: Owner, prefix: str = "") -> list[str]:
        """Return the paths at or below a folder, sorted; all of them without one."""
        now, folder = time.monotonic(), prefix.rstrip("/")
        with self._lock:
            known = self._known.get(owner, {})
            paths = sorted(path for path, listed in known.items() if listed <= now)
        return [p for p in paths if not folder or p == folder or p.startswith(f"{folder}/")]
