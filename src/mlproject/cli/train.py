"""``mlproject train``, also ``python -m training``."""

from __future__ import annotations

import dataclasses
from typing import Any

from mlproject.base.console import Reporter
from mlproject.cli.frame import command
from training.request import TrainRequest, TrainResult


@command(workspace=True)
def train(reporter: Reporter, request: TrainRequest) -> dict[str, Any]:
    """Train RECIPE: a tracked search and its best model.

    \b
    Examples:
      python -m training
      python -m training iris-svc --param model__C=0.1,1,10
      python -m training --data houses.csv --target price
    """
    from mlproject import api

    result = api.train(**vars(request), progress=not reporter.quiet)
    summarise(result, reporter)
    return dataclasses.asdict(result)


def summarise(result: TrainResult, reporter: Reporter) -> None:
    rows = [
        ("run", result.run_id),
        ("experiment", result.experiment),
        ("recorded in", result.recorded_in),
        ("data", f"{result.data['rows']} rows of {result.data['source']}"),
        ("candidates", f"{result.candidates} tried, {result.children} recorded"),
        *((f"best {name}", str(value)) for name, value in result.best_params.items()),
        *((name, f"{value:.6g}") for name, value in result.metrics.items()),
        ("model", f"{result.model_uri} ({result.model_format})"),
    ]
    if result.registered:
        rows.append(("registered", "{name} version {version}".format(**result.registered)))
    reporter.table(f"{result.recipe}: {result.seconds:.1f} s", ("", ""), rows)
    if result.studio:  # on a line of its own, so that it can be clicked
        reporter.emit(f"Studio: {result.studio}")
