"""Stores behind a URL that fsspec knows."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, cast

from mlproject.base import filesystems
from mlproject.base.errors import ConfigurationError, one_line
from mlproject.base.fsspec_errors import Reader, told
from mlproject.base.redaction import redacted
from mlproject.base.stores import Store, checked, is_scratch, scratch_name

# An upload is seen when all of it is there, and a condition can go with it.
_OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "azureml", "wasbs"}
_CREATING = threading.Lock()


def remote_store(location: str, options: Mapping[str, Any]) -> RemoteStore:
    import fsspec

    filesystems.register()
    protocol = location.partition("::")[0].partition("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"{redacted(location)} cannot be opened: {one_line(str(error))}",
            f"Install the fsspec package for {protocol}:// URLs, or check the spelling",
        ) from error
    kinds: dict[str, type[RemoteStore]] = dict.fromkeys(_OBJECT_STORES, ObjectStore)
    kinds["memory"] = MemoryStore
    return kinds.get(protocol, RemoteStore)(location, dict(options))


@dataclass(frozen=True)
class RemoteStore(Store):
    """A folder whose files are made under another name and renamed.

    Nothing that fsspec remembers of a listing is believed.
    """

    url: str
    options: dict[str, Any] = field(repr=False, compare=False)

    @property
    def location(self) -> str:
        return self.url

    @property
    def path(self) -> Path:
        raise ValueError(f"{self.shown} is not on this machine")

    @property
    def is_local(self) -> bool:
        return False

    def child(self, name: str) -> Store:
        return replace(self, url=f"{self.url.rstrip('/')}/{checked(name)}")

    def exists(self) -> bool:
        with self._opened() as (files, root):
            return bool(files.exists(root))

    def names(self) -> list[str]:
        return self._names(folders=False)

    def folders(self) -> list[str]:
        return self._names(folders=True)

    def read(self, name: str) -> bytes:
        with self._opened(name) as (files, path):
            return bytes(files.cat_file(path))

    def open(self, name: str) -> BinaryIO:
        with self._opened(name) as (files, path):
            stream = files.open(path, "rb")
        reader = Reader(stream, f"{self.shown.rstrip('/')}/{name}", self.options)
        return io.BufferedReader(reader, io.DEFAULT_BUFFER_SIZE)

    def size(self, name: str) -> int | None:
        with self._opened(name) as (files, path):
            return _size(files, path)

    def write(self, name: str, data: bytes) -> None:
        with self._opened(name) as (files, path), self._target(files, path) as target:
            files.pipe_file(target, data)

    def create(self, name: str, data: bytes) -> bool:
        with self._opened(name) as (files, path), _made(files, path) as made:
            if _size(files, path) is not None:
                return False
            files.pipe_file(made, data)
            if _size(files, path) is not None:
                return False
            return _created(files, path, lambda: files.mv(made, path))

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        with TemporaryDirectory(prefix="mlproject-") as folder:
            yield Path(folder) / checked(name)

    def put(self, path: Path, name: str) -> None:
        with self._opened(name) as (files, final), self._target(files, final) as target:
            files.put_file(str(path), target)
        path.unlink()

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError), self._opened(name) as (files, path):
            files.rm_file(path)

    def remove_all(self, keep: str | None = None) -> None:
        with self._opened() as (files, root), suppress(FileNotFoundError):
            self._check_inside(root)
            if keep is None:
                files.rm(root, recursive=True)
            else:
                kept = f"{root.strip('/')}/{keep}"
                self._remove(
                    files,
                    [path for path in files.ls(root, detail=False) if path.strip("/") != kept],
                )

    def make(self) -> None:
        with self._opened() as (files, root):
            files.makedirs(root, exist_ok=True)

    def _remove(self, files: Any, paths: list[str]) -> None:
        for path in paths:
            files.rm(path, recursive=True)

    def _check_inside(self, root: str) -> None:
        if not root.strip("/"):
            raise OSError("a whole disk is not removed")

    @contextmanager
    def _opened(self, name: str | None = None) -> Iterator[tuple[Any, str]]:
        """Yield the file system and a path in it; whatever fails is told as an OSError."""
        shown = self.shown if name is None else f"{self.shown.rstrip('/')}/{checked(name)}"
        with told(shown, self.options):
            # fsspec keeps one for each URL and options, and makes another after a fork.
            files, root = filesystems.opened(self.url, **self.options)
            yield files, f"{root.rstrip('/')}/{name}" if name is not None else root

    @contextmanager
    def _target(self, files: Any, path: str) -> Iterator[str]:
        """Yield the path to write to; what is there after the block gets the path that is given."""
        with _made(files, path) as made:
            yield made
            try:
                files.mv(made, path)
            except Exception:
                if _size(files, path) is None:
                    raise
                _replace(files, made, path)

    def _names(self, folders: bool) -> list[str]:
        with suppress(FileNotFoundError, NotADirectoryError), self._opened() as (files, root):
            kind = "directory" if folders else "file"
            found = [item for item in files.ls(root, detail=True) if item["type"] == kind]
            paths = {item["name"].strip("/") for item in found} - {root.strip("/")}
            names = [path.rpartition("/")[2] for path in paths]
            return sorted(name for name in names if not is_scratch(name))
        return []


@dataclass(frozen=True)
class ObjectStore(RemoteStore):
    """A folder that is only a beginning of names: an upload is there whole, or not at all."""

    def create(self, name: str, data: bytes) -> bool:
        with self._opened(name) as (files, path):
            # Asked first, as some services that speak the language of S3 ignore the condition.
            if _size(files, path) is not None:
                return False
            return _created(files, path, lambda: files.pipe_file(path, data, mode="create"))

    def make(self) -> None:
        """Do nothing: s3fs would make a bucket of a misspelt name."""

    def _remove(self, files: Any, paths: list[str]) -> None:
        if paths:
            files.rm(paths, recursive=True)

    def _check_inside(self, root: str) -> None:
        if "/" not in root.strip("/"):
            raise OSError("a whole bucket is not removed")

    @contextmanager
    def _target(self, files: Any, path: str) -> Iterator[str]:
        yield path


@dataclass(frozen=True)
class MemoryStore(RemoteStore):
    """Files of this process, for trials; folders are only names, as in object stores."""

    def exists(self) -> bool:
        with self._opened() as (files, root):
            return bool(files.find(root))

    def make(self) -> None:
        """Do nothing."""

    def open(self, name: str) -> BinaryIO:
        # The file system itself gives one file, at one position, to all who open it.
        return cast(BinaryIO, io.BytesIO(self.read(name)))

    def create(self, name: str, data: bytes) -> bool:
        with _CREATING:
            return super().create(name, data)


def _replace(files: Any, made: str, path: str) -> None:
    """Rename onto a file where that is refused, as by HDFS and SMB: for a moment there is none."""
    with _made(files, path) as before:
        files.mv(path, before)
        try:
            files.mv(made, path)
        except BaseException:
            files.mv(before, path)
            raise


def _size(files: Any, path: str) -> int | None:
    files.invalidate_cache()
    try:
        found = files.info(path)
    except FileNotFoundError:
        return None
    return int(found["size"]) if found["type"] == "file" else None


def _created(files: Any, path: str, create: Callable[[], object]) -> bool:
    """Call what makes a file if there is none; return whether it did."""
    try:
        create()
    except Exception:  # file systems say in many ways that there is one by now
        if _size(files, path) is None:
            raise
        return False
    return True


@contextmanager
def _made(files: Any, path: str) -> Iterator[str]:
    """Yield the path of a file beside another; it is removed if it is there after the block."""
    folder, _, name = path.rpartition("/")
    made = f"{folder}/{scratch_name(name)}"
    try:
        yield made
    finally:
        if _size(files, made) is not None:
            files.rm_file(made)
