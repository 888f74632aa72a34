"""One blob on the emulator's disk: its content, its metadata, and its name in the index."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlproject.emulator.keeping.lines import Lines

_INDEX = "names.jsonl"


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def index(folder: Path) -> dict[str, str]:
    """Return the files of all blobs that were ever made in a folder, by name."""
    return {name: file for file, name in Lines(folder / _INDEX)}


@dataclass(frozen=True)
class Stored:
    """A blob, which need not be there yet; its name begins with ``/`` and the container."""

    folder: Path
    name: str

    @property
    def path(self) -> Path:
        """The file of its content: a name may be longer than a file's, and a folder to another."""
        return self.folder / digest(self.name)

    @property
    def etag(self) -> str:
        return f"0x{self.path.stat().st_mtime_ns:X}"

    @property
    def changed(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.path.stat().st_mtime, dt.timezone.utc)

    @property
    def metadata(self) -> dict[str, str]:
        if not self._described.exists():
            return {}
        return dict(json.loads(self._described.read_text(encoding="utf-8")))

    def make(self) -> None:
        """Make it, empty."""
        Lines(self.folder / _INDEX).append([self.path.name, self.name])
        self.path.touch()

    def replace_by(self, content: Path, metadata: Mapping[str, str]) -> None:
        if not self.path.exists():
            Lines(self.folder / _INDEX).append([self.path.name, self.name])
        self.describe(metadata)
        content.replace(self.path)

    def describe(self, metadata: Mapping[str, str]) -> None:
        if metadata:
            self._described.write_text(json.dumps(metadata), encoding="utf-8")
        else:
            self._described.unlink(missing_ok=True)

    def remove(self) -> None:
        self._described.unlink(missing_ok=True)
        self.path.unlink()

    @property
    def _described(self) -> Path:
        return self.path.with_name(f"{self.path.name}.metadata")
