"""The proxy in front of every emulated host: it ends TLS and hands each request on."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any, cast

from werkzeug import Request, Response
from werkzeug.serving import DechunkedInput
from werkzeug.test import EnvironBuilder

from mlproject.emulator.identities import LOOPBACK, is_emulated

FaultyService = Callable[[Request], Response | None]
"""Answers a request; None breaks the connection without an answer."""
# Headers that say how a request came, which is not how it is handed on.
_OF_THE_WAY = ("host", "transfer-encoding")


class Front(ThreadingHTTPServer):
    """A proxy on loopback that answers in the place of the emulated hosts.

    werkzeug's own server closes each connection after one request, and clients would shake hands
    anew for the next.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int, tls: ssl.SSLContext, service: FaultyService) -> None:
        self.service = service
        self.tls = tls
        super().__init__((LOOPBACK, port), _Handler)

    @property
    def address(self) -> str:
        """What ``HTTPS_PROXY`` is set to."""
        return f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Front
    _host: str | None = None

    def handle_one_request(self) -> None:
        """Acknowledge a request's head at once.

        urllib3 leaves Nagle's algorithm on for proxies: it sends a request's body only when the
        head is acknowledged, which the kernel would put off for 40 ms. The option holds until the
        next answer.
        """
        if hasattr(socket, "TCP_QUICKACK"):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        """Tell a client that waits before it sends a body to go on."""
        expected = super().handle_expect_100()
        self.wfile.flush()
        return expected

    def finish(self) -> None:
        """Close the connection inside TLS too, which the server does not know of."""
        super().finish()
        self.connection.close()

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0].lower()
        if not is_emulated(host):
            self.send_error(502, "The Azure ML emulator leads to its own hosts only")
            return
        self._host = host
        self.send_response(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = self.connection.makefile("wb", -1)
        self.close_connection = False

    def _answer(self) -> None:
        try:
            body = self._body()
        except ValueError:  # nobody knows where the next request begins
            self.close_connection = True
            self.send_error(400, "The request has no length that could be")
            return
        # A plain request for a path is meant for this address itself; one for a whole URL is
        # what a proxy for HTTP gets, and every emulated host speaks TLS only.
        if self._host is None and not self.path.startswith("/"):
            self.send_error(403, "This proxy leads to the emulated hosts only, by CONNECT")
            return
        base = f"https://{self._host}" if self._host else f"http://{LOOPBACK}"
        headers = [item for item in self.headers.items() if item[0].lower() not in _OF_THE_WAY]
        request = EnvironBuilder(
            self.path, base, method=self.command, headers=headers, data=body or None
        ).get_request()
        response = self.server.service(request)
        if response is None:
            self.close_connection = True
            self.connection.close()
            return
        pieces, _, answered = response.get_wsgi_response(request.environ)
        self.send_response(response.status_code)
        for name, value in answered:
            if name != "Date":  # ``send_response`` has sent one
                self.send_header(name, value)
        self.end_headers()
        left = response.content_length
        for piece in pieces:
            # A log may have grown since its length was told.
            self.wfile.write(piece if left is None else piece[: max(0, left)])
            left = None if left is None else left - len(piece)
        response.close()

    do_GET = _answer  # noqa: N815 - the names that http.server looks for
    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return DechunkedInput(cast(IO[bytes], self.rfile)).readall()
        length = int(self.headers.get("Content-Length") or 0)
        if length < 0:
            raise ValueError(length)
        return self.rfile.read(length)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        pass
