"""Data that is copied between this machine and a URL, as it is."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from mlproject.base import filesystems
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError, MlprojectError, reason
from mlproject.base.files import expanded, sha256_of
from mlproject.base.progress import Transfer, moving
from mlproject.base.redaction import redacted, redacted_text

_HASH_LENGTH = 16


def files_in(path: Path) -> dict[str, Path]:
    """Return the files of a folder, by their paths in it, without hidden ones; or the one file."""
    if path.is_file():
        return {path.name: path}
    inside = sorted(item for item in path.rglob("*") if item.is_file())
    found = {item.relative_to(path).as_posix(): item for item in inside}
    return {name: item for name, item in found.items() if not _is_dotted(name)}


def content_name(files: dict[str, Path]) -> str:
    """Return a name for the content of files: the same files, the same name."""
    lines = [f"{sha256_of(path)}  {name}\n" for name, path in files.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:_HASH_LENGTH]


def upload(files: dict[str, Path], address: str) -> int:
    """Upload files below an address that is named by their content; return how many were new."""
    filesystem, root = filesystems.opened(address)
    with _told("The data cannot be uploaded"):
        there = filesystem.find(root, detail=True)
    sizes = {}
    for name, path in files.items():
        with _told(f"{path} cannot be uploaded"):
            size = path.stat().st_size
        if there.get(_place(root, name), {}).get("size") != size:
            sizes[name] = size
    with moving(f"uploading {counted(len(sizes), 'file')}", sum(sizes.values())) as transfer:
        for name in sizes:
            with _told(f"{files[name]} cannot be uploaded"):
                filesystem.put_file(
                    str(files[name]), _place(root, name), callback=filesystems.telling(transfer)
                )
    return len(sizes)


def _place(root: str, name: str) -> str:
    return f"{root.rstrip('/')}/{name}"


def is_folder(address: str, source: str) -> bool:
    """Whether an address is a folder's; messages call it ``source``. DataError for nothing."""
    filesystem, root = filesystems.opened(address)
    with _told(f"{redacted(source)} cannot be read"):
        try:
            return bool(filesystem.info(root)["type"] == "directory")
        except FileNotFoundError as error:
            raise DataError(f"Nothing at {redacted(source)}") from error


def download(address: str, source: str, folder: Path, *, overwrite: bool) -> list[Path]:
    """Download a file, or all that is below a folder; each file is there once all of it is.

    Messages call the address ``source``.

    Raises
    ------
    ConfigurationError
        When one is there already, and is not to be replaced; nothing was downloaded.
    """
    filesystem, root = filesystems.opened(address)
    with _told(f"{redacted(source)} cannot be read"):
        found = filesystem.find(root, detail=True)
    if not found:
        raise DataError(f"Nothing at {redacted(source)}")
    below = len(root.rstrip("/")) + 1
    named = {place: place[below:] or PurePosixPath(place).name for place in found}
    targets = {place: _inside(folder, name) for place, name in named.items()}
    for target in targets.values():
        if target.exists() and not overwrite:
            raise ConfigurationError(f"{target} already exists", "Replace it with --overwrite")
    sizes = [item["size"] for item in found.values()]
    total = None if None in sizes else sum(sizes)
    with moving(f"downloading {counted(len(targets), 'file')}", total) as transfer:
        for place, target in targets.items():
            _fetch(filesystem, place, target, transfer)
    return list(targets.values())


def _fetch(filesystem: Any, place: str, target: Path, transfer: Transfer) -> None:
    unfinished = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    with _told(f"{target} cannot be downloaded"):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            filesystem.get_file(place, str(unfinished), callback=filesystems.telling(transfer))
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except MlprojectError:
        raise
    except OSError as error:
        raise DataError(f"{what}: {redacted_text(reason(error))}") from error


def _inside(folder: Path, name: str) -> Path:
    """Return where a name goes; one that would lead out of the folder is an error."""
    if {"", ".", ".."} & set(name.split("/")) or "\\" in name or ":" in name:
        raise DataError(f"'{name}' is not the name of a file below {folder}")
    return folder / name


def _is_dotted(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def existing(source: str) -> Path:
    """Return the path of a file or folder of this machine. DataError when it is not there."""
    path = expanded(source)
    if not path.exists():
        raise DataError(f"No such file or folder: {source}")
    return path
