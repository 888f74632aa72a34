"""The blob store: content under names, in blocks and in ranges."""

from __future__ import annotations

import base64
import datetime as dt
import shutil
import threading
from pathlib import Path
from xml.etree import ElementTree

from werkzeug import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import send_file

from mlproject.base.files import atomic_write
from mlproject.emulator.state import State

_BLOCKS = ".blocks"
_CREATING = threading.Lock()


def answer(state: State, request: Request) -> Response:
    path = (state.blobs / request.path.lstrip("/")).resolve()
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


def _put(path: Path, request: Request, permissions: str) -> Response:
    kind, body = request.args.get("comp"), request.get_data()
    blocks = path.with_name(f"{path.name}{_BLOCKS}")
    if kind == "block":
        blocks.mkdir(parents=True, exist_ok=True)
        _block(blocks, request.args["blockid"]).write_bytes(body)
        return Response(status=201)
    if kind == "blocklist":
        names = [item.text or "" for item in ElementTree.fromstring(body)]  # noqa: S314 - loopback
        files = [_block(blocks, name) for name in names]
        if not all(file.is_file() for file in files):
            return _error(400, "InvalidBlockList")
        body = b"".join(file.read_bytes() for file in files)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _CREATING:
        if path.exists() and request.headers.get("If-None-Match") == "*":
            return _error(409, "BlobAlreadyExists")
        if path.exists() and "w" not in permissions:
            return _error(403, "AuthorizationPermissionMismatch")
        atomic_write(path, body)
    shutil.rmtree(blocks, ignore_errors=True)
    response = Response(status=201)
    response.set_etag(_etag(path))
    response.last_modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.timezone.utc)
    return response


def _get(path: Path, request: Request) -> Response:
    if not path.is_file():
        return _error(404, "BlobNotFound")
    environ = dict(request.environ)
    wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
    if wanted:
        environ["HTTP_RANGE"] = wanted
        if not path.stat().st_size:
            return _error(416, "InvalidRange")
    kind, etag = "application/octet-stream", _etag(path)
    try:
        response = send_file(path, environ, kind, conditional=True, etag=etag)
    except RequestedRangeNotSatisfiable:
        return _error(416, "InvalidRange")
    response.headers["x-ms-blob-type"] = "BlockBlob"
    return response


def _block(folder: Path, name: str) -> Path:
    return folder / base64.urlsafe_b64encode(name.encode()).decode()


def _etag(path: Path) -> str:
    return f"0x{path.stat().st_mtime_ns:X}"


def _error(status: int, code: str) -> Response:
    # azure-storage-blob stumbles over an error without a message.
    content = f"<Code>{code}</Code><Message>The emulator says {code}.</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{content}</Error>'
    return Response(body, status, {"x-ms-error-code": code}, content_type="application/xml")
