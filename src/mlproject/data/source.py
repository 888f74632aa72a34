"""What a source names: files of a folder, a glob or a URL.

A source is a file, a glob, a folder or a URL (http, https, or any that fsspec knows) of CSV,
Parquet or JSON Lines, each also with .gz; data of an Azure ML workspace or of a storage account
(``azureml:NAME``, ``azureml://datastores/…``, ``abfss://…``); or ``sklearn:NAME``.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from mlproject.azure.workspace_data.data_sources import Located
from mlproject.base.errors import ConfigurationError, DataError, MlprojectError, reason
from mlproject.base.files import expanded, sha256_of_stream
from mlproject.base.redaction import redacted, redacted_text
from mlproject.base.suggestions import nearest
from mlproject.data import encodings, mltable, remote
from mlproject.data.mltable import ColumnChoice
from mlproject.data.remote import is_url as is_url

FORMATS = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ENDINGS = ".csv, .parquet, .jsonl (each also with .gz)"
# File names share their ending, so that more of them has to be alike.
_CLOSE_FILE = 0.75


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    Attributes
    ----------
    address : str
        Where its bytes are: a path on this machine, or a URL that fsspec opens.
    name : str
        What messages call it: the path or the address (without secrets) that the user gave.
    format : str
        ``csv``, ``parquet`` or ``jsonl``.
    compressed : bool
        Whether the name ends in .gz.
    encoding : str or None
        Of its text; None for UTF-8.
    stamp : str
        Its size and when it was changed, as its storage says: another one, another content.
    origin : str
        The URL that it was brought here from.
    delimiter : str or None
        What stands between its values, where that is said.
    columns : ColumnChoice or None
        Which of its columns are wanted; None for all.
    """

    address: str
    name: str
    format: str
    compressed: bool
    encoding: str | None = None
    stamp: str = ""
    origin: str = ""
    delimiter: str | None = None
    columns: ColumnChoice | None = None

    def chosen(self, names: Sequence[str]) -> list[str]:
        """Return those of its columns that are wanted."""
        return list(names) if self.columns is None else self.columns.of(names, self.name)

    @property
    def is_local(self) -> bool:
        return not is_url(self.address)

    @property
    def has_path(self) -> bool:
        """Whether it is, or is brought to, this machine."""
        return self.is_local or remote.is_http(self.address)

    @property
    def path(self) -> Path:
        """The file on this machine; one behind HTTP is brought here first."""
        return Path(self.address) if self.is_local else remote.fetched(self.address)

    @property
    def encoding_name(self) -> str:
        """The encoding as messages call it."""
        return self.encoding or "UTF-8"

    @property
    def size(self) -> int:
        """How many bytes it has."""
        if self.has_path:
            return self.path.stat().st_size
        return remote.size_of(self.address)

    def open(self) -> BinaryIO:
        """Open its bytes, to be read from anywhere."""
        if self.has_path:
            return self.path.open("rb")
        return remote.opened(self.address)

    def stamped(self) -> SourceFile:
        """Return the file with the stamp that it has now."""
        if self.origin:
            return replace(self, stamp=remote.stamp_of(self.origin))
        if self.is_local:
            try:
                status = self.path.stat()
            except OSError as error:
                raise DataError(f"{self.name} cannot be read: {reason(error)}") from error
            return replace(self, stamp=f"{status.st_size} {status.st_mtime_ns}")
        return replace(self, stamp=remote.stamp_of(self.address))

    def sha256(self) -> str:
        """Return the SHA-256 of the file's bytes as they are stored, as ``sha256sum`` prints it."""
        try:
            with self.open() as stream:
                return sha256_of_stream(stream)
        except OSError as error:
            raise DataError(f"{self.name} cannot be read: {reason(error)}") from error


@contextmanager
def opened(source: str, encoding: str | None = None) -> Iterator[list[SourceFile]]:
    """Yield the files of a source on this machine, by name; downloads last as long as the block.

    ``encoding`` is what the text of all files is in; by default what each of them shows.
    """
    known = encodings.checked(encoding) if encoding else None
    with brought(source) as files:
        yield [with_encoding(item, known) for item in files]


@contextmanager
def brought(source: str) -> Iterator[list[SourceFile]]:
    """Yield the files of a source on this machine; downloads last as long as the block."""
    files = listed(source)
    if all(item.is_local for item in files):
        yield files
        return
    with TemporaryDirectory(prefix="mlproject-") as folder:
        yield _downloaded(files, source, Path(folder))


