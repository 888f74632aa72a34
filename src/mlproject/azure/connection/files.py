"""The artifact service: which files a run or an upload has, and where their content is.

Its calls are those that Microsoft's clients make: ``batch/metadata`` makes the records of up to 50
files and says where each goes, ``contentinfo`` says where one is read, ``prefix/contentinfo`` where
all of a folder are, ``write`` where one is written whose record is there already.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, RESOURCE_DOES_NOT_EXIST

from mlproject.azure.connection.calls import Calls, error_text, pages
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import AzureMLException, NotOffered
from mlproject.azure.connection.uris import Folder
from mlproject.base.counting import counted
from mlproject.base.errors import reason
from mlproject.base.progress import moving

if TYPE_CHECKING:
    from mlproject.azure.connection.blobs import Blobs

T = TypeVar("T")
S = TypeVar("S")
# Paths in one call of batch/metadata (azureml-mlflow's own limit), and transfers at a time.
_BATCH = 50
_WORKERS = 8
_CONFLICT = "already exists"
# What this process has downloaded to where. MLflow downloads the model of a run twice to the same
# place, as an artifact and as a logged model; and a stored file never changes.
_DOWNLOADED: dict[Path, tuple[str, str, tuple[int, int] | None]] = {}
_MOST_REMEMBERED = 1000


class NoContent(AzureMLException):
    """There is the record of a file, and nobody has written its content, or not yet."""


class Files:
    """All files of a run or of an upload, by their whole paths, as the service stores them.

    Whose they are is what ``folder`` says; its own path plays no part.
    """

    def __init__(self, context: Context, folder: Folder) -> None:
        self._calls = Calls(context)
        self.owner = folder.owner
        self.label = folder.label
        artifacts = f"/artifact/v2.0{folder.workspace.scope}/artifacts"
        self._below = f"{artifacts}/prefix/contentinfo/{folder.store}"
        self._write = f"{artifacts}/{folder.store}/write"

    @cached_property
    def _blobs(self) -> Blobs:
        from mlproject.azure.connection.blobs import Blobs

        return Blobs()

    def paths(self) -> list[str]:
        return [str(item["path"]) for item in self._listed(self.owner)]

    def below(self, folder: str) -> dict[str, str]:
        """Return the files below a folder, each with the URL of its content."""
        listed = self._listed(f"{self._below}/{quote(folder)}")
        inside = f"{folder}/"
        # Whether the service means the name of a folder, or the beginning of one, is not known.
        return {
            str(item["path"]): str(item["contentUri"])
            for item in listed
            if str(item["path"]).startswith(inside)
        }

    def add(self, files: Sequence[tuple[Path, str]]) -> dict[str, bool]:
        """Upload files, each to a path; return those paths that were there already.

        Of each it says whether it has the content of the file now.
        """
        there: dict[str, bool] = {}
        total = sum(local.stat().st_size for local, _ in files)
        with moving(f"uploading {counted(len(files), 'file')}", total) as transfer:
            for start in range(0, len(files), _BATCH):
                batch = files[start : start + _BATCH]
                urls = self._reserved([path for _, path in batch])
                located = [
                    (local, path, urls.get(path), transfer.one_file()) for local, path in batch
                ]
                found = _each(lambda item: self._add(*item), located)
                there |= {
                    path: has
                    for (_, path), has in zip(batch, found, strict=True)
                    if has is not None
                }
        return there

    def holds(self, path: str, local: Path) -> bool:
        """Whether the content at a path is that of a file."""
        return self._reading(path, lambda url: self._blobs.same(url, local)) is True

    def get(self, path: str, destination: Path) -> None:
        """Download one file; RESOURCE_DOES_NOT_EXIST when it is not there."""
        if _DOWNLOADED.get(destination) == (self.owner, path, _state(destination)):
            return
        self._reading(path, lambda url: self._blobs.get(url, destination))
        if len(_DOWNLOADED) >= _MOST_REMEMBERED:
            _DOWNLOADED.clear()
        _DOWNLOADED[destination] = (self.owner, path, _state(destination))

    def read(self, located: Mapping[str, str]) -> list[bytes | None]:
        """Return the content of small files, by their URLs; None for one that has none yet."""

        def content(item: tuple[str, str]) -> bytes | None:
            try:
                return self._reading(item[0], self._blobs.read, item[1])
            except NoContent:
                return None

        return _each(content, list(located.items()))

    def missing(self, path: str) -> MlflowException:
        known = self.paths()
        near = [name for name in known if name.startswith(path.split("/")[0])] or known
        listed = f"; there are {', '.join(sorted(near)[:10])}" if near else "; it has none"
        return AzureMLException(
            f"There is no artifact '{path}' in the {self.label}{listed}",
            error_code=RESOURCE_DOES_NOT_EXIST,
        )

    def _listed(self, path: str) -> Iterator[Any]:
        def read(link: str | None) -> tuple[list[Any], str | None]:
            parts = urlsplit(link or path)
            content = self._json("GET", f"{parts.path}?{parts.query}".removesuffix("?"))
            return content.get("value") or [], content.get("nextLink")

        return pages(read)

    def _reserved(self, paths: list[str]) -> dict[str, str]:
        """Make records for paths and return where the content of each new one goes."""
        body = {"paths": [{"path": path} for path in paths]}
        content = self._json("POST", f"{self.owner}/batch/metadata", json_body=body)
        for path, entry in (content.get("errors") or {}).items():
            text = str((entry.get("error") or {}).get("message") or entry)
            if _CONFLICT not in text:
                raise AzureMLException(
                    f"Azure ML refuses the artifact '{path}' of the {self.label}: {text}"
                )
        contents = content.get("artifactContentInformation") or {}
        return {path: str(item["contentUri"]) for path, item in contents.items()}

    def _add(
        self, local: Path, path: str, url: str | None, come: Callable[[int], None]
    ) -> bool | None:
        """Upload one file and return None; without a URL its record is there already.

        Then it has content if somebody has written it, and none if an answer was lost, or a URL
        has ended: that is written by a URL for it. False for other content, or without such a URL.
        """
        from mlproject.azure.connection.blobs import RefusedError

        if url is not None:
            try:
                return None if self._uploaded(path, url, local, come) else False
            except RefusedError:
                pass
        same = self._reading(path, lambda found: self._blobs.same(found, local))
        if same is not None:
            return same
        try:
            return self._uploaded(path, self._url(self._write, path), local, come)
        except (RefusedError, NotOffered):
            return False

    def _uploaded(self, path: str, url: str, local: Path, come: Callable[[int], None]) -> bool:
        return self._transfer(path, "uploaded", lambda: self._blobs.put(url, local, come))

    def _reading(self, path: str, read: Callable[[str], T], url: str | None = None) -> T:
        """Read a file by its URL; by a new one where that has ended midway."""
        from mlproject.azure.connection.blobs import RefusedError

        address = f"{self.owner}/contentinfo"
        try:
            found = url or self._url(address, path)
            return self._transfer(path, "downloaded", lambda: read(found))
        except RefusedError:
            again = self._url(address, path)
        try:
            return self._transfer(path, "downloaded", lambda: read(again))
        except RefusedError as error:
            raise AzureMLException(
                f"The artifact '{path}' of the {self.label} cannot be downloaded: its new address "
                f"is refused, too ({error})"
            ) from error

    def _transfer(self, path: str, what: str, transfer: Callable[[], T]) -> T:
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        from mlproject.azure.connection.blobs import RefusedError

        try:
            return transfer()
        except RefusedError:
            raise
        except (AzureError, OSError) as error:
            failing = f"The artifact '{path}' of the {self.label} cannot be {what}"
            if isinstance(error, ResourceNotFoundError):
                raise NoContent(f"{failing}: it has no content") from error
            raise AzureMLException(f"{failing}: {reason(error)}") from error

    def _url(self, address: str, path: str) -> str:
        response = self._calls.send("GET", address, params={"path": path})
        if response.status_code == 404:
            raise self.missing(path)
        return str(self._read(response)["contentUri"])

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._read(self._calls.send(method, path, **options))

    def _read(self, response: Any) -> Any:
        if response.status_code != 200:
            code = RESOURCE_DOES_NOT_EXIST if response.status_code == 404 else INTERNAL_ERROR
            raise AzureMLException(
                f"The artifacts of the {self.label} cannot be reached "
                f"({response.status_code}: {error_text(response)})",
                error_code=code,
            )
        return response.json()


def files_in(folder: Path, below: str) -> list[tuple[Path, str]]:
    """Return every file of a folder, and its path below another one."""
    return [
        (path, posixpath.join(below, path.relative_to(folder).as_posix()))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _each(do: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """Return what a function returns for each item, some at a time."""
    if len(items) < 2:  # also while Python shuts down, when no thread can be started
        return [do(item) for item in items]
    with ThreadPoolExecutor(min(_WORKERS, len(items))) as pool:
        return list(pool.map(do, items))


def _state(path: Path) -> tuple[int, int] | None:
    """Return what tells whether a file is the one that was written."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
