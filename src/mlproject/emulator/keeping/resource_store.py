"""What Resource Manager keeps: each resource under its id, which is the same in any case."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from mlproject.emulator.identities import CLIENT_ID, SCOPE
from mlproject.emulator.keeping.lines import Lines
from mlproject.emulator.keeping.resources import resource
from mlproject.emulator.keeping.signing import zulu

Resource = dict[str, Any]


class Resources:
    """The workspace's resources by their paths below it, in a file that survives restarts."""

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self._known: dict[str, Resource] = {}
        self._lock = threading.Lock()
        for content in self._lines:
            if "removed" in content:
                self._known.pop(content["removed"], None)
            else:
                self._known[_key(content["id"])] = content

    def get(self, path: str) -> Resource | None:
        """Return a resource by its path below the workspace, or by its whole id."""
        with self._lock:
            return self._known.get(_key(path))

    def put(self, path: str, properties: dict[str, Any], **more: Any) -> Resource:
        """Make a resource, or change its properties, and what it has beside them."""
        with self._lock:
            before = self._known.get(_key(path))
            made = before["systemData"] if before else _made_now()
            content = resource(path.lstrip("/"), properties, systemData=made, **more)
            self._known[_key(path)] = content
            self._lines.append(content)
            return content

    def remove(self, path: str) -> None:
        with self._lock:
            if self._known.pop(_key(path), None) is not None:
                self._lines.append({"removed": _key(path)})

    def below(self, path: str, deeper: int = 1) -> list[Resource]:
        """Return what is so many parts below a path, oldest first."""
        start, parts = f"{_key(path)}/", path.count("/") + deeper
        with self._lock:
            return [
                content
                for key, content in self._known.items()
                if key.startswith(start) and key.count("/") == parts
            ]


def _key(path: str) -> str:
    return path.lower().removeprefix(SCOPE.lower()).rstrip("/")


def _made_now() -> dict[str, str]:
    now = zulu(time.time())
    by = {"createdBy": CLIENT_ID, "createdByType": "Application"}
    return {"createdAt": now, **by, "lastModifiedAt": now}
