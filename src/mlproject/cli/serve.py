"""``mlproject serve``."""

from __future__ import annotations

from mlproject.base.console import Reporter
from mlproject.cli.frame import command
from mlproject.serving.options import ServeRequest


@command(workspace=True)
def serve(reporter: Reporter, request: ServeRequest) -> None:
    """Serve MODEL over HTTP until Ctrl-C: /score, /invocations, /health, /openapi.json.

    When the alias of models:/NAME@ALIAS moves, the other model answers, and no request is lost.

    \b
    Examples:
      mlproject serve models:/prices@champion
      curl http://127.0.0.1:5001/score -H 'Content-Type: application/json' \\
        -d '{"input_data": {"columns": ["a"], "data": [[1.5]]}}'
    """
    request.max_bytes  # noqa: B018 - which checks it, before anything heavy is imported
    from mlproject.api import serving

    serving.serve(**vars(request), progress=not reporter.quiet, started=reporter.emit)
