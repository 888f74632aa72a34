"""A server as a process, from a request to its end."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Callable
from contextlib import suppress
from threading import Event

import uvicorn

from inference.scorer import one_thread_of_algebra
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.models import trust
from mlproject.serving.app import Limits, application
from mlproject.serving.current import CurrentModel
from mlproject.serving.options import ServeRequest
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve

# What comes after a Ctrl-C may take as long before it is cut off.
_PATIENCE = 10


def serve(
    request: ServeRequest, reporter: Reporter, started: Callable[[str], None] | None = None
) -> None:
    """Answer requests until Ctrl-C or SIGTERM; ``started`` is told the address.

    Raises
    ------
    ConfigurationError, TrackingError, ModelError
        When it cannot start.
    """
    limits = Limits(request.max_bytes, request.timeout, os.cpu_count() or 1)
    policy = trust.in_force(request.trust)
    listening = _listening(request.host, request.port)
    with (
        listening,
        sessions.opened(resolve(request.tracking)) as session,
        one_thread_of_algebra(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # scikit-learn's, of every single row
        with reporter.step("Loading the model"):
            current = CurrentModel(request.model, request.method, session, policy, reporter)
        server = uvicorn.Server(
            uvicorn.Config(
                application(current, limits),
                access_log=False,
                log_level="warning",
                server_header=False,
                date_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=_PATIENCE,
            )
        )
        host, port = listening.getsockname()[:2]
        address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        reporter.say(f"Serving {current.served.described} at {address}; Ctrl-C ends it")
        if started is not None:
            started(address)
        ended = Event()
        watcher = current.watch(request.refresh, ended) if current.can_move else None
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listening])
        finally:
            ended.set()
            if watcher is not None:
                watcher.join(_PATIENCE)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, before a model is loaded in vain."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # Told that it is TCP, asyncio sends each piece of an answer at once, not after 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen(1024)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port} cannot be listened at: {error.strerror or error}", "Give another --port"
        ) from error
    return listening
