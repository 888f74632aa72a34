"""How often the same rows have been asked already, and what an answer is worth then.

Each attempt on the same rows is another chance for noise to look like an improvement. The first is
judged at the whole level, alpha; the one numbered ``k`` at ``alpha / k ** 2``, so that all of them
together, however many and whatever they have in common, promote a model that is no better with a
probability of at most ``alpha * pi ** 2 / 6``: with 2.5 %, 4.1 % (Bonferroni's inequality with
unequal weights: Rosenthal and Rubin 1983).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from mlproject.data.row_hashes import significant
from mlproject.registry.ledger import PROMOTE, Entry, moves

# Of each set of rows the smallest hashes are kept (bottom-k sketches: Broder 1997; Cohen and Kaplan
# 2007): sets of which a tenth is common share one with a probability of 99.9 %.
_KEPT = 64
Marks = frozenset[str]


def marks_of(rows: pd.DataFrame) -> Marks:
    """Return marks of rows, whatever their order: a few of their hashes."""
    smallest = np.sort(np.unique(significant(rows)))[:_KEPT]
    return frozenset(f"{int(value) >> 32:08x}" for value in smallest)


def as_text(marks: Marks) -> str:
    return " ".join(sorted(marks))


def as_marks(text: str | None) -> Marks:
    return frozenset((text or "").split())


def earlier(entries: Sequence[Entry], challenger: int, marks: Marks) -> int:
    """Return how many attempts there were on some of the same rows since the alias moved last.

    One that passed and was then stopped by the server, say, is not counted when it is repeated.
    """
    moved = moves(entries)
    since = [item for item in entries if not moved or item.when > moved[-1].when]
    return sum(_shares(item, marks) for item in _not_repeated(since, challenger))


def confidence(asked: float, attempt: int) -> float:
    """Return the confidence of the interval by which an attempt is judged, from 1."""
    return 1 - (1 - asked) / attempt**2


def _not_repeated(entries: Iterable[Entry], challenger: int) -> list[Entry]:
    return [item for item in entries if not (item.action == PROMOTE and item.after == challenger)]


def _shares(entry: Entry, marks: Marks) -> bool:
    return bool(as_marks(entry.rows) & marks)
