"""A store on this machine: files are moved by renaming, and take a free name by a link."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mlproject.base.files import atomic_write
from mlproject.base.stores import Store, checked, is_scratch, scratch_name


@dataclass(frozen=True)
class LocalStore(Store):
    """A folder of this machine, by its absolute path."""

    folder: Path

    @property
    def location(self) -> str:
        return str(self.folder)

    @property
    def path(self) -> Path:
        return self.folder

    @property
    def is_local(self) -> bool:
        return True

    def child(self, name: str) -> LocalStore:
        return LocalStore(self._file(name))

    def exists(self) -> bool:
        return self.folder.is_dir()

    def names(self) -> list[str]:
        return sorted(item.name for item in self._entries() if not item.is_dir())

    def folders(self) -> list[str]:
        return sorted(item.name for item in self._entries() if item.is_dir())

    def read(self, name: str) -> bytes:
        return self._file(name).read_bytes()

    def open(self, name: str) -> BinaryIO:
        return self._file(name).open("rb")

    def size(self, name: str) -> int | None:
        try:
            status = self._file(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return None if stat.S_ISDIR(status.st_mode) else status.st_size

    def write(self, name: str, data: bytes) -> None:
        atomic_write(self._file(name), data)

    def create(self, name: str, data: bytes) -> bool:
        target = self._file(name)
        with self.scratch(name) as temporary:
            with temporary.open("xb") as stream:
                stream.write(data)
            try:
                _move_to_free_name(temporary, target)
            except FileExistsError:
                return False
            except OSError:  # a file system without links
                return _create(target, data)
        return True

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        path = self.folder / scratch_name(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def sweep(self, name: str) -> None:
        for item in self._everything():
            if is_scratch(item.name) and item.name.startswith(f".{checked(name)}."):
                item.unlink()

    def put(self, path: Path, name: str) -> None:
        target = self._file(name)
        if target.exists():
            shutil.copymode(target, path)
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            with self.scratch(name) as temporary:  # it came from another disk
                shutil.copy(path, temporary)
                temporary.replace(target)
            path.unlink()

    def remove(self, name: str) -> None:
        self._file(name).unlink(missing_ok=True)

    def remove_all(self, keep: str | None = None) -> None:
        if self.folder.parent == self.folder:
            raise OSError(f"{self.folder} is a whole disk, and is not removed")
        for item in self._everything():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            elif item.name != keep:
                item.unlink()
        if keep is None and self.folder.exists():
            self.folder.rmdir()

    def make(self) -> None:
        while True:
            try:
                return self.folder.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                with suppress(FileNotFoundError):  # it was removed since then
                    if not stat.S_ISDIR(self.folder.lstat().st_mode):
                        raise

    def _file(self, name: str) -> Path:
        return self.folder / checked(name)

    def _entries(self) -> list[Path]:
        return [item for item in self._everything() if not is_scratch(item.name)]

    def _everything(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []


def _move_to_free_name(path: Path, target: Path) -> None:
    """Give a file another name, or raise FileExistsError."""
    if sys.platform == "win32":
        path.rename(target)
    else:
        os.link(path, target)


def _create(target: Path, data: bytes) -> bool:
    try:
        stream = target.open("xb")
    except FileExistsError:
        return False
    try:
        with stream:
            stream.write(data)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return True
