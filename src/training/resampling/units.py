"""What a resample draws: rows, groups of rows, or blocks of rows that follow each other.

Rows of one group, and neighbours in time, tell less than as many independent rows. Where they are
drawn one by one the interval is too narrow by just that, so what is drawn is what is independent:
whole groups (the cluster bootstrap: Davison and Hinkley, Bootstrap Methods and their Application,
1997, section 3.8; Cameron, Gelbach and Miller 2008), or whole blocks (Carlstein 1986; Kuensch
1989).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from training.resampling.fast import Array, Counts

Kind = Literal["rows", "groups", "blocks"]
# Counts that are held at once, 2 MB of them: what a measure makes of them is a few times as much.
_BLOCK = 500_000
# Resamples of so many units are counted together; larger tables of counts leave the cache.
_PIECE = 16_384


@dataclass(frozen=True)
class Units:
    """What is drawn with replacement, as many as there are.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,) or None
        The unit of each row, from 0; None where each row is one.
    """

    kind: Kind
    number: int
    codes: Array | None = None

    @property
    def of_each_row(self) -> Array:
        return np.arange(self.number) if self.codes is None else self.codes

    def of_rows(self, rows: Array) -> Units:
        """Return the units of some of the rows."""
        if self.codes is None:
            return Units(self.kind, len(rows))
        present, codes = np.unique(self.codes[rows], return_inverse=True)
        return Units(self.kind, len(present), codes)

    def sizes(self, kinds: Array, width: int) -> Array:
        """Return how many rows of each kind a unit has, shape (n_units, n_kinds)."""
        table = np.bincount(self.of_each_row * width + kinds, minlength=self.number * width)
        return table.reshape(self.number, width)

    def drawn(self, rows: int, resamples: int, seed: int) -> Iterator[Counts]:
        """Yield how often each row is in a resample, in blocks of resamples."""
        for counts in self._of_units(max(rows, self.number), resamples, seed):
            yield counts if self.codes is None else counts.take(self.codes, axis=1)

    def drawn_by_kind(self, sizes: Array, resamples: int, seed: int) -> Iterator[Counts]:
        """Yield how often a resample has rows of each kind, from ``sizes`` of each unit."""
        for counts in self._of_units(max(sizes.shape), resamples, seed):
            yield (counts.astype(np.float64) @ sizes).astype(np.int32)

    def _of_units(self, width: int, resamples: int, seed: int) -> Iterator[Counts]:
        random = np.random.default_rng(seed)
        at_once = max(1, _BLOCK // width)
        for start in range(0, resamples, at_once):
            yield _counted(random, self.number, min(at_once, resamples - start))


def of_rows(number: int) -> Units:
    return Units("rows", number)


def of_groups(groups: pd.Series[Any] | Array) -> Units:
    """Return the groups of rows with equal values; a missing value is a group of its own."""
    codes, values = pd.factorize(np.asarray(groups, dtype=object), use_na_sentinel=False)
    return Units("groups", len(values), codes)


def of_length(rows: int, length: int) -> Units:
    """Return blocks of so many rows that follow each other; the last may be longer."""
    number = max(1, rows // length)
    return Units("blocks", number, np.minimum(np.arange(rows) // length, number - 1))


def _counted(random: np.random.Generator, units: int, resamples: int) -> Counts:
    counts = np.empty((resamples, units), dtype=np.int32)
    piece = max(1, _PIECE // units)
    for start in range(0, resamples, piece):
        many = min(piece, resamples - start)
        drawn = random.integers(0, units, (many, units))
        # Each resample counts in a range of its own.
        drawn += units * np.arange(many)[:, np.newaxis]
        table = np.bincount(drawn.ravel(), minlength=many * units)
        counts[start : start + many] = table.reshape(many, units)
    return counts
