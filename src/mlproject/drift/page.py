"""The page of a scoring: what was scored, what was rejected, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlproject.drift import bars
from mlproject.drift.compare import SIGNIFICANCE, Drift
from mlproject.pages.drawing import BLUE, ORANGE
from mlproject.pages.templates import written

# Of more columns those are shown that changed most.
_MOST_DRAWN, _MOST_LISTED = 24, 300
_MOST_UNSEEN = 8
# A value of fewer rows stays where the rows are.
_FEWEST_NAMED = 5


@dataclass(frozen=True)
class Rejected:
    """Rows that were rejected for one reason."""

    column: str | None
    kind: str
    rows: int


@dataclass(frozen=True)
class Scored:
    """What was scored, and with which model."""

    model: str
    version: str | None
    source: str
    output: str
    rows: int
    rows_scored: int
    rejected: Sequence[Rejected]
    predictions: Mapping[str, float]


def report(scored: Scored, drift: Drift | None) -> str:
    """Return a page that needs no other file, no network and no script."""
    return written(
        "mlproject.drift",
        "scoring.html.jinja",
        scored=scored,
        rejected=sum(item.rows for item in scored.rejected),
        drift=drift,
        drawn=[] if drift is None else [*drift.predictions, *drift.features[:_MOST_DRAWN]],
        listed=[] if drift is None else drift.features[:_MOST_LISTED],
        bars_of=bars.of,
        named=_named,
        significance=SIGNIFICANCE,
        colours=(BLUE, ORANGE),
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _named(unseen: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return values that no training row has: the most frequent of those that several rows have."""
    several = [(name, rows) for name, rows in unseen.items() if rows >= _FEWEST_NAMED]
    return sorted(several, key=lambda item: (-item[1], item[0]))[:_MOST_UNSEEN]
