"""Containers of the blob store: which blobs each has, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from werkzeug import Request, Response
from werkzeug.http import http_date

from mlproject.emulator.identities import BLOB_HOST, CONTAINER
from mlproject.emulator.storage.stored import Stored, index

PAGE = 500
"""How many blobs one answer lists at most."""

_BUILT_IN = (CONTAINER, "azureml", "identity", "lake")


def answer(folder: Path, request: Request) -> Response | None:
    """Answer a request on a container; None where there is no such container."""
    container = request.path.strip("/")
    names = sorted(name for name in index(folder) if name.startswith(f"/{container}/"))
    if not names and container not in _BUILT_IN:
        return None
    if request.args.get("comp") != "list":
        return Response(status=200)
    blobs = [Stored(folder, name) for name in names]
    return _page(request, container, [blob for blob in blobs if blob.path.is_file()])


def _page(request: Request, container: str, blobs: list[Stored]) -> Response:
    prefix, marker = request.args.get("prefix", ""), request.args.get("marker", "")
    most = min(int(request.args.get("maxresults", PAGE)), PAGE)
    root = Element("EnumerationResults")
    root.set("ServiceEndpoint", f"https://{BLOB_HOST}/")
    root.set("ContainerName", container)
    for name, value in (("Prefix", prefix), ("Marker", marker), ("MaxResults", str(most))):
        SubElement(root, name).text = value
    listed, following = SubElement(root, "Blobs"), SubElement(root, "NextMarker")
    described = "metadata" in request.args.get("include", "").split(",")
    start, last = len(f"/{container}/"), ""
    for name, blob in _entries(blobs, start, prefix, request.args.get("delimiter", "")):
        if name <= marker:
            continue
        if len(listed) == most:
            following.text = last
            break
        last = name
        if blob is None:
            SubElement(SubElement(listed, "BlobPrefix"), "Name").text = name
        else:
            _add(listed, name, blob, described=described)
    body = tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, 200, content_type="application/xml")


def _entries(
    blobs: list[Stored], start: int, prefix: str, delimiter: str
) -> Iterator[tuple[str, Stored | None]]:
    """Yield the names below a prefix, and None for what stands for several blobs."""
    before = None
    for blob in blobs:
        name = blob.name[start:]
        if not name.startswith(prefix):
            continue
        inside, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if not found:
            yield name, blob
        elif (folder := f"{prefix}{inside}{delimiter}") != before:
            before = folder
            yield folder, None


def _add(listed: Element, name: str, blob: Stored, *, described: bool) -> None:
    element = SubElement(listed, "Blob")
    SubElement(element, "Name").text = name
    properties = {
        "Last-Modified": http_date(blob.changed),
        "Etag": blob.etag,
        "Content-Length": str(blob.path.stat().st_size),
        "Content-Type": "application/octet-stream",
        "BlobType": "BlockBlob",
    }
    known = SubElement(element, "Properties")
    for key, value in properties.items():
        SubElement(known, key).text = value
    if described:
        metadata = SubElement(element, "Metadata")
        for key, value in blob.metadata.items():
            SubElement(metadata, key).text = value
