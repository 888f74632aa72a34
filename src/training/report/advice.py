"""What a reader should know of a model, each with its reason.

A rule says nothing where it is not sure: advice that is often wrong is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mlproject.base.counting import counted
from training.baselines import DUMMY, LINEAR, Baseline
from training.report.facts import Facts
from training.report.profile import RARE_ROWS
from training.report.search import is_number

# An axis with fewer values has no edge worth speaking of.
_FEWEST_VALUES = 3
# Of what the model gains over a dummy: folds differ by more, or held-out rows lose more.
_UNSTEADY, _OVERFITTED = 0.5, 0.3
_REPEATED = 0.01
_ONE_SIDED = 0.8
_MISLEADING = frozenset({"accuracy"})
_FEW_ROWS = 100


@dataclass(frozen=True)
class Advice:
    """What was seen, why it matters, and what to do."""

    what: str
    why: str
    do: str


def of(facts: Facts) -> list[Advice]:
    return [advice for rule in _RULES for advice in rule(facts)]


def _dummy(facts: Facts) -> Iterator[Advice]:
    found = _baseline(facts, DUMMY)
    if found is None or found.interval is None or found.interval.low > 0:
        return
    name = found.metric
    yield Advice(
        f"The model is not shown to be better than one that ignores all features ({name} "
        f"{found.interval.challenger:.4g} against {found.interval.champion:.4g})",
        "The 95 % interval of the improvement includes zero",
        "Look for features that have to do with the target, or for more rows",
    )


def _linear(facts: Facts) -> Iterator[Advice]:
    found = _baseline(facts, LINEAR)
    if facts.model.is_linear or found is None or found.interval is None:
        return
    ends = found.interval
    if ends.low > 0:
        return
    yield Advice(
        f"A plain linear model is no worse ({found.metric} {ends.champion:.4g} against "
        f"{ends.challenger:.4g})",
        f"The 95 % interval of the improvement is {ends.low:.3g} to {ends.high:.3g}",
        "Prefer the simpler model, unless more rows tell them apart",
    )


def _edges(facts: Facts) -> Iterator[Advice]:
    found = facts.search
    if found is None:
        return
    for name, values in found.axes.items():
        numbers = sorted({float(v) for v in values if is_number(v)})
        if len(numbers) < _FEWEST_VALUES or not all(is_number(v) for v in values):
            continue
        chosen = float(values[found.best])
        edge = {numbers[0]: ("smallest", "smaller"), numbers[-1]: ("largest", "larger")}.get(chosen)
        inner = numbers[1] if chosen == numbers[0] else numbers[-2]
        if edge is None or not _is_better(facts, name, chosen, inner):
            continue
        yield Advice(
            f"The best {name} is the {edge[0]} that was tried, {chosen:g}",
            "The score was still improving at the edge of the grid",
            f"Try {edge[1]} values of {name} too",
        )


def _folds(facts: Facts) -> Iterator[Advice]:
    found = _baseline(facts, DUMMY)
    if facts.search is None or found is None or found.cross_validated is None:
        return
    spread = float(facts.search.spreads[facts.search.best])
    gain = float(facts.search.scores[facts.search.best]) - found.cross_validated
    gain = gain if facts.search.greater else -gain
    if np.isfinite(spread) and gain > 0 and spread > _UNSTEADY * gain:
        yield Advice(
            f"The folds disagree: {facts.search.metric} varies by ± {spread:.3g} between them",
            f"That is more than half of what the model gains over a dummy ({gain:.3g})",
            "Do not trust small differences between candidates; use more rows, or more folds",
        )


def _overfitted(facts: Facts) -> Iterator[Advice]:
    scores = facts.scores
    found, trained = _baseline(facts, DUMMY), scores.on_training_rows
    name = scores.deciding
    if found is None or found.held_out is None or trained is None:
        return
    if name is None or name not in scores.metrics:
        return
    held_out = scores.metrics[name].value
    sign = 1 if scores.greater else -1
    gained, kept = sign * (trained - found.held_out), sign * (held_out - found.held_out)
    ends = scores.metrics[name].interval
    noise = ends is not None and ends[0] <= trained <= ends[1]
    if kept < gained and not noise and gained > 0 and (gained - kept) / gained > _OVERFITTED:
        yield Advice(
            f"{name} is {trained:.4g} on the training rows and {held_out:.4g} on held-out ones",
            "The model has partly memorised the training rows",
            "Try a simpler model, stronger regularisation, or more rows",
        )


def _repeated(facts: Facts) -> Iterator[Advice]:
    data = facts.data
    if data.rows_held_out and data.repeated_rows > _REPEATED * data.rows_held_out:
        yield Advice(
            f"{data.repeated_rows} of {data.rows_held_out} held-out rows have the features of a "
            "training row",
            "The model may know their target, and the metrics look better than they are",
            "Remove duplicates, or keep rows that belong together on one side: --group-by COLUMN",
        )


def _columns(facts: Facts) -> Iterator[Advice]:
    data = facts.data
    constant = [column.name for column in data.columns if column.distinct <= 1]
    if constant:
        yield Advice(
            f"{_named(constant)} the same value in every training row",
            "A model cannot learn from that",
            f"Leave {_them(constant)} out: --drop {','.join(constant[:5])}",
        )
    for column in data.columns:
        if column.same_as is not None:
            yield Advice(
                f"The columns '{column.same_as}' and '{column.name}' have the same values",
                "The second adds nothing, and shares the importance of the first",
                f"Leave one out: --drop {column.name}",
            )


def _classes(facts: Facts) -> Iterator[Advice]:
    data, scores = facts.data, facts.scores
    total = data.rows_trained
    rare = [found for found in data.classes if found.is_rare(total)]
    if rare:
        shown = ", ".join(f"{found.label} ({found.trained})" for found in rare[:5])
        yield Advice(
            f"Rare classes: {shown}{' and more' if len(rare) > 5 else ''}",
            f"From fewer than {RARE_ROWS} rows, or one in a hundred, a class is hardly learnt",
            "Collect more of them, merge them (classes: {rare: merge}), or weight classes "
            "(classes: {weights: balanced})",
        )
    if data.classes and scores.deciding in _MISLEADING and total:
        share = data.classes[0].trained / total
        if share > _ONE_SIDED:
            yield Advice(
                f"{share:.0%} of the rows are of one class, and {scores.deciding} chose the model",
                f"A model that always answers '{data.classes[0].label}' has {share:.2f} of it",
                "Choose by balanced_accuracy, average_precision or log_loss",
            )


def _few(facts: Facts) -> Iterator[Advice]:
    data = facts.data
    if 0 < data.rows_held_out < _FEW_ROWS:
        yield Advice(
            f"There are only {data.rows_held_out} held-out rows",
            "The metrics on them are uncertain; the intervals say how much",
            "Read the cross-validated metrics too, or hold out more rows",
        )


def _failed(facts: Facts) -> Iterator[Advice]:
    if facts.failed:
        yield Advice(
            f"{facts.failed} of {counted(facts.candidates, 'candidate')} failed on at least "
            f"one fold",
            "They were not compared with the others",
            "The child runs of the candidates say why, in the tag mlproject.failure",
        )


_RULES: tuple[Callable[[Facts], Iterable[Advice]], ...] = (
    _dummy,
    _overfitted,
    _repeated,
    _linear,
    _edges,
    _folds,
    _classes,
    _columns,
    _failed,
    _few,
)


def _baseline(facts: Facts, name: str) -> Baseline | None:
    return next((found for found in facts.scores.baselines if found.name == name), None)


def _is_better(facts: Facts, name: str, chosen: float, inner: float) -> bool:
    """Whether the best at an edge is better than the best beside it."""
    found = facts.search
    assert found is not None  # noqa: S101 - its caller has it
    sign = 1 if found.greater else -1
    values = np.array([float(value) for value in found.axes[name]])
    scores = np.where(np.isfinite(found.scores), sign * found.scores, -np.inf)
    best, beside = scores[values == chosen].max(), scores[values == inner].max()
    return bool(best - beside > 1e-3 * (abs(best) if np.isfinite(best) else 0))


def _named(columns: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"Column {shown} has" if len(columns) == 1 else f"Columns {shown}{more} have each"


def _them(columns: list[str]) -> str:
    return "it" if len(columns) == 1 else "them"
