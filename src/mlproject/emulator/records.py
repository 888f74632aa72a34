"""Which artifacts there are; whether their content was uploaded is the blob store's matter."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple


class Owner(NamedTuple):
    """Whose artifacts they are: an origin, such as ExperimentRun, and a container in it."""

    origin: str
    container: str


class Records:
    """The artifact service's records, a line of JSON each in a file that survives restarts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[Owner, set[str]] = defaultdict(set)
        self._lock = threading.Lock()
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                origin, container, artifact = json.loads(line)
            except ValueError:  # the emulator was killed as it wrote the line
                continue
            self._known[Owner(origin, container)].add(artifact)

    def created(self, owner: Owner, artifact: str) -> bool:
        """Make a record; False where there is one of this path."""
        with self._lock:
            if artifact in self._known[owner]:
                return False
            self._known[owner].add(artifact)
            with self._path.open("a", encoding="utf-8") as stream:
                # The line break comes first: what a killed emulator left half written ends there.
                stream.write("\n" + json.dumps([*owner, artifact]))
            return True

    def holds(self, owner: Owner, artifact: str) -> bool:
        return artifact in self._known.get(owner, ())

    def listed(self, owner: Owner, prefix: str = "") -> list[str]:
        """Return the paths at or below a folder, sorted; all of them without one."""
        with self._lock:
            paths = sorted(self._known.get(owner, ()))
        folder = prefix.rstrip("/")
        return [p for p in paths if not folder or p == folder or p.startswith(f"{folder}/")]
