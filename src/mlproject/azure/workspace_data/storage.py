"""A container of the blob store: what it holds, read in ranges, written whole.

It is opened in this order: with what its datastore's workspace gives out for it, a signature or the
account's key, and where there is none, or keys are switched off, as whoever has signed in.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import ContainerClient
from mlflow.exceptions import MlflowException

from mlproject.azure.connection import context, credentials
from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.blobs import Transport, pause_after
from mlproject.azure.connection.credentials import Credential
from mlproject.azure.connection.failures import repeat
from mlproject.azure.connection.uris import Workspace
from mlproject.azure.workspace_data import datastores
from mlproject.azure.workspace_data.data_uris import BlobPath, DatastorePath
from mlproject.azure.workspace_data.datastores import Secret
from mlproject.base.errors import DataError, TrackingError, one_line, reason

T = TypeVar("T")
_SCOPE = "https://storage.azure.com/.default"
_WORKERS = 4
_FOLDER = "hdi_isfolder"
_NO_KEYS = "KeyBasedAuthenticationNotPermitted"
_LOCK = threading.RLock()
_KNOWN: dict[Any, Container] = {}


class NoPermissionError(DataError, PermissionError):
    """Nothing that was tried opens a container."""


class ReplacedError(DataError, OSError):
    """A file became another one while it was read."""


@dataclass(frozen=True)
class Item:
    """A blob, or a folder: the beginning of names up to a slash."""

    name: str
    size: int = 0
    etag: str = ""
    is_folder: bool = False


class Container:
    """One container. ``ask`` returns what its workspace gives out to open it, or None."""

    def __init__(
        self, at: BlobPath, user: Credential, ask: Callable[[], Secret | None] | None = None
    ) -> None:
        self.at = at
        self._user, self._ask = user, ask
        self._transport = Transport(connection_timeout=20, read_timeout=60)
        self._lock = threading.RLock()
        self._opened: Any = None
        self._by_secret = ask is not None

    def find(self, name: str) -> Item | None:
        """Return a blob; None where there is none."""

        def look(client: Any) -> Item:
            return _item(client.get_blob_client(name).get_blob_properties())

        try:
            return self._do(look, "read")
        except ResourceNotFoundError:
            return None

    def listed(self, prefix: str) -> Iterator[Item]:
        """Yield all blobs whose name begins so, by name."""
        yield from self._pages(lambda client: client.list_blobs(prefix, include=["metadata"]))

    def inside(self, prefix: str) -> Iterator[Item]:
        """Yield the blobs and folders directly below a prefix that ends in a slash, or is empty."""
        yield from self._pages(
            lambda client: client.walk_blobs(prefix, include=["metadata"], delimiter="/")
        )

    def read(self, item: Item, start: int, end: int) -> bytes:
        """Return bytes of a blob, as it was when it was found.

        Raises
        ------
        ReplacedError
            When there is another one by now.
        """

        def download(client: Any) -> bytes:
            blob = client.get_blob_client(item.name)
            options = {"etag": item.etag, "match_condition": MatchConditions.IfNotModified}
            return bytes(blob.download_blob(start, end - start, **options).readall())

        if start >= end:
            return b""
        try:
            return self._do(download, "read")
        except (ResourceModifiedError, ResourceNotFoundError) as error:
            raise ReplacedError(
                f"{item.name} in the container '{self.at.container}' was replaced while it was "
                "read",
                "Read it again once nothing writes to it",
            ) from error

    def write(
        self,
        name: str,
        data: bytes | Path,
        *,
        replace: bool = True,
        come: Callable[[int], None] | None = None,
    ) -> bool:
        """Write a blob whole; return whether it was, False where there is one already.

        ``come`` takes how many bytes of it have been sent.
        """

        def upload(client: Any) -> bool:
            blob = client.get_blob_client(name)
            options: dict[str, Any] = {"overwrite": replace, "max_concurrency": _WORKERS}
            if come is not None:
                options["progress_hook"] = lambda sent, _: come(sent)
            if isinstance(data, bytes):
                blob.upload_blob(data, **options)
            else:
                with data.open("rb") as stream:
                    blob.upload_blob(stream, **options)
            return True

        try:
            return self._do(upload, "write")
        except ResourceExistsError:
            return False

    def remove(self, name: str) -> None:
        """Remove a blob, if it is there."""
        try:
            self._do(lambda client: client.get_blob_client(name).delete_blob(), "write")
        except ResourceNotFoundError:
            return

    def _pages(self, listing: Callable[[Any], Any]) -> Iterator[Item]:
        token: str | None = None
        while True:

            def page(client: Any, token: str | None = token) -> tuple[list[Item], str | None]:
                pages = listing(client).by_page(token)
                try:
                    return [_item(found) for found in next(pages)], pages.continuation_token
                except StopIteration:
                    return [], None

            items, token = self._do(page, "list")
            yield from items
            if not token:
                return

    def _do(self, use: Callable[[Any], T], what: str) -> T:
        """Use the container; with the next of what may open it, where one is refused."""
        renewed = False
        while True:
            with self._lock:
                opened = self._opened = self._opened or self._client()
            try:
                return repeat(lambda opened=opened: use(opened), pause_after)  # type: ignore[misc]
            except HttpResponseError as error:
                if error.status_code not in (401, 403):
                    raise self._told(error, what) from error
                with self._lock:
                    if self._opened is not opened:
                        continue
                    self._opened = None
                    if self._by_secret and (renewed or _code(error) == _NO_KEYS):
                        self._by_secret = False
                    elif renewed or _is_denied(error):
                        raise self._denied(error) from error
                    elif not self._by_secret:
                        self._user.renew(self._user.get_token().token)
                    renewed = True
            except AzureError as error:
                raise self._told(error, what) from error

    def _client(self) -> Any:
        secret = self._ask() if self._by_secret and self._ask else None
        opening: Any = self._user
        if secret is not None:
            opening = secret.signature or secret.key
        else:
            self._by_secret = False
            self._sign_in()
        # Not its own repeats: ``repeat`` does all of them.
        return ContainerClient(
            f"https://{self.at.host}",
            self.at.container,
            credential=opening,
            transport=self._transport,
            retry_total=0,
        )

    def _sign_in(self) -> None:
        try:
            self._user.get_token()
        except MlflowException as error:
            raise TrackingError(one_line(str(error.message))) from error

    def _denied(self, error: HttpResponseError) -> NoPermissionError:
        scope = f"the container '{self.at.container}' of the storage account '{self.at.account}'"
        return NoPermissionError(
            f"No permission on {scope} ({error.status_code} {_code(error)})",
            "Ask its owner for the role 'Storage Blob Data Reader' on it, or 'Storage Blob Data "
            "Contributor' to write",
        )

    def _told(self, error: AzureError, what: str) -> Exception:
        """Return what passes as it is, and the rest in one line."""
        code = _code(error)
        if code == "ContainerNotFound":
            return DataError(
                f"The storage account '{self.at.account}' has no container '{self.at.container}'"
            )
        passing = (ResourceNotFoundError, ResourceExistsError, ResourceModifiedError)
        if isinstance(error, passing):
            return error
        return OSError(f"{self.at.host} does not {what}: {code or reason(error)}")


def of_datastore(path: DatastorePath) -> Container:
    """Return the container of a datastore, one for each in a process."""
    workspace = path.workspace
    assert workspace is not None  # noqa: S101 - addresses are whole
    with _LOCK:
        key = os.getpid(), workspace, path.datastore  # connections are not for two processes
        if key not in _KNOWN:
            arm = arm_of(workspace)
            found = as_one_line(lambda: datastores.get(arm, path.datastore))
            at = BlobPath(found.account, found.container, "", found.suffix)
            ask = (lambda: datastores.secret(arm, found.name)) if found.has_secret else None
            _KNOWN[key] = Container(at, _user(), ask)
        return _KNOWN[key]


def of_blob(path: BlobPath) -> Container:
    """Return a container that no datastore stands for, one for each in a process."""
    with _LOCK:
        key = os.getpid(), path.host, path.container
        if key not in _KNOWN:
            _KNOWN[key] = Container(path, _user())
        return _KNOWN[key]


def arm_of(workspace: Workspace) -> Arm:
    return Arm(workspace, context.user_credential())


def as_one_line(ask: Callable[[], T]) -> T:
    """Ask Resource Manager; what goes wrong is a TrackingError of one line."""
    try:
        return ask()
    except MlflowException as error:
        raise TrackingError(one_line(str(error.message))) from error


def _user() -> Credential:
    return credentials.of_user(_SCOPE, context.cloud()._get_authority())


def _item(found: Any) -> Item:
    """Return a blob of the library's; folders of Data Lake Gen2 are empty blobs with a mark."""
    if not hasattr(found, "size"):  # the library's beginning of names
        return Item(str(found.name).rstrip("/"), is_folder=True)
    described = {str(key).lower(): value for key, value in (found.metadata or {}).items()}
    is_folder = str(described.get(_FOLDER, "")).lower() == "true"
    return Item(str(found.name), int(found.size), str(found.etag).strip('"'), is_folder)


def _code(error: AzureError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _is_denied(error: AzureError) -> bool:
    """Whether somebody is known, and may not; another token would not help."""
    return "Authorization" in _code(error)
