"""A file with a line of JSON for each thing, which survives that its writer is killed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Lines:
    """The things in a file, in the order in which they were written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def append(self, content: Any) -> None:
        with self._lock, self._path.open("a+b") as stream:
            if stream.tell():
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":  # what a killed emulator left half written ends here
                    stream.write(b"\n")
            stream.write(f"{json.dumps(content)}\n".encode())

    def __iter__(self) -> Iterator[Any]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # half written
                continue
