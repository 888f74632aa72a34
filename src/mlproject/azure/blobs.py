"""The content of one artifact, in Azure's blob store, behind a signed URL."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path
from typing import Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobClient

from mlproject.azure.failures import repeat, retry_after
from mlproject.base.files import sha256_of

# Pieces of one large file at a time.
_WORKERS = 4


class Blobs:
    """Uploads and downloads; connections are kept for the next one."""

    def __init__(self) -> None:
        self._transport = RequestsTransport(connection_timeout=20, read_timeout=60)

    def put(self, url: str, path: Path) -> bool:
        """Upload a file and return whether it was; False when there is other content already.

        The same content that is there already counts as uploaded: an answer may have been lost.
        """

        def upload() -> bool:
            with path.open("rb") as stream:
                try:
                    self._client(url).upload_blob(stream, overwrite=False, max_concurrency=_WORKERS)
                except ResourceExistsError:
                    return self.same(url, path) is True
            return True

        return repeat(upload, _pause_after)

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

        return repeat(compare, _pause_after)

    def get(self, url: str, path: Path) -> None:
        """Download into a file, which is there once all of it is."""
        unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")

        def download() -> None:
            with unfinished.open("wb") as stream:
                self._client(url).download_blob(max_concurrency=_WORKERS).readinto(stream)
            unfinished.replace(path)

        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            repeat(download, _pause_after)
        finally:
            unfinished.unlink(missing_ok=True)

    def _client(self, url: str) -> Any:
        # The library's own first pause is a quarter of a minute, and it does not repeat 429:
        # ``repeat`` does all of it.
        return BlobClient.from_blob_url(url, transport=self._transport, retry_total=0)


def _pause_after(error: Exception) -> float | None:
    """Let 429, 5xx and connections that break pass, also midway."""
    if not isinstance(error, HttpResponseError):
        return 0.0 if isinstance(error, AzureError) else None
    status = error.status_code
    passing = status is None or status in (408, 429) or status >= 500
    return retry_after(error.response) if passing else None