def listed(source: str) -> list[SourceFile]:
    """Return the files of a source, by name, where they are, with stamps and without encodings."""
    found = remote.located(source) if is_url(source) else None
    if found is not None and found.type == "mltable":
        with _told(source):
            return [item.stamped() for item in _files_of_table(found)]
    if found is not None and not found.is_mounted:
        address = found.address
        with _told(source):
            addresses = remote.listed(address)
            if addresses != [address]:
                addresses = [address for address in addresses if file_format(address)]
            files = [_source_file(address, _remote_name(address)) for address in addresses]
            if not files:
                raise DataError(
                    f"Nothing readable at {redacted(source)}", f"Supported are {_ENDINGS}"
                )
            return [item.stamped() for item in files]
    path = found.address if found is not None else without_file_scheme(source)
    try:
        paths = _local_paths(path)
    except OSError as error:  # such as a name that is too long, or a folder that is locked
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    return [_source_file(str(item.absolute()), str(item)).stamped() for item in paths]


def with_encoding(item: SourceFile, encoding: str | None) -> SourceFile:
    """Return a file with the encoding of its text, which it shows where it is not known."""
    if item.format == "parquet":
        return item
    known = encoding or item.encoding
    if known is None:
        header = item.format == "csv"
        try:
            with item.open() as stream:
                known = encodings.detected(stream, compressed=item.compressed, header=header)
        except encodings.NotTextError as error:
            raise DataError(f"{item.name} is not text but {error}") from error
    return replace(item, encoding=None if known == encodings.UTF_8 else known)


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
        raise ConfigurationError(f"{source} is not a valid address: {reason(error)}") from error
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigurationError(f"{source} names no file on this machine", "Write file:///PATH")
    return url2pathname(parts.path)


def _source_file(address: str, name: str) -> SourceFile:
    known = file_format(name)
    if known is None:
        raise DataError(f"{name} has an unknown extension", f"Supported are {_ENDINGS}")
    return SourceFile(address, name, *known)


def _files_of_table(found: Located) -> list[SourceFile]:
    """Return the files that an MLTable names, with what it says of them."""
    folder = found.address
    if found.table is not None:
        table = mltable.parsed(found.table.encode(), folder, found.source)
    elif found.is_mounted:
        text = (Path(folder) / mltable.FILE_NAME).read_bytes()
        table = mltable.parsed(text, folder, found.source)
    else:
        place = f"{folder.rstrip('/')}/{mltable.FILE_NAME}"
        with remote.opened(place) as stream:
            table = mltable.parsed(stream.read(), folder, remote.shown(place))
    encoding = encodings.checked(table.encoding) if table.encoding else None
    files = []
    for _, path in table.paths:
        is_here = found.is_mounted and "://" not in path
        for address in _beneath(path) if is_here else remote.listed(remote.located(path).address):
            name = address if is_here else _remote_name(address)
            if name.endswith(f"/{mltable.FILE_NAME}"):
                continue
            if table.format is None:
                item = _source_file(address, name)
            else:
                item = SourceFile(address, name, table.format, name.lower().endswith(".gz"))
            files.append(
                replace(item, encoding=encoding, delimiter=table.delimiter, columns=table.columns)
            )
    return files


def _beneath(path: str) -> list[str]:
    """Return the files of this machine that a path of an MLTable names, whatever their endings."""
    place = Path(path)
    if place.is_dir():
        inside = (item for item in place.rglob("*") if item.is_file())
        return sorted(str(item) for item in inside if not remote.is_hidden(item.relative_to(place)))
    if not glob.has_magic(path):
        return [path]
    return sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - it takes patterns as they are


def _local_paths(source: str) -> list[Path]:
    path = expanded(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = sorted(
            item
            for item in path.rglob("*")
            if item.is_file()
            and file_format(item.name)
            and not remote.is_hidden(item.relative_to(path))
        )
        if not inside:
            raise DataError(f"The folder {source} holds no data", f"Supported are {_ENDINGS}")
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


def _downloaded(files: list[SourceFile], source: str, folder: Path) -> list[SourceFile]:
    here = []
    with _told(source):
        for index, item in enumerate(files):
            path = folder / f"{index:06d}"
            remote.download(item.address, path)
            here.append(replace(item, address=str(path), origin=item.address))
    return here


@contextmanager
def _told(source: str) -> Iterator[None]:
    """Name the source in what goes wrong on the way to it."""
    printable = redacted(source)
    try:
        yield
    except MlprojectError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"Nothing at {printable}") from error
    except Exception as error:  # every fsspec implementation has errors of its own
        what = redacted_text(reason(error))
        if isinstance(error, _timeout()):
            what = f"the server sent nothing for {remote.SILENCE:g} s"
        raise DataError(f"{printable} cannot be read: {what}") from error


def _timeout() -> type[Exception]:
    from fsspec.exceptions import FSTimeoutError

    kind: type[Exception] = FSTimeoutError
    return kind


def _remote_name(address: str) -> str:
    name = remote.shown(address)
    return unquote(name) if remote.is_http(address) else name
