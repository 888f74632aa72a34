"""What a source names: files of a folder, a glob or a URL, brought to this machine and hashed.

A source is a file, a glob, a folder or a URL (http, https, or any that fsspec knows) of CSV,
Parquet or JSON Lines, each also with .gz; or ``sklearn:NAME``.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from mlproject.base.errors import ConfigurationError, DataError, reason
from mlproject.base.files import expanded, sha256_of
from mlproject.base.redaction import redacted, redacted_text
from mlproject.base.suggestions import nearest
from mlproject.data import encodings

FORMATS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ENDINGS = ".csv, .parquet, .jsonl (each also with .gz)"
# File names share their ending, so that more of them has to be alike.
_CLOSE_FILE = 0.75


@dataclass(frozen=True)
class SourceFile:
    """One file of a source, on this machine.

    Attributes
    ----------
    path : Path
        Where its bytes are.
    name : str
        What messages call it: the path or the address (without secrets) that the user gave.
    format : str
        ``csv``, ``parquet`` or ``jsonl``.
    compressed : bool
        Whether the name ends in .gz.
    encoding : str or None
        Of its text; None for UTF-8.
    """

    path: Path
    name: str
    format: str
    compressed: bool
    encoding: str | None = None

    @property
    def encoding_name(self) -> str:
        """The encoding as messages call it."""
        return self.encoding or "UTF-8"

    def sha256(self) -> str:
        """Return the SHA-256 of the file's bytes as they are stored, as ``sha256sum`` prints it."""
        return sha256_of(self.path)


@contextmanager
def opened(source: str, encoding: str | None = None) -> Iterator[list[SourceFile]]:
    """Yield the files of a source, by name; downloads last as long as the block.

    ``encoding`` is what the text of all files is in; by default what each of them shows.
    """
    known = encodings.checked(encoding) if encoding else None
    with ExitStack() as stack:
        if is_url(source):
            folder = stack.enter_context(TemporaryDirectory(prefix="mlproject-"))
            files = _downloaded(source, Path(folder))
        else:
            path = without_file_scheme(source)
            try:
                paths = _local_paths(path)
            except OSError as error:  # such as a name that is too long, or a folder that is locked
                raise DataError(f"{path} cannot be read: {error.strerror}") from error
            files = [_source_file(path, str(path)) for path in paths]
        yield [replace(item, encoding=_encoding(item, known)) for item in files]


def combined_sha256(files: Sequence[SourceFile]) -> str:
    """Return the SHA-256 of the whole content.

    Of one file: of its bytes. Of several: of the lines that ``sha256sum`` prints for them, named
    by their base names, so that the folder may move.
    """
    return combined([item.name for item in files], [item.sha256() for item in files])


def combined(names: Sequence[str], digests: Sequence[str]) -> str:
    """Return ``combined_sha256`` of files whose SHA-256 are known."""
    if len(digests) == 1:
        return digests[0]
    pairs = zip(names, digests, strict=True)
    lines = [f"{digest}  {PurePosixPath(name).name}\n" for name, digest in pairs]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def is_url(source: str) -> bool:
    scheme, separator, _ = source.partition("://")
    return bool(separator) and scheme.lower() not in ("", "file", "local")


def file_format(name: str) -> tuple[str, bool] | None:
    """Return the format and whether it is gzipped, by the name's ending; None when unknown."""
    path = PurePosixPath(name.lower())
    compressed = path.suffix == ".gz"
    suffix = PurePosixPath(path.stem).suffix if compressed else path.suffix
    return (FORMATS[suffix], compressed) if suffix in FORMATS else None


def without_file_scheme(source: str) -> str:
    """Return the path that a source is, also where it is written as a URL."""
    if not source.lower().startswith("file:"):
        return source
    try:
        parts = urlsplit(source)
    except ValueError as error:
        raise ConfigurationError(f"{source} is no address: {reason(error)}") from error
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigurationError(f"{source} names no file of this machine", "Write file:///PATH")
    return url2pathname(parts.path)


def _encoding(item: SourceFile, known: str | None) -> str | None:
    """Return the encoding of a file's text; None for UTF-8, and where there is no text."""
    if item.format == "parquet":
        return None
    known = known or encodings.detected(
        item.path, compressed=item.compressed, header=item.format == "csv"
    )
    return None if known == encodings.UTF_8 else known


def _source_file(path: Path, name: str) -> SourceFile:
    known = file_format(name)
    if known is None:
        raise DataError(f"{name} has an unknown ending", f"Readable are {_ENDINGS}")
    return SourceFile(path, name, *known)


def _local_paths(source: str) -> list[Path]:
    path = expanded(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = sorted(item for item in path.rglob("*") if item.is_file() and _is_data(item))
        if not inside:
            raise DataError(f"The folder {source} holds no data", f"Readable are {_ENDINGS}")
        return inside
    if glob.has_magic(source):
        found = sorted(Path(item) for item in glob.glob(str(path), recursive=True))  # noqa: PTH207
        matched = [item for item in found if item.is_file()]
        if not matched:
            raise DataError(f"No file matches {source}")
        return matched
    if path.exists():
        raise DataError(f"{source} is neither a file nor a folder")
    siblings = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    if not siblings:
        raise DataError(f"No such file or folder: {source}")
    close = nearest(path.name, siblings, _CLOSE_FILE)
    hint = f"Did you mean '{path.with_name(close)}'?" if close else None
    raise DataError(f"No such file or folder: {source}", hint)


def _is_data(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and file_format(path.name) is not None


def _downloaded(source: str, folder: Path) -> list[SourceFile]:
    printable = redacted(source)
    try:
        files = _download(source, folder)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"Nothing at {printable}") from error
    except Exception as error:  # every fsspec implementation has errors of its own
        what = redacted_text(reason(error))
        raise DataError(f"{printable} cannot be read: {what}") from error
    if not files:
        raise DataError(f"Nothing readable at {printable}", f"Readable are {_ENDINGS}")
    return files


def _download(source: str, folder: Path) -> list[SourceFile]:
    import fsspec

    scheme, _, rest = source.partition("://")
    scheme = scheme.lower()  # as fsspec knows it
    filesystem, root = fsspec.core.url_to_fs(f"{scheme}://{rest}")
    files = []
    for index, place in enumerate(_remote_paths(filesystem, root, scheme)):
        local = folder / f"{index:06d}"
        item = _source_file(local, _remote_name(place, source, scheme))
        filesystem.get_file(place, str(local))
        files.append(item)
    return files


def _remote_paths(filesystem: Any, root: str, scheme: str) -> list[str]:
    if scheme in ("http", "https"):
        return [root]
    if glob.has_magic(root):
        return sorted(place for place in filesystem.glob(root) if file_format(place))
    if filesystem.isdir(root):
        return sorted(place for place in filesystem.find(root) if file_format(place))
    return [root]


def _remote_name(place: str, source: str, scheme: str) -> str:
    if scheme in ("http", "https"):
        return unquote(redacted(source))
    return f"{scheme}://{place.lstrip('/')}" if "://" not in place else redacted(place)
