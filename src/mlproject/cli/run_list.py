"""``mlproject runs list``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mlproject.base.console import Reporter
from mlproject.cli.frame import command
from mlproject.runs.request import ListRequest


@command("list", workspace=True)
def list_runs(reporter: Reporter, request: ListRequest) -> dict[str, Any]:
    """List runs, whoever made them: the newest first, or the best first by a metric.

    \b
    Examples:
      mlproject runs list --recipe iris-svc --metric accuracy
      mlproject runs list --status failed
      mlproject runs list --filter "params.model__alpha = '0.1'" --metric rmse --most 5
    """
    from mlproject.api import comparing
    from mlproject.cli import run_tables

    found = comparing.list_runs(**vars(request))
    run_tables.listed(found, request.metric, reporter)
    return {"runs": [asdict(run) for run in found]}
