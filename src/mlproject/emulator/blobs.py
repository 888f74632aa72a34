"""The blob store: content under names, in blocks and in ranges."""

from __future__ import annotations

import base64
import re
import shutil
import threading
from email.utils import formatdate
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import unquote
from xml.etree import ElementTree

from mlproject.emulator.messages import Answer, Request
from mlproject.emulator.state import State

_BLOCKS = ".blocks"
_CREATING = threading.Lock()


def answer(state: State, request: Request) -> Answer:
    """Return what the account's host answers."""
    path = (state.blobs / unquote(request.path).lstrip("/")).resolve()
    if not path.is_relative_to(state.blobs.resolve()):
        return _error(400, "InvalidUri")
    permissions = state.key.permissions(request)
    if not permissions:
        return _error(403, "AuthenticationFailed")
    if request.method == "PUT":
        return _put(path, request, permissions)
    if request.method in ("GET", "HEAD"):
        return _get(path, request)
    return _error(405, "UnsupportedHttpVerb")


def _put(path: Path, request: Request, permissions: str) -> Answer:
    kind = request.query.get("comp")
    blocks = path.with_name(f"{path.name}{_BLOCKS}")
    if kind == "block":
        blocks.mkdir(parents=True, exist_ok=True)
        (blocks / _name(request.query["blockid"])).write_bytes(request.body)
        return Answer(201)
    body = request.body
    if kind == "blocklist":
        names = [item.text or "" for item in ElementTree.fromstring(body)]  # noqa: S314 - loopback
        if not all((blocks / _name(name)).is_file() for name in names):
            return _error(400, "InvalidBlockList")
        body = b"".join((blocks / _name(name)).read_bytes() for name in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _CREATING:
        if path.exists() and request.headers.get("if-none-match") == "*":
            return _error(409, "BlobAlreadyExists")
        if path.exists() and "w" not in permissions:
            return _error(403, "AuthorizationPermissionMismatch")
        _write(path, body)
    shutil.rmtree(blocks, ignore_errors=True)
    return Answer(201, b"", _properties(path))


def _write(path: Path, body: bytes) -> None:
    """Write a file that others see as a whole or not at all."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as stream:
        stream.write(body)
    Path(stream.name).replace(path)


def _get(path: Path, request: Request) -> Answer:
    if not path.is_file():
        return _error(404, "BlobNotFound")
    size = path.stat().st_size
    headers = _properties(path) | {
        "x-ms-blob-type": "BlockBlob",
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if request.method == "HEAD":
        return Answer(200, b"", headers | {"Content-Length": str(size)})
    wanted = request.headers.get("x-ms-range") or request.headers.get("range")
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if not found:
        return Answer(200, path.read_bytes(), headers)
    start = int(found[1])
    if start >= size:
        return _error(416, "InvalidRange")
    end = min(int(found[2] or size - 1), size - 1)
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read(end - start + 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Answer(206, data, headers)


def _name(block: str) -> str:
    return base64.urlsafe_b64encode(block.encode()).decode()


def _properties(path: Path) -> dict[str, str]:
    found = path.stat()
    return {
        "ETag": f'"0x{found.st_mtime_ns:X}"',
        "Last-Modified": formatdate(found.st_mtime, usegmt=True),
    }


def _error(status: int, code: str) -> Answer:
    # azure-storage-blob stumbles over an error without a message.
    content = f"<Code>{code}</Code><Message>The emulator says {code}.</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{content}</Error>'
    return Answer(
        status, body.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code}
    )
