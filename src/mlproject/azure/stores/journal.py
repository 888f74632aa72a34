"""Notes beside the artifacts of a run or an upload: what the service has no other place for.

A journal is a folder of small JSON files. Notes are only added, each under a name that says when
(``order``), so that any number of threads and processes may write; each is read once by a process,
as it never changes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from mlproject.azure.connection.failures import ATTEMPTS, AzureMLException
from mlproject.azure.connection.files import Files
from mlproject.azure.stores import order
from mlproject.azure.stores.memory import Memory
from mlproject.azure.stores.versions import HIDDEN
from mlproject.base.visible import visible

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Note = Mapping[str, Any]
T = TypeVar("T")
_logger = logging.getLogger(__name__)


_MEMORY = Memory[Note]()


class Journal:
    """One folder of notes."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._label = files, files.label
        self.folder = f"{HIDDEN}/{name}"
        self._key = (files.owner, name)

    @property
    def is_known(self) -> bool:
        """Whether this process knows that there are notes; they are never removed."""
        return bool(_MEMORY.of(self._key))

    def notes(self) -> list[Note]:
        """Return all notes, the oldest first. One that cannot be read is told and passed over."""
        known = _MEMORY.of(self._key)
        located = self._files.below(self.folder)
        unread = {path: url for path, url in located.items() if path not in known}
        read: dict[str, Note] = {}
        for path, content in zip(unread, self._files.read(unread), strict=True):
            if content is None:  # its writer has not finished, or never will
                continue
            note = _parsed(content)
            if note is None:
                _logger.warning("The note %s of the %s is no JSON", visible(path), self._label)
                continue
            read[path] = note
        if read:
            _MEMORY.add(self._key, read)
        # What this process has just written need not be listed yet.
        notes = known | read
        return [notes[path] for path in sorted(notes)]

    def notes_as(self, kind: TypeAdapter[T]) -> list[T]:
        """Return all notes as what they are to be; others may write into a run, too."""
        found = []
        for note in self.notes():
            try:
                found.append(kind.validate_python(note))
            except ValueError:
                _logger.warning("A note in %s of the %s is no such note", self.folder, self._label)
        return found

    def add(self, note: Note) -> None:
        """Write a note."""
        with TemporaryDirectory(prefix="mlproject-") as folder:
            local = Path(folder) / "note.json"
            local.write_text(json.dumps(note), encoding="utf-8")
            for _ in range(ATTEMPTS):
                path = f"{self.folder}/{order.after(_MEMORY.of(self._key))}.json"
                if self._files.add([(local, path)]).get(path, True):
                    _MEMORY.add(self._key, {path: note})
                    return
        raise AzureMLException(
            f"The {self._label} takes no more files: what Azure ML has no other place for "
            "cannot be kept"
        )


def _parsed(content: bytes) -> Note | None:
    try:
        note = json.loads(content)
    except ValueError:
        return None
    return note if isinstance(note, dict) else None
