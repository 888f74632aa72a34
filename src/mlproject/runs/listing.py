"""Runs, listed: the newest, or the best by a metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from mlproject.base.errors import ConfigurationError, TrackingError
from mlproject.base.suggestions import did_you_mean
from mlproject.models import finding
from mlproject.runs.records import RunRecord, record_of
from mlproject.runs.request import ListRequest
from mlproject.tracking import names, pages
from mlproject.tracking.experiments import ambient_experiment
from mlproject.tracking.failures import as_tracking_error, short_reason
from mlproject.tracking.session import Session
from training import metrics, winner

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PAGE = 500
_EXPERIMENTS = 1000


def listed(session: Session, request: ListRequest) -> list[RunRecord]:
    """Return runs, in as few requests as pages of them.

    Raises
    ------
    ConfigurationError
        When the server does not take the filter, or which way the metric is better is not known.
    TrackingError
        When there is no such experiment, or no such parent.
    """
    sign = _sign(request)
    parent = None if request.children is None else finding.run_of(session, request.children)
    experiments = _experiments(session, request, parent)
    runs = _searched(session.client, list(experiments), _condition(request), request.filter)
    compared_by = None
    if parent is not None:
        children = sorted(runs, key=_newest_then_by_number)
        compared_by = _compared_by(session, parent, children)
        runs = iter(children)
    found = (
        replace(record_of(run, experiments[str(run.info.experiment_id)]), compared_by=compared_by)
        for run in runs
    )
    wanted = (record for record in found if _is_wanted(record, request))
    if request.metric is None:
        return list(islice(wanted, request.most))
    metric = request.metric
    every = list(wanted)
    measured = [record for record in every if metric in record.metrics]
    if every and not measured:
        raise ConfigurationError(
            f"None of these runs has the metric '{metric}'", _instead(metric, every)
        )
    return sorted(measured, key=lambda record: sign * record.metrics[metric])[: request.most]


def _instead(metric: str, records: list[RunRecord]) -> str:
    known = {name for record in records for name in record.metrics}
    of_search = f"mean_test_{metric}"  # whose deviation and rank look more like it
    if of_search in known:
        return f"Did you mean '{of_search}'?"
    return did_you_mean(metric, known, noun="metrics")


def _sign(request: ListRequest) -> int:
    if request.metric is None:
        return 0
    goal = request.goal or metrics.goal(request.metric)
    if goal is None:
        raise ConfigurationError(
            f"Which way '{request.metric}' is better is not known",
            "Give --goal maximize, or --goal minimize",
        )
    return 1 if goal == "minimize" else -1


def _newest_then_by_number(run: Run) -> tuple[int, int]:
    number = run.data.tags.get(names.CANDIDATE, "")
    return -(run.info.start_time or 0), int(number) if number.isdecimal() else 0


def _compared_by(session: Session, parent: Run, children: list[Run]) -> str | None:
    try:
        return winner.compared_by(session, parent, children)
    except ConfigurationError:  # of another program, whose recipe.yaml is no recipe
        return None


def _experiments(session: Session, request: ListRequest, parent: Run | None) -> dict[str, str]:
    """Return the experiments to look at, by id."""
    client = session.client
    with as_tracking_error("The experiments cannot be listed"):
        found = pages.every(client.search_experiments, max_results=_EXPERIMENTS)
    known = {str(item.experiment_id): str(item.name) for item in found}
    if parent is not None:
        number = str(parent.info.experiment_id)
        return {number: known.get(number, number)}
    wanted = request.experiment
    if not wanted:
        current = ambient_experiment(client)
        wanted = [current] if current and current in known.values() else list(known.values())
    for name in wanted:
        if name not in known.values():
            hint = did_you_mean(name, known.values(), noun="experiments")
            raise TrackingError(
                f"There is no experiment '{name}' in {session.target.described}", hint
            )
    return {number: name for number, name in known.items() if name in wanted}


def _condition(request: ListRequest) -> str:
    """Return what every server can be asked for; it knows no OR, and no absence of a tag."""
    parts = [request.filter] if request.filter else []
    if request.recipe is not None:
        parts.append(f"tags.`{names.RECIPE}` = {_quoted(request.recipe)}")
    if request.kind in ("score", "registry"):
        parts.append(f"tags.`{names.KIND}` = '{request.kind}'")
    if request.status is not None:
        parts.append(f"attributes.status = '{request.status.upper()}'")
    if request.children is not None:
        parts.append(f"tags.`{names.PARENT}` = {_quoted(request.children)}")
    return " and ".join(parts)


def _quoted(text: str) -> str:
    if "'" in text and '"' in text:  # MLflow knows no escape
        raise ConfigurationError(
            f"Runs cannot be found by a name with both kinds of quotes: {text}",
            "Leave the name out, or give --filter with LIKE and a part of it",
        )
    quote = '"' if "'" in text else "'"
    return f"{quote}{text}{quote}"


def _searched(
    client: MlflowClient, experiments: list[str], condition: str, given: str | None
) -> Iterator[Run]:
    """Return runs, the newest first, of which a page is asked for at a time."""
    from mlflow.exceptions import MlflowException

    def search(*arguments: Any, **options: Any) -> Any:
        with as_tracking_error("The runs cannot be listed"):
            try:
                return client.search_runs(*arguments, **options)
            except MlflowException as error:
                if given is None or error.error_code != "INVALID_PARAMETER_VALUE":
                    raise
                raise ConfigurationError(
                    f"The server does not take the filter {given}: {short_reason(error)}",
                    "Write it as MLflow does: metrics.rmse < 60 and params.model__alpha = '0.1'",
                ) from error

    if not experiments:
        return iter(())
    newest_first = ["attributes.start_time DESC"]
    return pages.each(search, experiments, condition, max_results=_PAGE, order_by=newest_first)


def _is_wanted(record: RunRecord, request: ListRequest) -> bool:
    if request.children is None and record.parent is not None:
        return False
    if request.kind is not None:
        return record.kind == request.kind
    return record.kind != "registry"
