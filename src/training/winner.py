"""The best of a run's children: trials of a sweep, or candidates of a search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlproject.base.errors import ConfigurationError, TrackingError
from mlproject.base.suggestions import did_you_mean
from mlproject.tracking import names, pages, run_files
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session
from training import catalogue, metrics, recipe
from training.metrics import Goal
from training.trials import METRIC

if TYPE_CHECKING:
    from mlflow.entities import Run

_PAGE = 1000
_ENDED = "FINISHED"
# Of a candidate: its rank among the others, by the metric that chooses.
_RANK, _SCORE = "rank_test_", "mean_test_"


@dataclass(frozen=True)
class BestRun:
    """The child run that is best.

    Attributes
    ----------
    parameters : dict of str to str
        Those of which the children differ. Where they have other estimators, its classes, and of
        their parameters those of which the children with the same ones differ.
    model_uri : str or None
        Its model, where it has one: the candidates of a search have none.
    runs : int
        How many children were compared.
    """

    run_id: str
    name: str
    metric: str
    value: float
    goal: Goal
    parameters: dict[str, str]
    model_uri: str | None
    runs: int
    unfinished: int


def best(session: Session, parent: str, metric: str | None, goal: Goal | None) -> BestRun:
    """Return the best child of a run.

    By default the metric is what the trials of a sweep, or the candidates of a search, were
    compared by.

    Raises
    ------
    TrackingError
        When there is no such run, or none of its children has finished.
    ConfigurationError
        When no child has the metric.
    """
    with as_tracking_error(f"The children of the run {parent} cannot be read"):
        run = session.client.get_run(parent)
        children: list[Run] = pages.every(
            session.client.search_runs,
            [run.info.experiment_id],
            filter_string=f"tags.`{names.PARENT}` = '{parent}'",
            max_results=_PAGE,
        )
    finished = [child for child in children if child.info.status == _ENDED]
    if not finished:
        have = f"none of its {len(children)} children has finished" if children else "no children"
        state = "" if run.info.status == _ENDED else f"; it is {run.info.status} itself"
        raise TrackingError(
            f"The run {parent} has no best child: {have}{state}",
            "Give the run of a sweep, or of a training with a search, that has finished",
        )
    asked = run.data.tags
    name = metric or compared_by(session, run, finished)
    if name is None:
        ranked = ", ".join(f"{_SCORE}{name}" for name in _ranked(finished))
        raise ConfigurationError(
            f"What the children of the run {parent} were compared by is not recorded",
            f"Give --metric: {ranked or 'NAME'}",
        )
    known = asked.get(names.SWEEP_GOAL) if name == asked.get(names.SWEEP_METRIC) else None
    direction: Goal = goal or (
        "minimize" if known == "minimize" else metrics.goal(name) or "maximize"
    )
    measured = [child for child in finished if not math.isnan(_value(child, name))]
    if not measured:
        every = {key for child in finished for key in child.data.metrics}
        hint = did_you_mean(name, sorted(every), noun="metrics")
        raise ConfigurationError(f"No child of the run {parent} has the metric '{name}'", hint)
    sign = 1 if direction == "minimize" else -1
    found = min(measured, key=lambda child: (sign * _value(child, name), *_order(child)))
    return BestRun(
        run_id=str(found.info.run_id),
        name=str(found.info.run_name),
        metric=name,
        value=_value(found, name),
        goal=direction,
        parameters=_differing(found, finished),
        model_uri=_model_of(found),
        runs=len(measured),
        unfinished=len(children) - len(finished),
    )


def _value(run: Run, name: str) -> float:
    return float(run.data.metrics.get(name, math.nan))


def _order(run: Run) -> tuple[int, int]:
    """Return what tells which of two equals came first, as a search takes it."""
    return run.info.start_time or 0, int(run.data.tags.get(names.CANDIDATE, 0))


def compared_by(session: Session, parent: Run, children: list[Run]) -> str | None:
    """Return the metric by which the trials of a sweep, or candidates of a search, were compared.

    None where it is not recorded.
    """
    if names.SWEEP_METRIC in parent.data.tags:
        return str(parent.data.tags[names.SWEEP_METRIC])
    if any(METRIC in child.data.metrics for child in children):
        return METRIC
    ranked = _ranked(children)
    chosen = ranked[0] if len(ranked) == 1 else _of_recipe(session, str(parent.info.run_id))
    return f"{_SCORE}{chosen}" if chosen is not None else None


def _ranked(children: list[Run]) -> list[str]:
    every = {name for child in children for name in child.data.metrics}
    return sorted(name.removeprefix(_RANK) for name in every if name.startswith(_RANK))


def _of_recipe(session: Session, parent: str) -> str | None:
    """Return the key of the score that the recipe of a run has chosen by; None without a recipe."""
    text = run_files.read(session.client, parent, [names.RECIPE_FILE]).texts.get(names.RECIPE_FILE)
    if text is None:
        return None
    origin = f"The recipe of the run {parent}"
    found = recipe.parse(catalogue.parsed_yaml(text, origin), origin)
    return metrics.resolve(str(found.refit), found.task, None).key if found.refit else None


def _differing(run: Run, children: list[Run]) -> dict[str, str]:
    own = run.data.params
    every = [child.data.params for child in children]
    is_bare = not any("__" in name for name in own)
    steps = [name for name in sorted(own) if "__" not in name and _is_estimator(own, name)]
    classes = {name: _class(own, name) for name in steps}
    chosen = {
        name: known
        for name, known in classes.items()
        if any(_class(other, name) != known for other in every)
    }
    alike = [o for o in every if all(_class(o, name) == known for name, known in chosen.items())]
    return chosen | {
        name: value
        for name, value in sorted(own.items())
        if ("__" in name or is_bare)
        and not name.startswith("best_")
        and any(other.get(name) != value for other in alike)
    }


def _is_estimator(parameters: Mapping[str, str], name: str) -> bool:
    return any(other.startswith(f"{name}__") for other in parameters)


def _class(parameters: Mapping[str, str], name: str) -> str:
    """Return the class of an estimator, which is written as it is called."""
    return parameters.get(name, "").partition("(")[0]


def _model_of(run: Run) -> str | None:
    has_model = run.outputs is not None and bool(run.outputs.model_outputs)
    return f"runs:/{run.info.run_id}/{names.BEST_MODEL}" if has_model else None
