"""Runs listed, shown and compared, and the best of a sweep's trials or a search's candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

from mlproject.api import arguments
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve

if TYPE_CHECKING:
    from mlproject.runs.comparison import Comparison
    from mlproject.runs.details import RunDetails
    from mlproject.runs.records import RunRecord
    from mlproject.tracking.session import Session
    from training.metrics import Goal
    from training.winner import BestRun


def list_runs(
    experiment: str | Sequence[str] = (),
    *,
    kind: str | None = None,
    recipe: str | None = None,
    status: str | None = None,
    filter: str | None = None,  # noqa: A002 - the option's name
    metric: str | None = None,
    goal: Goal | None = None,
    children: str | None = None,
    most: int = 20,
    tracking: str | PathLike[str] | None = None,
) -> list[RunRecord]:
    """List runs, whoever made them: the newest first, or the best first by a metric.

    Parameters
    ----------
    experiment : str or sequence of str, optional
        By default MLflow's current experiment, or all of them.
    kind : {'train', 'score', 'registry', 'other'}, optional
        By default all but the records of a registry.
    recipe : str, optional
        The recipe that was trained.
    status : {'running', 'scheduled', 'finished', 'failed', 'killed'}, optional
        How they stand, in either case.
    filter : str, optional
        As MLflow writes it, such as ``metrics.rmse < 60``.
    metric : str, optional
        What to sort by; runs without it are left out.
    goal : {'maximize', 'minimize'}, optional
        By default that of the metric.
    children : str, optional
        Id of the run whose children are listed; by default no children are.
    most : int
        How many to list, at least 1.

    Raises
    ------
    ConfigurationError, TrackingError
        When there is no such experiment or metric, the server does not take the filter, or an
        option is given that another one makes meaningless.
    """
    from mlproject.runs import listing
    from mlproject.runs.request import ListRequest

    settings: dict[str, Any] = {"kind": kind, "goal": goal, "most": most}
    settings["status"] = None if status is None else status.lower()
    request = ListRequest(
        experiment=arguments.several(experiment),
        recipe=recipe,
        filter=filter,
        metric=metric,
        children=children,
        **settings,
    )
    with _reading(tracking) as session:
        return listing.listed(session, request)


def show_run(run_id: str, *, tracking: str | PathLike[str] | None = None) -> RunDetails:
    """Return what a run was: data, split, metrics, parameters, code, environment and models.

    Parameters
    ----------
    run_id : str
        A run of any program.

    Raises
    ------
    TrackingError
        When there is no such run.
    """
    from mlproject.runs import details

    with _reading(tracking) as session:
        return details.with_models(session, details.detailed(session, run_id))


def compare_runs(
    run_ids: Sequence[str], *, tracking: str | PathLike[str] | None = None
) -> Comparison:
    """Compare two runs or more: parameters, metrics, data, split, code and environment.

    Parameters
    ----------
    run_ids : sequence of str
        Runs of any program; the first is what others are compared with.

    Raises
    ------
    ConfigurationError, TrackingError
        When they are fewer than two, or there is no such run.
    """
    from mlproject.runs import comparison

    with _reading(tracking) as session:
        return comparison.compared(session, run_ids)


def best_run(
    parent: str,
    *,
    metric: str | None = None,
    goal: Goal | None = None,
    tracking: str | PathLike[str] | None = None,
) -> BestRun:
    """Return the best child of a run.

    Parameters
    ----------
    parent : str
        Id of the run of a sweep, or of a training with a search.
    metric : str, optional
        By default what the trials or candidates were compared by.
    goal : {'maximize', 'minimize'}, optional
        By default that of the sweep or the metric.

    Raises
    ------
    ConfigurationError, TrackingError
        When there is no such run, or no child that could be the best.
    """
    from training import winner

    with _reading(tracking) as session:
        return winner.best(session, parent, metric, goal)


@contextmanager
def _reading(tracking: str | PathLike[str] | None) -> Iterator[Session]:
    """Open a store of runs that is there: to look must not make one."""
    target = resolve(arguments.text(tracking))
    target.check_there()
    with sessions.opened(target) as session:
        yield session
