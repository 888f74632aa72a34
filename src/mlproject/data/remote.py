"""Files behind a URL: HTTP, which is brought here whole, or a storage that fsspec knows."""

from __future__ import annotations

import atexit
import glob
import shutil
import tempfile
import threading
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO

SILENCE = 20.0
"""Seconds for which a server may say nothing."""
_CHANGES = ("ETag", "etag", "content_md5", "LastModified", "last_modified", "mtime", "updated")
_fetched: dict[str, Path] = {}
_fetching = threading.Lock()


def is_url(source: str) -> bool:
    scheme, separator, _ = source.partition("://")
    return bool(separator) and scheme.lower() not in ("", "file", "local")


def is_http(address: str) -> bool:
    return address.partition("://")[0].lower() in ("http", "https")


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
    filesystem.get_file(place, str(path))


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
    import fsspec

    scheme, separator, rest = address.partition("://")
    # In small letters, as fsspec knows it.
    options = {"client_kwargs": {"timeout": _patience()}} if is_http(address) else {}
    filesystem, place = fsspec.core.url_to_fs(f"{scheme.lower()}{separator}{rest}", **options)
    filesystem.invalidate_cache()
    return filesystem, place


def _patience() -> Any:
    """Return how long to wait: for each piece of a file, and not for all of it."""
    import aiohttp

    return aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
