"""A proxy in front of a tracking server: counts requests, and refuses those a test names."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Refuses = Callable[[str, bytes], bool | str]


class Proxy(ThreadingHTTPServer):
    """Passes requests on to ``backend`` unless ``refuses(path, body)``; hangs up when dead.

    What refuses may say with which of MLflow's error codes.
    """

    def __init__(self, backend: str, refuses: Refuses) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.backend = backend
        self.refuses = refuses
        self.requests: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.dead = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0].rpartition("/mlflow/")[2]
        if self.server.dead:
            self.close_connection = True
            return
        with self.server.lock:
            self.server.requests[path] += 1
        refused = self.server.refuses(path, body)
        if refused:
            code = refused if isinstance(refused, str) else "INVALID_PARAMETER_VALUE"
            self.answer(400, json.dumps({"error_code": code, "message": "refused"}).encode())
            return
        request = urllib.request.Request(
            self.server.backend + self.path,
            data=body or None,
            method=self.command,
            headers={"Content-Type": self.headers.get("Content-Type") or "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                self.answer(response.status, response.read())
        except urllib.error.HTTPError as error:
            with error:
                self.answer(error.code, error.read())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815


@contextmanager
def proxied(backend: str, refuses: Refuses = lambda path, body: False) -> Iterator[Proxy]:
    """Run a proxy for the block."""
    with Proxy(backend, refuses) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
