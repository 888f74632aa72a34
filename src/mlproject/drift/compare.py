"""How far the rows that are scored are from those that a model was trained on.

Two questions, and two answers. How large is the change? The population stability index (PSI) says:
the sum of ``(q - p) ln(q / p)`` over the bins, for the shares ``p`` of training and ``q`` of
scoring. Is there one at all? Of few rows the PSI is large by chance: where nothing changed, it is
about ``1/n + 1/m`` times a chi-squared of as many degrees of freedom as there are bins less one
(Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk
Model Validation 14(4), 2020). So a test is asked too, and a column differs only where it says so;
of many rows the test sees the smallest change, and then the PSI alone decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlproject.drift import chance
from mlproject.drift.columns import CATEGORIES, TIMES, Column, Ints
from mlproject.drift.counts import Counts, Unseen
from mlproject.drift.profile import Profile

# Of all columns together, how often one may be said to differ where none does.
SIGNIFICANCE = 0.01
# More categories than these are one: shares of a few rows each would say little.
_MOST_CATEGORIES = 20
_HALF = 0.5


@dataclass(frozen=True)
class Change:
    """One column, before and now.

    Attributes
    ----------
    now : array of int
        Its counts in the rows that are scored, as ``Column.counted`` gives them.
    psi : float
        The population stability index. Missing values are a bin of their own.
    p : float
        Of the test that nothing changed, corrected for the number of columns.
    unseen : mapping of str to int
        Values that no training row has, where they are known.
    """

    column: Column
    now: Ints
    psi: float
    p: float
    unseen: Unseen
    is_prediction: bool

    @property
    def is_judged(self) -> bool:
        """Whether it may be said to differ; time always moves on."""
        return self.column.kind != TIMES

    @property
    def differs(self) -> bool:
        """Whether it changed by more than chance."""
        return self.is_judged and self.p < SIGNIFICANCE

    @property
    def called(self) -> str:
        return "the predictions" if self.is_prediction else f"the column '{self.column.name}'"

    @property
    def missing(self) -> tuple[float, float]:
        """The shares of rows without a value, before and now."""
        return _share(self.column.trained[0], self.column.trained), _share(self.now[0], self.now)

    @property
    def new(self) -> float | None:
        """The share of rows with a value that no training row has, or outside of their range.

        None where the profile does not name all values.
        """
        if self.column.kind == CATEGORIES:
            return _share(self.now[-1], self.now) if self.column.knows_all else None
        return _share(self.now[1] + self.now[-1], self.now) if self.column.cuts else 0.0


@dataclass(frozen=True)
class Drift:
    """All columns, those that changed most first, and those that are not judged last.

    Attributes
    ----------
    rows, trained : int
        How many rows are compared, and with how many.
    """

    rows: int
    trained: int
    predicted: str
    features: list[Change]
    predictions: list[Change]

    @property
    def differing(self) -> list[Change]:
        """The columns that changed by more than chance, the one that changed most first."""
        found = [change for change in (*self.features, *self.predictions) if change.differs]
        return sorted(found, key=lambda change: -change.psi)

    @property
    def summary(self) -> dict[str, Any]:
        """What a manifest keeps: names and numbers, and no value of a row."""
        found = [
            {
                "column": change.column.name,
                "of": "prediction" if change.is_prediction else "feature",
                "psi": round(change.psi, 4),
            }
            for change in self.differing
        ]
        return {
            "rows": self.rows,
            "psi": found[0]["psi"] if found else 0.0,
            "column": found[0]["column"] if found else None,
            "differing": found,
        }


def compared(profile: Profile, counts: Counts) -> Drift:
    """Compare what was counted with a profile."""
    columns = (*profile.features, *profile.predictions)
    now = (*counts.features, *counts.predictions)
    chances = chance.holm(
        [chance.of_column(column, found) for column, found in zip(columns, now, strict=True)]
    )
    width = len(profile.features)
    changes = [
        Change(
            column, found, _psi(column, found), p, counts.unseen.get(number, {}), number >= width
        )
        for number, (column, found, p) in enumerate(zip(columns, now, chances, strict=True))
    ]
    most_first = sorted(changes, key=lambda change: (not change.is_judged, -change.psi))
    return Drift(
        counts.rows,
        profile.rows,
        profile.predicted,
        [change for change in most_first if not change.is_prediction],
        [change for change in most_first if change.is_prediction],
    )


def psi(before: Ints, now: Ints) -> float:
    """Return the population stability index of two rows of counts; 0 where either has none.

    Half a row is added to each bin that any of them has (Jeffreys' prior), so that an empty bin is
    neither infinitely far nor, of few rows, farther than chance has it.
    """
    used = (before + now) > 0
    if not before.sum() or not now.sum():
        return 0.0
    p, q = before[used] + _HALF, now[used] + _HALF
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def _psi(column: Column, now: Ints) -> float:
    before = column.trained
    if len(column.values) > _MOST_CATEGORIES:
        cuts = [*range(_MOST_CATEGORIES + 2), len(before) - 1]
        before, now = np.add.reduceat(before, cuts), np.add.reduceat(now, cuts)
    return psi(before, now)


def _share(rows: Any, counts: Ints) -> float:
    total = int(counts.sum())
    return float(rows) / total if total else 0.0
