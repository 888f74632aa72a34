"""Runs compared: the best of a sweep's trials, or of a search's candidates."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from mlproject.api import arguments
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve

if TYPE_CHECKING:
    from training.winner import BestRun, Goal


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
        By default as the sweep or the metric says.

    Raises
    ------
    ConfigurationError, TrackingError
        When there is no such run, or no child that could be the best.
    """
    from training import winner

    with sessions.opened(resolve(arguments.text(tracking))) as session:
        return winner.best(session, parent, metric, goal)
