"""Artifacts under the paths that a program gave, although the service overwrites nothing.

What is written to a path for the second time is stored under a path of its own,
``azureml3/versions/ORDER-ID/PATH``, and shown and read as ``PATH``: the newest of its versions.
Nothing is removed. The Studio shows both, and knows ``PATH`` as it was first written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from mlproject.azure.connection.failures import ATTEMPTS, AzureMLException
from mlproject.azure.connection.files import Files, NoContent
from mlproject.azure.stores import order
from mlproject.azure.stores.memory import Memory

# Where everything is that our plugins add to the artifacts of a run; users do not see it.
HIDDEN = "azureml3"
_VERSIONS = f"{HIDDEN}/versions"
_VERSION = re.compile(rf"{_VERSIONS}/{order.NAME.pattern}/(?P<path>.+)")
# Where this process has stored artifacts: a program reads what it has written, listed or not.
_WRITTEN = Memory[None]()


class Versions:
    """The artifacts of a run or of an upload, each with the newest content of its path."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._owner = (files.owner, _VERSIONS)

    def paths(self) -> dict[str, list[str]]:
        """Return where each artifact is stored, the newest first, by the path it is shown as."""
        return _by_shown([*self._files.paths(), *_WRITTEN.of(self._owner)])

    def below(self, folder: str) -> dict[str, list[str]]:
        """Return the same of what is in a folder, or in those in it."""
        if not folder:
            return self.paths()
        written = _WRITTEN.of(self._owner)
        stored = _by_shown([*self._files.below(folder), *self._versions(), *written])
        return {path: all_of for path, all_of in stored.items() if path.startswith(f"{folder}/")}

    def at(self, path: str) -> list[str]:
        """Return where one artifact can be stored, the newest first; perhaps it is not there."""
        return _by_shown([path, *self._versions()]).get(path, [path])

    def put(self, files: Sequence[tuple[Path, str]]) -> None:
        """Write files, each to a path; what is there with other content gets a newer version."""
        ours = next((path for _, path in files if path.split("/")[0] == HIDDEN), None)
        if ours is not None:
            raise MlflowException.invalid_parameter_value(
                f"The artifact '{ours}' cannot be written: the folder {HIDDEN} is kept for what "
                "Azure ML has no other place for. Use another name"
            )
        there = self._files.add(files)
        self._remember(path for _, path in files)
        for _ in range(ATTEMPTS):
            stored = _by_shown([*there, *self._versions()]) if there else {}
            left = [
                (local, path)
                for local, path in files
                if path in there and not self._is_current(local, path, stored[path], there[path])
            ]
            if not left:
                return
            name = order.after(latest for latest, *_ in stored.values())
            new = [(local, f"{_VERSIONS}/{name}/{path}") for local, path in left]
            added = self._files.add(new)
            self._remember(path for _, path in new if added.get(path, True))
            # A new name is nobody else's. It is taken where an answer was lost, and stays without
            # content where the service gives no URL to write it: then it is another's turn.
            there = {_shown(path): False for path, has in added.items() if not has}
        raise AzureMLException(
            f"The artifact '{left[0][1]}' of the {self._files.label} cannot be written: the "
            "service gives no address that takes its content"
        )

    def get(self, stored: Sequence[str], destination: Path) -> None:
        """Download the newest content of an artifact.

        RESOURCE_DOES_NOT_EXIST when there is none; the newest is passed over where whoever wrote
        it was killed midway.
        """
        for path in stored:
            try:
                return self._files.get(path, destination)
            except NoContent:
                continue
        raise AzureMLException(
            f"The artifact '{stored[-1]}' of the {self._files.label} has no content: whoever "
            "wrote it did not finish. Write it again",
            error_code=RESOURCE_DOES_NOT_EXIST,
        )

    def _is_current(self, local: Path, path: str, stored: list[str], first: bool) -> bool:
        """Whether an artifact has a file's content; ``first`` says it of its first version."""
        return first if stored[0] == path else self._files.holds(stored[0], local)

    def _versions(self) -> Iterable[str]:
        written = (path for path in _WRITTEN.of(self._owner) if path.startswith(_VERSIONS))
        return [*self._files.below(_VERSIONS), *written]

    def _remember(self, paths: Iterable[str]) -> None:
        _WRITTEN.add(self._owner, dict.fromkeys(paths))


def _by_shown(stored: Iterable[str]) -> dict[str, list[str]]:
    """Return stored paths, the newest first, by the path that each is shown as."""
    by_shown: dict[str, list[str]] = {}
    # The first content of a path is stored under the path itself; the names of versions sort.
    for path in sorted(set(stored), key=lambda path: (_shown(path) != path, path), reverse=True):
        shown = _shown(path)
        if not shown.startswith(f"{HIDDEN}/"):
            by_shown.setdefault(shown, []).append(path)
    return by_shown


def _shown(stored: str) -> str:
    match = _VERSION.fullmatch(stored)
    return match["path"] if match else stored
