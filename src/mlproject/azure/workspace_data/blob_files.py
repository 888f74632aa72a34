"""A file system of fsspec over a workspace's data, so that whatever opens URLs opens it too.

Folders are only beginnings of names. A file is read as it was when it was opened.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from mlproject.azure.workspace_data import data_sources, storage
from mlproject.azure.workspace_data.data_uris import blob_of, path_of
from mlproject.azure.workspace_data.storage import Container, Item

# Asked for at a time, where a file is copied.
_RANGE_BYTES = 32 << 20


class BlobFiles(AbstractFileSystem):  # type: ignore[misc]
    """Paths in datastores, ``azureml://``, and in storage accounts, ``wasbs://``."""

    protocol: ClassVar[tuple[str, ...]] = ("azureml", "wasbs")
    root_marker = ""

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        container, name, above = self._at(path)
        item = container.find(name) if name else None
        if item is not None and not item.is_folder:
            return _entry(item, above)
        if item is None and not any(True for _ in container.listed(_below(name))):
            raise FileNotFoundError(path)
        return _entry(Item(name, is_folder=True), above)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        container, name, above = self._at(path)
        items = {item.name: item for item in container.inside(_below(name))}
        if not items:
            found = self.info(path)
            entries = [] if found["type"] == "directory" else [found]
        else:
            entries = [_entry(item, above) for item in items.values()]
        return entries if detail else [entry["name"] for entry in entries]

    def find(
        self,
        path: str,
        maxdepth: int | None = None,
        withdirs: bool = False,
        detail: bool = False,
        **_: Any,
    ) -> Any:
        """Return all files below, by one listing."""
        container, name, above = self._at(path)
        below = _below(name)
        found: dict[str, Item] = {}
        for item in container.listed(below):
            parts = item.name[len(below) :].split("/")
            if withdirs:
                for depth in range(1, len(parts)):
                    folder = below + "/".join(parts[:depth])
                    found.setdefault(folder, Item(folder, is_folder=True))
            if withdirs or not item.is_folder:
                found[item.name] = item
        if not found and name and (own := container.find(name)) and not own.is_folder:
            found[name] = own
        entries = {
            entry["name"]: entry
            for key, item in sorted(found.items())
            if maxdepth is None or key[len(below) :].count("/") < maxdepth
            for entry in [_entry(item, above)]
        }
        return entries if detail else list(entries)

    def cat_file(self, path: str, start: Any = None, end: Any = None, **_: Any) -> bytes:
        container, item = self._file(path)
        first, last, _step = slice(start, end).indices(item.size)
        return container.read(item, first, last)

    def get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, **_: Any) -> None:
        """Copy a file here, range by range: what breaks off goes on where it was."""
        container, item = self._file(rpath)
        callback.set_size(item.size)
        with Path(lpath).open("wb") as stream:
            for start in range(0, item.size, _RANGE_BYTES):
                stream.write(container.read(item, start, min(item.size, start + _RANGE_BYTES)))
                callback.absolute_update(stream.tell())

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        container, name, _above = self._at(path)
        if not container.write(name, bytes(value), replace=mode != "create"):
            raise FileExistsError(path)

    def put_file(self, lpath: Any, rpath: str, callback: Any = DEFAULT_CALLBACK, **_: Any) -> None:
        container, name, _above = self._at(rpath)
        container.write(name, Path(lpath), come=callback.absolute_update)

    def rm_file(self, path: str) -> None:
        container, name, _above = self._at(path)
        if not name:
            raise OSError("a whole container is not removed")
        container.remove(name)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        for one in [path] if isinstance(path, str) else path:
            for place in self.find(one) if recursive else [one]:
                self.rm_file(place)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Do nothing: there are no folders."""

    def _open(self, path: str, mode: str = "rb", block_size: Any = "default", **_: Any) -> Any:
        if mode != "rb":
            raise ValueError(f"{path} can be opened for reading, or written whole, not '{mode}'")
        return _File(self, path, *self._file(path))

    def _file(self, path: str) -> tuple[Container, Item]:
        container, name, _ = self._at(path)
        item = container.find(name) if name else None
        if item is None or item.is_folder:
            raise FileNotFoundError(path)
        return container, item

    def _at(self, path: str) -> tuple[Container, str, str]:
        """Return a path's container, its name in it, and what stands before names in paths."""
        plain = str(self._strip_protocol(path))
        blob = blob_of(f"wasbs://{plain}")
        if blob is not None:
            name = blob.path.strip("/")
            return storage.of_blob(blob), name, f"{blob.container}@{blob.host}/"
        address = data_sources.address_of(f"azureml://{plain}")
        found = path_of(address)
        if found is None:
            raise FileNotFoundError(path)
        above = address.removeprefix("azureml://").removesuffix(found.path)
        return storage.of_datastore(found), found.path.strip("/"), above


class _File(AbstractBufferedFile):  # type: ignore[misc]
    def __init__(self, files: BlobFiles, path: str, container: Container, item: Item) -> None:
        self._container, self._item = container, item
        super().__init__(files, path, "rb", size=item.size)

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._container.read(self._item, start, min(end, self._item.size))


def _below(name: str) -> str:
    return f"{name}/" if name else ""


def _entry(item: Item, above: str) -> dict[str, Any]:
    kind = "directory" if item.is_folder else "file"
    entry: dict[str, Any] = {"name": f"{above}{item.name}", "size": item.size, "type": kind}
    return entry if item.is_folder else entry | {"ETag": item.etag}
