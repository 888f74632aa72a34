"""A model as a caller names it, opened."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

from inference.request import ScoreRequest
from mlproject.api import arguments
from mlproject.base.console import Reporter
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.request import TrainResult

if TYPE_CHECKING:
    from mlproject.models.loaded import LoadedModel

Method = Literal["predict", "predict_proba"]


def opened(
    model: str | TrainResult,
    method: Method,
    trust: Sequence[str],
    tracking: str | PathLike[str] | None,
) -> LoadedModel:
    """Return a model that is to be asked by a method."""
    from mlproject.models.opening import open_model
    from mlproject.models.trust import in_force

    ScoreRequest(method=method)  # which checks it
    policy = in_force(arguments.several(trust))
    uri, target = arguments.found(model, tracking)
    with sessions.opened(resolve(target)) as session:
        found = open_model(uri, session, policy)
    reporter = Reporter(quiet=True)
    for notice in found.notices:
        reporter.warn(notice)
    return found
