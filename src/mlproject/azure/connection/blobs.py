"""The content of one artifact, in Azure's blob store, behind a signed URL."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobClient

from mlproject.azure.connection.failures import repeat, retry_after
from mlproject.base.errors import reason
from mlproject.base.files import sha256_of

T = TypeVar("T")

# Pieces of one large file at a time.
_WORKERS = 4
_TAIL_BYTES = 1 << 22
_NOTHING_THERE = 416


class RefusedError(AzureError):
    """The signed URL does not, or no longer, permit what was asked."""


class _BusyError(AzureError):
    """An answer that may pass, with the seconds that it asks to wait."""

    def __init__(self, response: Any) -> None:
        self.seconds = retry_after(response)
        super().__init__(f"the store answers {response.status_code} {response.reason or ''}")


class Transport(RequestsTransport):  # type: ignore[misc]
    """Connections that are kept for the next request.

    Answers that may pass are told here: the library reads a message out of their bodies, and
    stumbles over a gateway's, which have none.
    """

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        if response.status_code in (408, 429) or response.status_code >= 500:
            raise _BusyError(response)
        return response


class Blobs:
    """Uploads and downloads."""

    def __init__(self) -> None:
        self._transport = Transport(connection_timeout=20, read_timeout=60)

    def put(self, url: str, path: Path, come: Callable[[int], None] = lambda _: None) -> bool:
        """Upload a file and return whether it was; False when there is other content already.

        The same content that is there already counts as uploaded: an answer may have been lost.
        ``come`` takes how many bytes have been sent.
        """
        options = {"max_concurrency": _WORKERS, "progress_hook": lambda sent, _: come(sent)}

        def upload() -> bool:
            with path.open("rb") as stream:
                try:
                    self._client(url).upload_blob(stream, overwrite=False, **options)
                except ResourceExistsError:
                    return self.same(url, path) is True
            return True

        return self._repeated(upload)

    def same(self, url: str, path: Path) -> bool | None:
        """Return whether a blob holds what a file holds; None when there is no blob."""

        def compare() -> bool | None:
            client = self._client(url)
            try:
                if client.get_blob_properties().size != path.stat().st_size:
                    return False
                digest = hashlib.sha256()
                for chunk in client.download_blob().chunks():
                    digest.update(chunk)
            except ResourceNotFoundError:
                return None
            return digest.hexdigest() == sha256_of(path)

        return self._repeated(compare)

    def read(self, url: str) -> bytes:
        """Return the content of a small blob."""
        return self._repeated(lambda: bytes(self._client(url).download_blob().readall()))

    def tail(self, url: str, start: int) -> bytes:
        """Return what there is from a position on, of a blob that grows; at most 4 MB of it."""

        def read() -> bytes:
            client = self._client(url)
            try:
                return bytes(client.download_blob(offset=start, length=_TAIL_BYTES).readall())
            except ResourceNotFoundError:
                return b""
            except HttpResponseError as error:
                if error.status_code == _NOTHING_THERE:
                    return b""
                raise

        return self._repeated(read)

    def get(self, url: str, path: Path) -> None:
        """Download into a file, which is there once all of it is."""
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")

        def download() -> None:
            with unfinished.open("wb") as stream:
                self._client(url).download_blob(max_concurrency=_WORKERS).readinto(stream)
            unfinished.replace(path)

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._repeated(download)
        finally:
            unfinished.unlink(missing_ok=True)

    def _repeated(self, send: Callable[[], T]) -> T:
        try:
            return repeat(send, pause_after)
        except HttpResponseError as error:
            if error.status_code == 403:
                raise RefusedError(reason(error)) from error
            raise

    def _client(self, url: str) -> Any:
        # The library's own first pause is a quarter of a minute, and it does not repeat 429:
        # ``repeat`` does all of it.
        return BlobClient.from_blob_url(url, transport=self._transport, retry_total=0)


def pause_after(error: Exception) -> float | None:
    """Let 429, 5xx and connections that break pass, also midway."""
    if isinstance(error, _BusyError):
        return error.seconds
    # An answer that does not pass has a status; one that broke off has none.
    passing = isinstance(error, AzureError) and getattr(error, "status_code", None) is None
    return 0.0 if passing else None
