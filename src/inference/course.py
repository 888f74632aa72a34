"""What a run wants of its parts, written where all that make them see it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field

from mlproject.base.stores import Store

NAME = "run.json"


@dataclass(frozen=True)
class Course:
    """A run, as its parts know it: which of them are wanted is asked of a file.

    A worker may go on when the process that started it is gone, or another run has begun.
    """

    store: Store
    run: str = field(default_factory=lambda: secrets.token_hex(8))

    def begin(self) -> None:
        """Want all parts."""
        self._write(None)

    def stop_after(self, number: int) -> None:
        """Want no part after one; of -1 none at all."""
        known, last = self._read()
        if known and (last is None or number < last):
            self._write(number)

    def wants(self, number: int) -> bool:
        known, last = self._read()
        return known and (last is None or number <= last)

    def _write(self, last: int | None) -> None:
        self.store.write(NAME, json.dumps({"run": self.run, "last": last}).encode())

    def _read(self) -> tuple[bool, int | None]:
        """Return whether the folder is this run's, and the last part that is wanted."""
        try:
            content = json.loads(self.store.read(NAME))
        except FileNotFoundError:
            return False, None
        return content["run"] == self.run, content["last"]
