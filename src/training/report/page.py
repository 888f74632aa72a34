"""The page of a run and its model card, from templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlproject.pages.drawing import Drawing
from mlproject.pages.templates import written
from training.parameters import in_short
from training.report.advice import Advice
from training.report.facts import Facts

_MOST_CANDIDATES, _MOST_COLUMNS = 200, 100


@dataclass(frozen=True)
class Where:
    """The run that a report is of."""

    run_id: str
    experiment: str
    recorded_in: str
    model_uri: str
    made: str


def report(
    facts: Facts, advice: Sequence[Advice], drawings: Sequence[Drawing], where: Where
) -> str:
    """Return a page that needs no other file and no network, and is complete without scripts."""
    return written(
        "training.report",
        "report.html.jinja",
        most_columns=_MOST_COLUMNS,
        facts=facts,
        advice=advice,
        drawings=drawings,
        where=where,
        candidates=_candidates(facts),
    )


def card(facts: Facts, advice: Sequence[Advice], where: Where) -> str:
    """Return the model card, in Markdown."""
    return written(
        "training.report", "model_card.md.jinja", facts=facts, advice=advice, where=where
    )


def _candidates(facts: Facts) -> Mapping[str, Any]:
    """Return the candidates as a table, the best first."""
    found = facts.search
    if found is None:
        return {"names": [], "rows": [], "more": 0}
    sign = -1 if found.greater else 1
    order = sorted(
        range(len(found.scores)),
        key=lambda number: (
            found.scores[number] != found.scores[number],
            sign * found.scores[number],
        ),
    )
    names = list(found.axes)
    rows = [
        {
            "number": number,
            "best": number == found.best,
            "values": [in_short(found.axes[name][number]) for name in names],
            "score": float(found.scores[number]),
            "spread": float(found.spreads[number]),
            "seconds": float(found.seconds[number]),
        }
        for number in order[:_MOST_CANDIDATES]
    ]
    return {"names": names, "rows": rows, "more": len(order) - len(rows)}
