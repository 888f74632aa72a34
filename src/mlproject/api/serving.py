"""Serve a model over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike

from mlproject.api import arguments
from mlproject.api.opening import Method
from mlproject.serving.options import ServeRequest
from training.request import TrainResult


def serve(
    model: str | TrainResult,
    *,
    host: str = "127.0.0.1",
    port: int = 5001,
    method: Method = "predict",
    max_body: str = "16MB",
    timeout: float = 60.0,
    refresh: float = 10.0,
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
    started: Callable[[str], None] | None = None,
) -> None:
    """Answer requests for predictions until Ctrl-C or SIGTERM.

    The other parameters, and errors, are those of ``mlproject.score``.

    Parameters
    ----------
    model : str or TrainResult
        As for :func:`mlproject.score`. ``models:/NAME@ALIAS`` is followed: when the alias moves,
        the other model answers, and no request is lost.
    host, port : str, int
        Where it listens; with the port 0 at any free one.
    max_body : str
        The largest body of a request, such as ``16MB``.
    timeout : float
        Seconds after which a request times out.
    refresh : float
        Seconds between checks of whether the alias has moved.
    started : callable, optional
        Is called with the address once it listens.
    """
    from mlproject.serving.server import serve as run

    uri, target = arguments.found(model, tracking)
    request = ServeRequest(
        model=uri,
        host=host,
        port=port,
        method=method,
        max_body=max_body,
        timeout=timeout,
        refresh=refresh,
        trust=arguments.several(trust),
        tracking=target,
    )
    run(request, arguments.reporter(progress), started)
