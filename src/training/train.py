"""Train a recipe: from a request to a finished run."""

from __future__ import annotations

import time
from dataclasses import replace

from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.registry.versions import check_name
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.execution import Destination, execute
from training.preparation import prepare
from training.request import TrainRequest, TrainResult


def train(request: TrainRequest, reporter: Reporter) -> TrainResult:
    """Train a recipe and record it.

    Everything that the request, the recipe and the data can get wrong is found before the
    tracking server is asked, so that nothing half-written is left behind.
    """
    started, begun = time.perf_counter(), time.monotonic()
    check_name(request.register)
    clusters.check_installed(request.engine)
    destination = Destination(
        request.experiment,
        request.run_name,
        request.register,
        request.engine,
        request.jobs,
        begun,
    )
    with sessions.opened(resolve(request.tracking)) as session:  # before anything imports MLflow
        with reporter.step("Reading recipe and data"):
            plan = prepare(request).plan
        result = execute(plan, destination, session, reporter)
    return replace(result, seconds=round(time.perf_counter() - started, 3))
