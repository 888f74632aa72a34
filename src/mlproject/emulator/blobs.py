"""The blob store: content under names, in blocks and in ranges."""

from __future__ import annotations

import base64
import hashlib
import re
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from mlproject.emulator.messages import Answer, Request
from mlproject.emulator.state import State

_BLOCKS = ".blocks"


def answer(state: State, request: Request) -> Answer:
    """Return what the account's host answers."""
    path = (state.blobs / unquote(request.path).lstrip("/")).resolve()
    if not path.is_relative_to(state.blobs.resolve()):
        return _error(400, "InvalidUri")
    if "sig" not in request.query:
        return _error(403, "AuthenticationFailed")
    if request.method == "PUT":
        return _put(path, request)
    if request.method in ("GET", "HEAD"):
        return _get(path, request)
    return _error(405, "UnsupportedHttpVerb")


def _put(path: Path, request: Request) -> Answer:
    kind = request.query.get("comp")
    blocks = path.with_name(f"{path.name}{_BLOCKS}")
    if kind == "block":
        blocks.mkdir(parents=True, exist_ok=True)
        (blocks / _name(request.query["blockid"])).write_bytes(request.body)
        return Answer(201)
    if path.exists() and request.headers.get("if-none-match") == "*":
        return _error(409, "BlobAlreadyExists")
    body = request.body
    if kind == "blocklist":
        names = [item.text or "" for item in ElementTree.fromstring(body)]  # noqa: S314 - loopback
        body = b"".join((blocks / _name(name)).read_bytes() for name in names)
        for item in blocks.iterdir():
            item.unlink()
        blocks.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(body)
    unfinished.replace(path)
    return Answer(201, b"", _properties(path, body))


def _get(path: Path, request: Request) -> Answer:
    if not path.is_file():
        return _error(404, "BlobNotFound")
    data = path.read_bytes()
    headers = _properties(path, data) | {
        "x-ms-blob-type": "BlockBlob",
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if request.method == "HEAD":
        return Answer(200, b"", headers | {"Content-Length": str(len(data))})
    wanted = request.headers.get("x-ms-range") or request.headers.get("range")
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if not found:
        return Answer(200, data, headers)
    start = int(found[1])
    if start >= len(data):
        return _error(416, "InvalidRange")
    end = min(int(found[2] or len(data) - 1), len(data) - 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
    return Answer(206, data[start : end + 1], headers)


def _name(block: str) -> str:
    return base64.urlsafe_b64encode(block.encode()).decode()


def _properties(path: Path, data: bytes) -> dict[str, str]:
    return {
        "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"',
        "Last-Modified": formatdate(path.stat().st_mtime, usegmt=True),
    }


def _error(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return Answer(
        status, body.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code}
    )
