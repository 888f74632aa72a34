"""The blob store: content under names, in blocks and in ranges, with metadata.

The first part of a path is the container.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from werkzeug import Request, Response
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.utils import send_file

from mlproject.emulator.keeping.state import State
from mlproject.emulator.storage import containers
from mlproject.emulator.storage.storage_access import NO_PERMISSION, StorageDeniedError, permissions
from mlproject.emulator.storage.stored import Stored, digest, index

_CREATING = threading.Lock()
_METADATA = "x-ms-meta-"


def answer(state: State, request: Request) -> Response:
    try:
        permitted = permissions(state, request)
    except StorageDeniedError as denied:
        return error(denied.status, str(denied))
    if request.args.get("restype") == "container":
        if request.method == "GET" and "l" not in permitted:
            return _denied()
        return containers.answer(state.blobs, request) or error(404, "ContainerNotFound")
    blob = Stored(state.blobs, request.path)
    if request.method == "PUT":
        return _put(blob, request, permitted)
    if request.method in ("GET", "HEAD"):
        return _get(blob, request) if "r" in permitted else _denied()
    if request.method == "DELETE":
        return _delete(blob) if "d" in permitted else _denied()
    return error(405, "UnsupportedHttpVerb")


def growing(state: State, name: str) -> Path:
    """Return the file of a new blob that is written by appending to it."""
    blob = Stored(state.blobs, name)
    with _CREATING:
        if not blob.path.exists():
            blob.make()
    return blob.path


def copy(state: State, name: str | None, folder: Path) -> None:
    """Copy a blob, or all that are below a name, into a folder."""
    for known, file in index(state.blobs).items():
        if name is not None and (known == name or known.startswith(f"{name}/")):
            below = known[len(name) :].strip("/") or known.rpartition("/")[2]
            target = folder / below
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(state.blobs / file, target)


def keep(state: State, name: str, content: Path) -> None:
    """Make a blob of a file, or replace the one of this name."""
    blob = Stored(state.blobs, name)
    new = blob.path.with_name(f"{blob.path.name}.{secrets.token_hex(4)}")
    shutil.copyfile(content, new)
    with _CREATING:
        blob.replace_by(new, {})


def error(status: int, code: str) -> Response:
    # azure-storage-blob stumbles over an error without a message.
    content = f"<Code>{code}</Code><Message>The emulator says {code}.</Message>"
    body = f'<?xml version="1.0" encoding="utf-8"?><Error>{content}</Error>'
    return Response(body, status, {"x-ms-error-code": code}, content_type="application/xml")


def _denied() -> Response:
    return error(403, NO_PERMISSION)


def _put(blob: Stored, request: Request, permitted: str) -> Response:
    if not {"c", "w"} & set(permitted):
        return _denied()
    kind, path = request.args.get("comp"), blob.path
    blocks = path.with_name(f"{path.name}.blocks")
    if kind == "metadata":
        return _described(blob, request)
    if kind == "block":
        blocks.mkdir(parents=True, exist_ok=True)
        (blocks / digest(request.args["blockid"])).write_bytes(request.get_data())
        return Response(status=201)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        if kind == "blocklist":
            names = ElementTree.fromstring(request.get_data())  # noqa: S314 - loopback
            files = [blocks / digest(name.text or "") for name in names]
            if not all(file.is_file() for file in files):
                return error(400, "InvalidBlockList")
            _join(files, new)
        else:
            new.write_bytes(request.get_data())
        with _CREATING:
            if path.exists() and request.headers.get("If-None-Match") == "*":
                return error(409, "BlobAlreadyExists")
            if path.exists() and "w" not in permitted:
                return _denied()
            blob.replace_by(new, _metadata_of(request))
    finally:
        new.unlink(missing_ok=True)
    shutil.rmtree(blocks, ignore_errors=True)
    return _stamped(Response(status=201), blob)


def _described(blob: Stored, request: Request) -> Response:
    with _CREATING:
        if not blob.path.is_file():
            return error(404, "BlobNotFound")
        blob.describe(_metadata_of(request))
    return _stamped(Response(status=200), blob)


def _get(blob: Stored, request: Request) -> Response:
    path = blob.path
    if not path.is_file():
        return error(404, "BlobNotFound")
    expected = request.headers.get("If-Match", "*").strip('"')
    if expected not in ("*", blob.etag):
        return error(412, "ConditionNotMet")
    environ = dict(request.environ)
    wanted = request.headers.get("x-ms-range") or request.headers.get("Range")
    if wanted:
        environ["HTTP_RANGE"] = wanted
        if not path.stat().st_size:
            return error(416, "InvalidRange")
    kind, etag = "application/octet-stream", blob.etag
    try:
        response = send_file(path, environ, kind, conditional=True, etag=etag)
    except RequestedRangeNotSatisfiable:
        return error(416, "InvalidRange")
    response.headers["x-ms-blob-type"] = "BlockBlob"
    for name, value in blob.metadata.items():
        response.headers[f"{_METADATA}{name}"] = value
    return response


def _delete(blob: Stored) -> Response:
    with _CREATING:
        if not blob.path.is_file():
            return error(404, "BlobNotFound")
        blob.remove()
    return Response(status=202)


def _metadata_of(request: Request) -> dict[str, str]:
    named = [(name.lower(), value) for name, value in request.headers.items()]
    given = {n.removeprefix(_METADATA): v for n, v in named if n.startswith(_METADATA)}
    # No name of metadata has a dash, and no name of WSGI's headers has anything else.
    return {name.replace("-", "_"): value for name, value in given.items()}


def _stamped(response: Response, blob: Stored) -> Response:
    response.set_etag(blob.etag)
    response.last_modified = blob.changed
    return response


def _join(files: Iterable[Path], target: Path) -> None:
    with target.open("wb") as stream:
        for file in files:
            with file.open("rb") as block:
                shutil.copyfileobj(block, stream)
