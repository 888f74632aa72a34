"""Files behind a URL: HTTP, which is brought here whole, or a storage that fsspec knows."""

from __future__ import annotations

import atexit
import glob
import shutil
import tempfile
import threading
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO

from mlproject.azure import plugins
from mlproject.azure.workspace_data import data_sources, data_uris
from mlproject.azure.workspace_data.data_sources import Located
from mlproject.base import filesystems
from mlproject.base.progress import moving
from mlproject.base.redaction import redacted

SILENCE = 20.0
"""Seconds for which a server may say nothing."""
_CHANGES = ("ETag", "etag", "content_md5", "LastModified", "last_modified", "mtime", "updated")
_fetched: dict[str, Path] = {}
_fetching = threading.Lock()


def is_url(source: str) -> bool:
    scheme, separator, _ = source.partition("://")
    if data_uris.is_service_data(source):
        return True
    return bool(separator) and scheme.lower() not in ("", "file", "local")


def is_http(address: str) -> bool:
    return address.partition("://")[0].lower() in ("http", "https")


def pinned(source: str) -> str:
    """Return a source as it is written down: a data asset with its version."""
    return data_sources.located(source).source if data_uris.is_asset(source) else source


def located(source: str) -> Located:
    """Return where a source is: of data of Azure, the address that is opened; else itself."""
    if not data_uris.is_service_data(source) or (is_http(source) and not plugins.installed()):
        return Located(source, source)
    return data_sources.located(source)


def output_address(output: str) -> str:
    """Return where an output goes: of data of Azure, the address that is opened; else itself."""
    return data_sources.output_address(output) if data_uris.is_service_data(output) else output


def shown(address: str) -> str:
    """Return an address as messages call it: without secrets, and without a workspace's id."""
    return redacted(data_uris.short(address))


def listed(source: str) -> list[str]:
    """Return the addresses of the files that a URL names: a file, a glob or a folder."""
    if is_http(source):
        return [source]
    filesystem, root = _filesystem(source)
    scheme = source.partition("://")[0].lower()
    if glob.has_magic(root):
        places = sorted(filesystem.glob(root))
    elif filesystem.isdir(root):
        below = len(root.rstrip("/")) + 1
        found = sorted(filesystem.find(root))
        places = [place for place in found if not is_hidden(PurePosixPath(place[below:]))]
    else:
        return [source]
    return [place if "://" in place else f"{scheme}://{place.lstrip('/')}" for place in places]


def is_hidden(below: PurePath) -> bool:
    """Whether a file lies in, or is, what is no data: ``_SUCCESS``, ``_rejects``, ``.crc``."""
    return any(part.startswith((".", "_")) for part in below.parts)


def opened(address: str) -> BinaryIO:
    """Open a file, to be read from anywhere."""
    filesystem, place = _filesystem(address)
    stream: BinaryIO = filesystem.open(place, "rb")
    return stream


def size_of(address: str) -> int:
    filesystem, place = _filesystem(address)
    return int(filesystem.size(place))


def stamp_of(address: str) -> str:
    """Return what changes with a file's content, as its storage tells it."""
    filesystem, place = _filesystem(address)
    try:
        known: dict[str, Any] = filesystem.info(place)
    except FileNotFoundError:
        if is_http(address):  # which says this of every failure; reading says what it is
            return ""
        raise
    return " ".join(str(known[key]) for key in ("size", *_CHANGES) if known.get(key) is not None)


def download(address: str, path: Path) -> None:
    filesystem, place = _filesystem(address)
    with moving(f"downloading {shown(address)}") as transfer:
        filesystem.get_file(place, str(path), callback=filesystems.telling(transfer, alone=True))


def fetched(address: str) -> Path:
    """Return a copy of a file that lasts as long as this process."""
    with _fetching:
        if address not in _fetched:
            folder = Path(tempfile.mkdtemp(prefix="mlproject-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            download(address, folder / "file")
            _fetched[address] = folder / "file"
        return _fetched[address]


def _filesystem(address: str) -> tuple[Any, str]:
    scheme, separator, rest = address.partition("://")
    # In small letters, as fsspec knows it.
    options = {"client_kwargs": {"timeout": _patience()}} if is_http(address) else {}
    return filesystems.opened(f"{scheme.lower()}{separator}{rest}", **options)


def _patience() -> Any:
    """Return how long to wait: for each piece of a file, and not for all of it."""
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
