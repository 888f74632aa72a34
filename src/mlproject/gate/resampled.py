"""What two models' predictions of the same rows show: how sure their difference is, and where."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from mlproject.base.errors import GateError
from mlproject.gate import attempts
from mlproject.gate.comparison import Size
from mlproject.gate.evidence import Evidence
from mlproject.gate.slices import Sampling, Slice, by_column, judged
from mlproject.gate.verdict import FEWEST_UNITS
from training.resampling import blocks, units
from training.resampling.intervals import Interval, compare
from training.resampling.pairs import Pair
from training.resampling.swapping import promoted_by_chance
from training.resampling.units import Units
from training.rules import Rules

# Of each slice; its interval needs their spread alone.
_RESAMPLES_OF_SLICES = 400


def shown(
    pair: Pair, evidence: Evidence, rules: Rules, attempt: int
) -> tuple[Interval, tuple[Slice, ...], Size]:
    """Return the improvement with its interval, the slices, and of how much that is."""
    drawn = _units(evidence, pair)
    if drawn.number < 2:
        one = _size(evidence, drawn).of_units
        raise GateError(
            f"{evidence.source} cannot tell: {one} is drawn, and has nothing to be compared with",
            "Give more rows: --data SOURCE",
        )
    interval = compare(
        pair,
        units=drawn,
        confidence=attempts.confidence(rules.confidence, attempt),
        resamples=rules.resamples,
        seed=rules.seed,
    )
    chance = promoted_by_chance(pair, drawn, confidence=rules.confidence, seed=rules.seed)
    return (
        interval,
        _slices(evidence, pair, drawn, rules),
        replace(_size(evidence, drawn), chance=chance),
    )


def _size(evidence: Evidence, drawn: Units) -> Size:
    group, rows = evidence.group, len(evidence.y)
    without = int(evidence.columns[group].isna().sum()) if group is not None else 0
    return Size(rows, drawn.number, drawn.kind, without=without, column=group)


def _units(evidence: Evidence, pair: Pair) -> Units:
    if evidence.group is not None:
        return units.of_groups(evidence.columns[evidence.group])
    return blocks.in_time(pair) if evidence.time is not None else units.of_rows(len(pair.y))


def _slices(evidence: Evidence, pair: Pair, drawn: Units, rules: Rules) -> tuple[Slice, ...]:
    sampling = Sampling(
        drawn,
        rules.slice_rows,
        FEWEST_UNITS,
        min(rules.resamples, _RESAMPLES_OF_SLICES),
        rules.seed,
    )
    parts = (by_column(pair, evidence.columns[name], sampling) for name in rules.slice_by)
    return judged(
        tuple(chain.from_iterable(parts)),
        tolerance=rules.slice_tolerance,
        confidence=rules.confidence,
    )
