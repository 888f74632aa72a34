"""The gate: two models, compared on the same rows, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlproject.base.console import Reporter
from mlproject.base.counting import counted, was_or_were
from mlproject.base.errors import GateError, ModelError
from mlproject.gate import attempts, contenders, evidence, later, outputs, rules
from mlproject.gate.comparison import Comparison, Size
from mlproject.gate.contenders import Contender
from mlproject.gate.evidence import Evidence
from mlproject.gate.request import RowsRequest
from mlproject.gate.resampled import shown
from mlproject.gate.seen import unseen
from mlproject.gate.verdict import Verdict, decide
from mlproject.models.loaded import incompatibilities, seconds_a_row
from mlproject.models.trust import Policy
from mlproject.registry import ledger
from mlproject.registry.versions import Version
from mlproject.tracking.session import Session
from training import metrics as of_training
from training.resampling import metrics
from training.resampling.metrics import ResampledMetric
from training.resampling.pairs import measured, paired
from training.rules import Rules

# Counts the attempts on rows, from 1.
Attempts = Callable[[attempts.Marks], int]


@dataclass(frozen=True)
class Gate:
    """What the gate judges by.

    Attributes
    ----------
    policy : Policy
        Which models may be loaded.
    rows : RowsRequest
        Rows to compare on instead of the run's own.
    overrides : mapping of str to object
        Rules over the recipe's.
    override : str or None
        Why they may be looser.
    fresh : bool
        Whether rows are refused that an earlier attempt was judged on.
    """

    session: Session
    policy: Policy
    rows: RowsRequest
    overrides: Mapping[str, Any]
    reporter: Reporter
    override: str | None = None
    fresh: bool = False

    def judge(self, alias: str, champion: Version | None, challenger: Version) -> Verdict:
        """Return the verdict on a version that wants an alias."""
        marks: attempts.Marks = frozenset()

        def attempt(of_rows: attempts.Marks) -> int:
            nonlocal marks
            marks = of_rows
            entries = ledger.entries(self.session.client, challenger.name, alias)
            earlier = attempts.earlier(entries, challenger.number, marks)
            if self.fresh and earlier:
                raise GateError(
                    f"{counted(earlier, 'earlier attempt')} {was_or_were(earlier)} "
                    "judged on some of the same rows",
                    "Give rows that are new: --data SOURCE",
                )
            return earlier + 1

        uri = champion.uri if champion is not None else None
        comparison = self.compare(uri, challenger.uri, attempt)
        verdict = decide(comparison)
        details = {
            "name": challenger.name,
            "challenger": challenger.number,
            "champion": champion.number if champion is not None else None,
            "verdict": verdict.as_dict(),
        }
        return replace(
            verdict,
            details=details | comparison.as_dict(),
            rows=attempts.as_text(marks),
            override=self.override,
        )

    def compare(
        self, champion: str | None, challenger: str, attempt: Attempts | None = None
    ) -> Comparison:
        """Measure two models on the same rows, or one where there is no champion.

        Without a way to count ``attempt``, it is no attempt but a look.
        """
        with self.reporter.step("Loading the models"):
            models = [self._opened(uri) for uri in (challenger, champion) if uri is not None]
        with self.reporter.step("Reading rows that no model was trained on"):
            found = self._evidence(models)
            of_recipe, asked, metric = self._rules(models[0], found)
            if attempt is not None:
                rules.check_not_loosened(
                    of_recipe, asked, self.override, greater_is_better=metric.greater_is_better
                )
            found.require(asked.slice_by, "slice")
            marks = attempts.marks_of(found.columns)
            found, seen = unseen(found.drawn_by(asked, models[0].recipe), models)
        number = attempt(marks) if attempt is not None else 1
        with self.reporter.step(f"Comparing on {found.source}"):
            comparison = _compared(metric, asked, found, number, *models)
        return replace(comparison, seen=seen, attempt=number, override=self.override)

    def _opened(self, uri: str) -> Contender:
        contender = contenders.opened(uri, self.session, self.policy)
        for notice in contender.model.notices:
            self.reporter.warn(notice)
        return contender

    def _evidence(self, models: Sequence[Contender]) -> Evidence:
        challenger = models[0]
        evidence.check_target(models, self.rows.target)
        if self.rows.data is None:
            return evidence.held_out(challenger)
        if self.rows.labels is not None:
            return later.evidence(models, self.rows)
        return evidence.of_source(models, self.rows.data, self.rows.target)

    def _rules(
        self, challenger: Contender, found: Evidence
    ) -> tuple[Rules, Rules, ResampledMetric]:
        """Return the recipe's rules, those that hold, and the metric that decides."""
        recipe = challenger.recipe
        of_recipe = recipe.promotion if recipe is not None else Rules()
        asked = rules.merged(of_recipe, self.overrides)
        if recipe is not None and recipe.metrics:
            usual = recipe.metrics
        else:
            usual = of_training.usual(found.task, challenger.model.estimator, found.y)
        return of_recipe, asked, metrics.check(asked.metric or usual[0], found.task)


def _compared(
    metric: ResampledMetric,
    rules: Rules,
    evidence: Evidence,
    attempt: int,
    challenger: Contender,
    champion: Contender | None = None,
) -> Comparison:
    known = _classes(metric, evidence, challenger, champion)
    y, inputs = evidence.y, challenger.inputs(evidence.inputs)
    predictions = challenger.model.predict(inputs, metric.method_of(challenger.model.estimator))
    alone = Comparison(
        rules,
        metric,
        measured(metric, y, predictions, known),
        interval=None,
        bytes=(challenger.model.size,),
        rows=evidence.source,
        size=Size(len(y), len(y)),
    )
    if champion is None:
        return alone
    of_both = champion.inputs(evidence.inputs), inputs
    of_champion = champion.model.predict(of_both[0], metric.method_of(champion.model.estimator))
    pair = paired(metric, y, of_champion, predictions, known)
    models = (champion.model, challenger.model)
    problems = incompatibilities(*(model.schema for model in models))
    interval, slices, size = shown(pair, evidence, rules, attempt)
    return replace(
        alone,
        interval=interval,
        slices=slices,
        size=size,
        signature_problems=(*problems, *outputs.problems(champion, challenger)),
        seconds_a_row=seconds_a_row((models[0], of_both[0]), (models[1], of_both[1])),
        bytes=(models[0].size, models[1].size),
    )


def _classes(
    metric: ResampledMetric,
    evidence: Evidence,
    challenger: Contender,
    champion: Contender | None,
) -> np.ndarray[Any, Any] | None:
    """Return the classes that probabilities are in the order of; both models must have the same."""
    if metric.task == "regression":
        return None
    known = challenger.classes if challenger.classes is not None else np.unique(evidence.y)
    if champion is not None and champion.classes is not None and not metric.of_labels:
        others = champion.classes
        if len(others) != len(known) or not np.array_equal(others, known):
            raise ModelError(
                f"The classes of {champion.uri} and {challenger.uri} differ, so their "
                "probabilities cannot be compared",
                "Choose a metric of predictions, such as --metric accuracy",
            )
    return known
