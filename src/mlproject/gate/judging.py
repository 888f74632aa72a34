"""The gate: two versions of a model, compared on the same rows, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from mlproject.base.console import Reporter
from mlproject.base.errors import GateError, ModelError
from mlproject.gate import evidence as rows
from mlproject.gate.comparison import Comparison
from mlproject.gate.evidence import Evidence
from mlproject.gate.rules import merged
from mlproject.gate.slices import by_column
from mlproject.gate.verdict import Verdict, decide
from mlproject.models.loaded import LoadedModel, incompatibilities
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.registry.versions import Version
from mlproject.tracking.session import Session
from training.resampling import metrics
from training.resampling.intervals import compare
from training.resampling.metrics import ResampledMetric
from training.resampling.pairs import measured, paired
from training.rules import Rules


@dataclass(frozen=True)
class Gate:
    """What the gate judges by.

    Attributes
    ----------
    policy : Policy
        Which models may be loaded.
    data : str or None
        Rows to compare on instead of the run's own.
    overrides : mapping of str to object
        Rules over the recipe's.
    """

    session: Session
    policy: Policy
    data: str | None
    overrides: Mapping[str, Any]
    reporter: Reporter

    def judge(self, champion: Version | None, challenger: Version) -> Verdict:
        comparison = self.compare(champion, challenger)
        verdict = decide(comparison)
        details = {
            "name": challenger.name,
            "challenger": challenger.number,
            "champion": champion.number if champion is not None else None,
            "verdict": verdict.as_dict(),
        }
        return replace(verdict, details=details | comparison.as_dict())

    def compare(self, champion: Version | None, challenger: Version) -> Comparison:
        """Measure two versions on the same rows, or one where there is no champion."""
        if challenger.run_id is None:
            raise GateError(
                f"{challenger.uri} comes from no run, so that there are no rows to compare on",
                "Register it from a run: mlproject models register",
            )
        with self.reporter.step(f"Rows that {challenger.uri} was not trained on"):
            evidence = rows.of_run(self.session.client, challenger.run_id, self.data)
        rules = merged(evidence.recipe.promotion, self.overrides)
        evidence.check_columns(rules.slice_by)
        name = rules.metric or evidence.recipe.metrics[0]
        metric = metrics.check(name, evidence.recipe.task)
        versions = [challenger] if champion is None else [challenger, champion]
        with self.reporter.step("Loading the models"):
            models = [self._loaded(version) for version in versions]
        with self.reporter.step(f"Comparing on {evidence.source}"):
            return _compared(metric, rules, evidence, *models)

    def _loaded(self, version: Version) -> LoadedModel:
        model = open_model(version.uri, self.session, self.policy)
        for notice in model.notices:
            self.reporter.warn(notice)
        return model


def _compared(
    metric: ResampledMetric,
    rules: Rules,
    evidence: Evidence,
    challenger: LoadedModel,
    champion: LoadedModel | None = None,
) -> Comparison:
    known = _classes(metric, evidence, challenger, champion)
    inputs, y = evidence.inputs, evidence.y
    predictions = challenger.predict(inputs, metric.method_of(challenger.estimator))
    alone = Comparison(
        rules,
        metric,
        measured(metric, y, predictions, known),
        interval=None,
        bytes=(challenger.size,),
        rows=evidence.source,
        seen=evidence.seen,
    )
    if champion is None:
        return alone
    of_champion = champion.predict(inputs, metric.method_of(champion.estimator))
    pair = paired(metric, y, of_champion, predictions, known)
    parts = (
        by_column(
            pair,
            evidence.columns[name],
            tolerance=rules.slice_tolerance,
            fewest=rules.slice_rows,
        )
        for name in rules.slice_by
    )
    return replace(
        alone,
        interval=compare(
            pair, confidence=rules.confidence, resamples=rules.resamples, seed=rules.seed
        ),
        slices=tuple(chain.from_iterable(parts)),
        signature_problems=tuple(incompatibilities(champion.schema, challenger.schema)),
        seconds_a_row=(champion.seconds_a_row(inputs), challenger.seconds_a_row(inputs)),
        bytes=(champion.size, challenger.size),
    )


def _classes(
    metric: ResampledMetric,
    evidence: Evidence,
    challenger: LoadedModel,
    champion: LoadedModel | None,
) -> np.ndarray[Any, Any] | None:
    """Return the classes that probabilities are in the order of; both models must have the same."""
    if metric.task == "regression":
        return None
    known = np.asarray(getattr(challenger.estimator, "classes_", np.unique(evidence.y)))
    if champion is not None and not metric.of_labels:
        others = np.asarray(getattr(champion.estimator, "classes_", known))
        if len(others) != len(known) or not np.array_equal(others, known):
            raise ModelError(
                f"The classes of {champion.uri} and {challenger.uri} differ, so that their "
                "probabilities cannot be compared",
                "Choose a metric of predictions, such as --metric accuracy",
            )
    return known
