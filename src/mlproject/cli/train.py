"""``mlproject train``, also ``python -m training``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.cli.frame import command
from training.request import TrainRequest, TrainResult

_MOST_LISTED = 20
_LONGEST_SHOWN = 60


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
        ("data", f"{counted(result.data['rows'], 'row')} of {result.data['source']}"),
        *((f"rows left out: {why}", str(count)) for why, count in result.rows_left_out.items()),
        ("task", f"{result.task} of {result.target}" if result.target else result.task),
        ("features", _listed(result.features)),
        *((f"left out: {name or '(no name)'}", why) for name, why in result.left_out.items()),
        ("candidates", _candidates(result)),
        *((f"best {name}", _short(value)) for name, value in result.best_params.items()),
        *((name, text) for name, text in _metrics(result)),
        *((f"{_side(item)} a {name} model", _improvement(item)) for name, item in _known(result)),
        ("model", f"{result.model_uri} ({result.model_format})"),
    ]
    if result.registered:
        rows.append(("registered", "{name} version {version}".format(**result.registered)))
    reporter.table(f"{result.recipe}: {result.seconds:.1f} s", ("", ""), rows)
    if result.studio:  # on a line of its own, so that it can be clicked
        reporter.emit(f"Studio: {result.studio}")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"{len(names)}: {', '.join(names[:_MOST_LISTED])}{more}"


def _candidates(result: TrainResult) -> str:
    if not result.children and result.candidates == 1:
        return "1, without a search"
    return f"{result.candidates} tried, {result.children} recorded"


def _side(interval: dict[str, Any]) -> str:
    return "better than" if interval["improvement"] >= 0 else "worse than"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text.partition('(')[0]}(…)"


def _metrics(result: TrainResult) -> Iterator[tuple[str, str]]:
    """Yield each metric with where it comes from, and how sure it is."""
    for name, value in result.metrics.items():
        if name.startswith("cv_"):
            if not name.endswith("_std") or name.removesuffix("_std") not in result.metrics:
                spread = result.metrics.get(f"{name}_std")
                text = f"{value:.6g}" + (f" ± {spread:.2g}" if spread is not None else "")
                yield f"{name.removeprefix('cv_')}, cross-validated", text
            continue
        ends = result.intervals.get(name)
        sure = f" (95 %: {ends[0]:.6g} to {ends[1]:.6g})" if ends else ""
        yield f"{name}, on {counted(result.rows_held_out, 'held-out row')}", f"{value:.6g}{sure}"


def _known(result: TrainResult) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in result.baselines.items():
        if item["interval"] is not None:
            yield name, item["interval"]


def _improvement(interval: dict[str, Any]) -> str:
    ends = sorted((interval["low"], interval["high"]))
    if interval["improvement"] < 0:
        ends = [-end for end in reversed(ends)]
    sure = f"95 %: {ends[0]:.6g} to {ends[1]:.6g}"
    by = f"by {abs(interval['improvement']):.6g} {interval['metric']} ({sure})"
    return f"{by}; it has {interval['champion']:.6g}"
