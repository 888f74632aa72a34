"""Who was trained on which of the rows to compare on; those rows are taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from mlproject.base.errors import GateError
from mlproject.data.row_hashes import RowHashes
from mlproject.gate.contenders import Contender
from mlproject.gate.evidence import Evidence

# How unlikely as many equal rows have to be, if the rows are new, for them to be taken as seen.
_UNLIKELY = 0.01
_Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Seen:
    """What a model was trained on of the rows.

    Attributes
    ----------
    rows : int or None
        How many of them; None where nothing tells.
    how : str
        How that is known.
    """

    model: str
    rows: int | None
    how: str


def unseen(
    evidence: Evidence, contenders: Sequence[Contender]
) -> tuple[Evidence, tuple[Seen, ...]]:
    """Return the rows that none of the models was trained on, and what each has seen.

    Raises
    ------
    GateError
        When none are left.
    """
    found = [_looked_at(evidence, contender) for contender in contenders]
    kept = np.logical_and.reduce([mask for _, mask in found])
    reports = tuple(report for report, _ in found)
    if not kept.any():
        who = "; ".join(f"{item.model} {item.rows}" for item in reports if item.rows)
        raise GateError(
            f"No row is left of {evidence.source} that no model was trained on ({who} of them)",
            "Give rows that are new to both: --data SOURCE",
        )
    return (evidence if kept.all() else evidence.only(kept)), reports


def _looked_at(evidence: Evidence, contender: Contender) -> tuple[Seen, _Mask]:
    every = np.ones(len(evidence.y), dtype=bool)
    is_own = evidence.run_id is not None and evidence.run_id == contender.run_id
    if is_own and evidence.held_out:
        return Seen(contender.uri, 0, "its run held them out"), every
    hashes = contender.trained_on or (evidence.trained_on if is_own else None)
    if hashes is None:
        return Seen(contender.uri, None, "its run keeps no hashes of its rows"), every
    inputs = evidence.inputs
    by_name = set(hashes.columns) <= set(inputs)
    known, told = hashes.known(inputs if by_name else evidence.X, evidence.y)
    if not _is_seen(known & told, told, hashes):
        how = "by hashes of its rows"
        if known.any():
            how = f"{known.sum()} equal rows of few values, as many as chance gives"
        return Seen(contender.uri, 0, how), every
    how = "by hashes of its rows"
    if not told.all():
        how += f", of which {told.mean():.0%} are kept; only rows of that part are used"
    return Seen(contender.uri, int((known & told).sum()), how), told & ~known


def _is_seen(known: _Mask, told: _Mask, hashes: RowHashes) -> bool:
    """Whether more rows are known than new rows of as few values would be by chance."""
    count = int(known.sum())
    if count == 0:
        return False
    return bool(binom.sf(count - 1, int(told.sum()), hashes.chance) < _UNLIKELY)
