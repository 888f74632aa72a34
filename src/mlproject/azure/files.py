"""The artifact service: which files a run or an upload has, and where their content is.

Its calls are those that azureml-mlflow makes: ``batch/metadata`` makes the records of up to 50
files and says where each goes, ``contentinfo`` says where one is, and a listing is always whole.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INTERNAL_ERROR,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)

from mlproject.azure.calls import Calls, error_text, pages
from mlproject.azure.context import Context
from mlproject.azure.failures import AzureMLException
from mlproject.azure.uris import Folder
from mlproject.base.errors import reason

if TYPE_CHECKING:
    from mlproject.azure.blobs import Blobs

# Paths in one call of batch/metadata (azureml-mlflow's own limit), and transfers at a time.
_BATCH = 50
_WORKERS = 8
_CONFLICT = "already exists"
# What this process has downloaded to where. MLflow downloads the model of a run twice to the same
# place, as an artifact and as a logged model; and an artifact never changes.
_DOWNLOADED: dict[Path, tuple[str, str, tuple[int, int] | None]] = {}
_MOST_REMEMBERED = 1000


class Files:
    """All artifacts of a run or of an upload, by their whole paths.

    Whose they are is what ``folder`` says; its own path plays no part.
    """

    def __init__(self, context: Context, folder: Folder) -> None:
        self._calls = Calls(context)
        self._owner = folder.owner
        self._label = folder.label

    @cached_property
    def _blobs(self) -> Blobs:
        from mlproject.azure.blobs import Blobs

        return Blobs()

    def paths(self) -> list[str]:
        def read(link: str | None) -> tuple[list[str], str | None]:
            parts = urlsplit(link or self._owner)
            content = self._json("GET", f"{parts.path}?{parts.query}".removesuffix("?"))
            paths = [str(item["path"]) for item in content.get("value") or []]
            return paths, content.get("nextLink")

        return list(pages(read))

    def put(self, files: Sequence[tuple[Path, str]]) -> None:
        """Upload files, each to a path; nothing is overwritten.

        RESOURCE_ALREADY_EXISTS for a path that has other content already.
        """
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            urls = self._reserved([path for _, path in batch])
            if len(batch) == 1:  # also while Python shuts down, when no thread can be started
                self._put_one(*batch[0], urls.get(batch[0][1]))
                continue
            with ThreadPoolExecutor(min(_WORKERS, len(batch))) as pool:
                tasks = [pool.submit(self._put_one, *item, urls.get(item[1])) for item in batch]
            for task in tasks:
                task.result()

    def get(self, path: str, destination: Path) -> None:
        """Download one file; RESOURCE_DOES_NOT_EXIST when it is not there."""
        from azure.core.exceptions import AzureError

        if _DOWNLOADED.get(destination) == (self._owner, path, _state(destination)):
            return
        try:
            self._blobs.get(self._url(path), destination)
        except (AzureError, OSError) as error:
            raise self._failed("downloaded", path, error) from error
        if len(_DOWNLOADED) >= _MOST_REMEMBERED:
            _DOWNLOADED.clear()
        _DOWNLOADED[destination] = (self._owner, path, _state(destination))

    def missing(self, path: str) -> MlflowException:
        known = self.paths()
        near = [name for name in known if name.startswith(path.split("/")[0])] or known
        listed = f"; there are {', '.join(sorted(near)[:10])}" if near else "; it has none"
        return AzureMLException(
            f"There is no artifact '{path}' in the {self._label}{listed}",
            error_code=RESOURCE_DOES_NOT_EXIST,
        )

    def _reserved(self, paths: list[str]) -> dict[str, str]:
        """Make records for paths and return where the content of each new one goes."""
        body = {"paths": [{"path": path} for path in paths]}
        content = self._json("POST", f"{self._owner}/batch/metadata", json_body=body)
        for path, entry in (content.get("errors") or {}).items():
            text = str((entry.get("error") or {}).get("message") or entry)
            if _CONFLICT not in text:
                raise AzureMLException(
                    f"Azure ML refuses the artifact '{path}' of the {self._label}: {text}"
                )
        contents = content.get("artifactContentInformation") or {}
        return {path: str(item["contentUri"]) for path, item in contents.items()}

    def _put_one(self, local: Path, path: str, url: str | None) -> None:
        """Upload one file; without a URL its record is there already, and perhaps its content."""
        from azure.core.exceptions import AzureError

        try:
            if url is None:
                url = self._url(path)
                same = self._blobs.same(url, local)
                done = same if same is not None else self._refill(url, local, path)
            else:
                done = self._blobs.put(url, local)
        except AzureError as error:
            raise self._failed("uploaded", path, error) from error
        if not done:
            raise AzureMLException(
                f"The artifact '{path}' of the {self._label} is there already with other content, "
                "and Azure ML cannot overwrite artifacts: use another name",
                error_code=RESOURCE_ALREADY_EXISTS,
            )

    def _refill(self, url: str, local: Path, path: str) -> bool:
        """Fill a record that has no content, such as one whose answer was lost."""
        from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

        try:
            return self._blobs.put(url, local)
        except (ClientAuthenticationError, HttpResponseError) as error:
            raise AzureMLException(
                f"The artifact '{path}' of the {self._label} is reserved and has no content, and "
                f"the service does not let it be filled ({reason(error)}): use another name",
                error_code=RESOURCE_ALREADY_EXISTS,
            ) from error

    def _url(self, path: str) -> str:
        response = self._calls.send("GET", f"{self._owner}/contentinfo", params={"path": path})
        if response.status_code == 404:
            raise self.missing(path)
        return str(self._read(response)["contentUri"])

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._read(self._calls.send(method, path, **options))

    def _read(self, response: Any) -> Any:
        if response.status_code != 200:
            code = RESOURCE_DOES_NOT_EXIST if response.status_code == 404 else INTERNAL_ERROR
            raise AzureMLException(
                f"The artifacts of the {self._label} cannot be reached "
                f"({response.status_code}: {error_text(response)})",
                error_code=code,
            )
        return response.json()

    def _failed(self, what: str, path: str, error: Exception) -> MlflowException:
        return AzureMLException(
            f"The artifact '{path}' of the {self._label} cannot be {what}: {reason(error)}"
        )


def files_in(folder: Path, below: str) -> list[tuple[Path, str]]:
    """Return every file of a folder, and its path below another one."""
    return [
        (path, posixpath.join(below, path.relative_to(folder).as_posix()))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _state(path: Path) -> tuple[int, int] | None:
    """Return what tells whether a file is the one that was written."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
