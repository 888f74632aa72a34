"""The blob store: content under names, in blocks and in ranges."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from werkzeug import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import send_file

from mlproject.emulator.lines import Lines
from mlproject.emulator.state import State

_INDEX = "names.jsonl"
_CREATING = threading.Lock()


def answer(state: State, request: Request) -> Response:
    permissions = state.key.permissions(request)
    if not permissions:
        return error(403, "AuthenticationFailed")
    # A name may be longer than a file's, and may be a folder to another one.
    path = state.blobs / _digest(request.path)
    if request.method == "PUT":
        return _put(path, request, permissions)
    if request.method in ("GET", "HEAD"):
        return _get(path, request) if "r" in permissions else _denied()
    return error(405, "UnsupportedHttpVerb")


def growing(state: State, name: str) -> Path:
    """Return the file of a new blob that is written by appending to it."""
    path = state.blobs / _digest(name)
    with _CREATING:
        if not path.exists():
            path.touch()
            Lines(path.with_name(_INDEX)).append([path.name, name])
    return path


def copy(state: State, name: str | None, folder: Path) -> None:
    """Copy a blob, or all that are below a name, into a folder."""
    for digest, known in Lines(state.blobs / _INDEX):
        if name is not None and (known == name or known.startswith(f"{name}/")):
            below = known[len(name) :].strip("/") or known.rpartition("/")[2]
            target = folder / below
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(state.blobs / digest, target)


def error(status: int, code: str) -> Response:
    # azure-storage-blob stumbles over an error without a message.
    content = f"<Code>{code}</Code><Message>The emulator says {code}.</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{content}</Error>'
    return Response(body, status, {"x-ms-error-code": code}, content_type="application/xml")


def _denied() -> Response:
    return error(403, "AuthorizationPermissionMismatch")


def _put(path: Path, request: Request, permissions: str) -> Response:
    if not {"c", "w"} & set(permissions):
        return _denied()
    kind, blocks = request.args.get("comp"), path.with_name(f"{path.name}.blocks")
    if kind == "metadata":  # which nobody here asks for
        return Response(status=200) if path.is_file() else error(404, "BlobNotFound")
    if kind == "block":
        blocks.mkdir(parents=True, exist_ok=True)
        (blocks / _digest(request.args["blockid"])).write_bytes(request.get_data())
        return Response(status=201)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        if kind == "blocklist":
            names = ElementTree.fromstring(request.get_data())  # noqa: S314 - loopback
            files = [blocks / _digest(name.text or "") for name in names]
            if not all(file.is_file() for file in files):
                return error(400, "InvalidBlockList")
            _join(files, new)
        else:
            new.write_bytes(request.get_data())
        with _CREATING:
            if path.exists() and request.headers.get("If-None-Match") == "*":
                return error(409, "BlobAlreadyExists")
            if path.exists() and "w" not in permissions:
                return _denied()
            if not path.exists():
                Lines(path.with_name(_INDEX)).append([path.name, request.path])
            new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    shutil.rmtree(blocks, ignore_errors=True)
    response = Response(status=201)
    response.set_etag(_etag(path))
    response.last_modified = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.timezone.utc)
    return response


def _get(path: Path, request: Request) -> Response:
    if not path.is_file():
        return error(404, "BlobNotFound")
    environ = dict(request.environ)
    wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
    if wanted:
        environ["HTTP_RANGE"] = wanted
        if not path.stat().st_size:
            return error(416, "InvalidRange")
    kind, etag = "application/octet-stream", _etag(path)
    try:
        response = send_file(path, environ, kind, conditional=True, etag=etag)
    except RequestedRangeNotSatisfiable:
        return error(416, "InvalidRange")
    response.headers["x-ms-blob-type"] = "BlockBlob"
    return response


def _join(files: Iterable[Path], target: Path) -> None:
    with target.open("wb") as stream:
        for file in files:
            with file.open("rb") as block:
                shutil.copyfileobj(block, stream)


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _etag(path: Path) -> str:
    return f"0x{path.stat().st_mtime_ns:X}"
