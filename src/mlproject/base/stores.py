"""Files under one folder, on this machine or behind an fsspec URL: each is there whole or not."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlproject.base.redaction import redacted

_SCRATCH = re.compile(r"\..+\.[0-9a-f]{8}")
_LOCAL = ("", "file", "local")


class Store(ABC):
    """A folder, which need not be there yet, and the files directly inside.

    It can be pickled and used by several threads. Whatever a file system says is raised as an
    OSError of one line, without secrets. Files that are still made, or were left by a process that
    was killed, are called ``.NAME.<8 hex digits>``; they are none of the store's files.
    """

    @staticmethod
    def of(location: str, storage_options: Mapping[str, Any] | None = None) -> Store:
        """Return the store at a path, a ``file://`` URL or any URL that fsspec knows.

        Raises
        ------
        ConfigurationError
            When nothing that is installed knows such a URL.
        """
        if (path := local_path(location)) is not None:
            from mlproject.base.local_store import LocalStore

            return LocalStore(path)
        from mlproject.base.remote_store import remote_store

        return remote_store(location, storage_options or {})

    @property
    @abstractmethod
    def location(self) -> str:
        """What ``of`` was given; the absolute path where that is on this machine."""

    @property
    def shown(self) -> str:
        """The location as messages may say it."""
        return redacted(self.location)

    @property
    @abstractmethod
    def path(self) -> Path:
        """The folder. A ValueError when it is not on this machine."""

    @property
    @abstractmethod
    def is_local(self) -> bool: ...

    @abstractmethod
    def child(self, name: str) -> Store:
        """Return the store of a folder inside."""

    @abstractmethod
    def exists(self) -> bool:
        """Whether the folder is there; where folders are only names: whether any file is below."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the names of the files directly inside, sorted."""

    @abstractmethod
    def folders(self) -> list[str]:
        """Return the names of the folders directly inside, sorted."""

    @abstractmethod
    def read(self, name: str) -> bytes: ...

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, from any position."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return a file's size in bytes; None when there is no such file."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file in one step: whoever reads it finds what was there before, or all of it."""

    @abstractmethod
    def create(self, name: str, data: bytes) -> bool:
        """Write a file in one step if there is none; return whether this call did it.

        Of several that race one is told True, as far as the file system can promise that:

        - this machine: always; where the file system has neither hard links nor renames that
          refuse, the file may be seen before it is whole
        - ``s3``, ``gs``, ``abfs``: the service decides, by a conditional request. Some services
          that speak S3's language ignore the condition
        - ``memory``: always, inside the process, which alone can see it
        - all others: only when one call ended before the other began, or when renaming onto a
          file is refused, as HDFS and SMB do

        An answer that was lost on its way can make it False for the one that did it: who must
        know writes what nobody else writes, and reads it back.
        """

    @abstractmethod
    def scratch(self, name: str) -> AbstractContextManager[Path]:
        """Yield the path of a file on this machine, not there yet, which is to be put as ``name``.

        What is left of it is removed at the end of the block.
        """

    def sweep(self, name: str) -> None:  # noqa: B027 - elsewhere they are in temporary folders
        """Remove the scratch files of a name that killed processes left: nobody writes any."""

    @abstractmethod
    def put(self, path: Path, name: str) -> None:
        """Move a file of this machine here in one step, in place of what is there."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def remove_all(self, keep: str | None = None) -> None:
        """Remove the folder and all that is below, if it is there.

        With ``keep`` the file of that name stays, and so does the folder.
        """

    @abstractmethod
    def make(self) -> None:
        """Make the folder and those above, where folders are more than names."""


def local_path(location: str) -> Path | None:
    """Return the absolute path that a location stands for; None for one of another machine."""
    scheme, separator, _ = location.partition("://")
    if separator and scheme not in _LOCAL:
        return None
    if location.startswith("file:") or separator:
        location = url2pathname(urlsplit(location).path)
    return Path(location).expanduser().absolute()


def checked(name: str) -> str:
    """Return the name of something directly inside a folder, which leads nowhere else."""
    if name in ("", ".", "..") or "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is not the name of a file inside a folder")
    return name


def scratch_name(name: str) -> str:
    return f".{checked(name)}.{secrets.token_hex(4)}"


def is_scratch(name: str) -> bool:
    return _SCRATCH.fullmatch(name) is not None
