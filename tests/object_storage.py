"""A server on loopback that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlproject.base.stores import Store


@dataclass(frozen=True)
class S3:
    """Where the server is, and a bucket that it has."""

    endpoint: str
    bucket: str = "bucket"

    @property
    def options(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint,
            "key": "the-key-of-a-test",
            "secret": "the-secret-of-a-test",
            "client_kwargs": {"region_name": "eu-west-1"},
        }

    def store(self, path: str, bucket: str | None = None) -> Store:
        return Store.of(f"s3://{bucket or self.bucket}/{path}", self.options)


@contextmanager
def serving() -> Iterator[S3]:
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        found = S3(f"http://{host}:{port}")
        fsspec.filesystem("s3", **found.options).makedirs(found.bucket, exist_ok=True)
        yield found
    finally:
        server.stop()
