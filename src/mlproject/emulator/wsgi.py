"""A WSGI application, asked in this process."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

from mlproject.emulator.messages import Answer, Request
from mlproject.emulator.names import API_HOST


def asked(app: Any, request: Request) -> Answer:
    """Return what a WSGI application answers, with none of its headers but the content's type."""
    url = urlsplit(request.target)
    kept: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        kept["status"] = int(status.partition(" ")[0])
        kept["headers"] = {"Content-Type": dict(headers).get("Content-Type", "application/json")}

    environment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url.path,
        "QUERY_STRING": url.query,
        "SERVER_NAME": API_HOST,
        "SERVER_PORT": "443",
        "HTTP_HOST": API_HOST,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    body = b"".join(app(environment, start))
    return Answer(kept["status"], body, kept["headers"])
