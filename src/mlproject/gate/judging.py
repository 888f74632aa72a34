"""Where the gate's three sides meet: the recipe's rows, the loaded models, and the verdict.

``training`` and ``inference`` do not know each other, and the registry knows neither of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlproject.base.console import Reporter
from mlproject.base.errors import GateError, ModelError
from mlproject.base.finite import finite
from mlproject.gate import comparison, evidence, metrics, rows, rules, slices, verdict
from mlproject.gate.comparison import Interval
from mlproject.gate.evidence import HeldOut
from mlproject.gate.metrics import GateMetric
from mlproject.gate.promotion import Judged
from mlproject.gate.slices import Slice
from mlproject.models.loaded import LoadedModel, incompatibilities
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.registry.versions import Version
from mlproject.tracking.session import Session
from training.rules import Rules


@dataclass(frozen=True)
class Compared:
    """Two models, or one, on the same rows.

    Attributes
    ----------
    metric : GateMetric
    quality : float
        The challenger's, with the metric's natural sign.
    interval : Interval or None
        None without a champion.
    slices : tuple of Slice
    problems : tuple of str
        Why callers of the champion cannot call the challenger.
    seconds : tuple of two floats or None
        A row, of champion and challenger.
    bytes : tuple of int
        Sizes, the challenger's last.
    rows : HeldOut
    rules : Rules
    """

    metric: GateMetric
    quality: float
    interval: Interval | None
    slices: tuple[Slice, ...]
    problems: tuple[str, ...]
    seconds: tuple[float, float] | None
    bytes: tuple[int, ...]
    rows: HeldOut
    rules: Rules


@dataclass(frozen=True)
class Gate:
    """What the gate is asked with.

    Attributes
    ----------
    session : Session
    policy : Policy
        Which models may be loaded.
    data : str or None
        Rows to compare on instead of the run's own.
    given : mapping of str to object
        Rules from the command line, over the recipe's.
    reporter : Reporter
    """

    session: Session
    policy: Policy
    data: str | None
    given: Mapping[str, Any]
    reporter: Reporter

    def judge(self, champion: Version | None, challenger: Version) -> Judged:
        """Return the verdict on a challenger.

        Raises
        ------
        GateError
            When there are no rows that both can be compared on fairly.
        ModelError
            When one of the models cannot be loaded or cannot predict.
        """
        found = self.compare(champion, challenger)
        said = verdict.decide(
            found.rules,
            found.metric,
            found.quality,
            interval=found.interval,
            slices=found.slices,
            signature_problems=found.problems,
            seconds_a_row=found.seconds,
            seen=found.rows.seen or False,
        )
        for check in said.checks:
            mark = "passed" if check.passed else "FAILED"
            self.reporter.say(f"{check.name}: {mark}: {check.what}")
        details = {
            "name": challenger.name,
            "challenger": challenger.number,
            "champion": champion.number if champion is not None else None,
            "rows": found.rows.source,
            "rules": found.rules.model_dump(),
            "verdict": said.as_dict(),
            "interval": found.interval.as_dict() if found.interval is not None else None,
            "slices": [part.as_dict() for part in found.slices],
            "seconds_a_row": found.seconds,
        }
        return Judged(said.passed, said.why, dict(finite(details)), _numbers(found))

    def compare(self, champion: Version | None, challenger: Version) -> Compared:
        """Measure two versions on the same rows, or one where there is no champion."""
        if challenger.run_id is None:
            raise GateError(
                f"{challenger.uri} comes from no run, so that there are no rows to compare on",
                "Register it from a run: mlproject models register",
            )
        with self.reporter.step(f"Rows that {challenger.uri} was not trained on"):
            found = evidence.of_run(self.session.client, challenger.run_id, self.data)
        limits = rules.merged(found.recipe.promotion, self.given)
        evidence.check_columns(found, limits.slice_by)
        metric = metrics.check(limits.metric or found.recipe.metrics[0], found.recipe.task)
        with self.reporter.step("Loading the models"):
            new = self._loaded(challenger)
            old = self._loaded(champion) if champion is not None else None
        with self.reporter.step(f"Comparing on {found.source}"):
            return _compared(metric, limits, found, old, new)

    def _loaded(self, version: Version) -> LoadedModel:
        model = open_model(version.uri, self.session, self.policy)
        for notice in model.notices:
            self.reporter.warn(notice)
        return model


def _compared(
    metric: GateMetric, limits: Rules, found: HeldOut, old: LoadedModel | None, new: LoadedModel
) -> Compared:
    classes = _classes(metric, found, old, new)
    inputs = found.inputs
    said = new.predict(inputs, metric.needs)
    if old is None:
        quality = rows.measured(metric, found.y, said, classes)
        return Compared(metric, quality, None, (), (), None, (new.size,), found, limits)
    pair = rows.paired(metric, found.y, old.predict(inputs, metric.needs), said, classes)
    interval = comparison.compare(
        pair, confidence=limits.confidence, resamples=limits.resamples, seed=limits.seed
    )
    parts: list[Slice] = []
    for name in limits.slice_by:
        parts += slices.by_column(
            pair,
            found.columns[name],
            tolerance=limits.slice_tolerance,
            fewest=limits.slice_rows,
        )
    problems = incompatibilities(old.schema, new.schema)
    seconds = (old.seconds_a_row(inputs), new.seconds_a_row(inputs))
    return Compared(
        metric,
        interval.challenger,
        interval,
        tuple(parts),
        tuple(problems),
        seconds,
        (old.size, new.size),
        found,
        limits,
    )


def _classes(
    metric: GateMetric, found: HeldOut, old: LoadedModel | None, new: LoadedModel
) -> np.ndarray[Any, Any] | None:
    """Return the classes that probabilities are in the order of; both models must have the same."""
    if found.recipe.task == "regression":
        return None
    known = np.asarray(getattr(new.estimator, "classes_", np.unique(found.y)))
    if old is not None and metric.needs == "predict_proba":
        others = np.asarray(getattr(old.estimator, "classes_", known))
        if len(others) != len(known) or not np.array_equal(others, known):
            raise ModelError(
                f"The classes of {old.uri} and {new.uri} differ, so that their probabilities "
                "cannot be compared",
                "Choose a metric of predictions, such as --metric accuracy",
            )
    return known


def _numbers(found: Compared) -> dict[str, float]:
    numbers = {"challenger": found.quality}
    if found.interval is not None:
        numbers |= {
            "champion": found.interval.champion,
            "improvement": found.interval.improvement,
            "low": found.interval.low,
            "high": found.interval.high,
        }
    if found.seconds is not None:
        numbers |= {"champion_seconds": found.seconds[0], "challenger_seconds": found.seconds[1]}
    return {name: value for name, value in numbers.items() if np.isfinite(value)}
