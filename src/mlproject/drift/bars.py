"""The bins of a column as bars: the share of the training rows beside that of the scored rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from mlproject.drift.columns import CATEGORIES, TIMES, Column, Ints
from mlproject.drift.compare import Change

# More categories than these are told together.
_MOST_BARS = 12


@dataclass(frozen=True)
class Bar:
    """One bin, with the shares of the rows that fall into it."""

    label: str
    before: float
    now: float


def of(change: Change) -> list[Bar]:
    """Return the bins that any row falls into."""
    column, before, now = change.column, change.column.trained, change.now
    labels = list(_labels(column))
    if column.kind == CATEGORIES and len(column.values) > _MOST_BARS:
        first, more = 1 + _MOST_BARS, len(column.values) - _MOST_BARS
        cuts = [*range(first + 1), len(before) - 1]
        before, now = np.add.reduceat(before, cuts), np.add.reduceat(now, cuts)
        labels = [*labels[:first], f"{more} rarer values", labels[-1]]
    bars = zip(labels, _shares(before), _shares(now), strict=True)
    return [Bar(*bar) for bar in bars if bar[1] or bar[2]]


def _labels(column: Column) -> Iterator[str]:
    yield "missing"
    if column.kind == CATEGORIES:
        yield from column.values
        yield "not in training" if column.knows_all else "other values"
        return
    if not column.cuts:
        yield "any value"
        return
    # The first cut is the last number below all training rows.
    cuts = [_shown(cut, column) for cut in column.cuts[1:]]
    least = _shown(float(np.nextafter(column.cuts[0], np.inf)) + 0.0, column)
    yield f"below {least}"
    if cuts:
        yield cuts[0] if cuts[0] == least else f"{least} to {cuts[0]}"
    for (low, first), (high, last) in pairwise(zip(column.cuts[1:], cuts, strict=True)):
        whole = float(low).is_integer() and high == low + 1
        yield last if whole else f"{first} to {last}"
    yield f"above {cuts[-1] if cuts else least}"


def _shown(cut: float, column: Column) -> str:
    if column.kind != TIMES:
        return f"{cut:,.6g}"
    return datetime.fromtimestamp(cut, UTC).strftime("%Y-%m-%d")


def _shares(counts: Ints) -> list[float]:
    total = counts.sum()
    return (counts / total).tolist() if total else [0.0] * len(counts)
