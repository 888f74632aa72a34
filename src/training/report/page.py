"""The page of a run and its model card, from templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mlproject.base.version import __version__
from training.report.advice import Advice
from training.report.drawing import Drawing
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
    return _written(
        "report.html.jinja",
        facts=facts,
        advice=advice,
        drawings=drawings,
        where=where,
        candidates=_candidates(facts),
    )


def card(facts: Facts, advice: Sequence[Advice], where: Where) -> str:
    """Return the model card, in Markdown."""
    return _written("model_card.md.jinja", facts=facts, advice=advice, where=where)


def _written(template: str, **content: Any) -> str:
    return str(_templates().get_template(template).render(version=__version__, **content))


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    templates = Environment(
        loader=PackageLoader("training.report"),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": _number, "share": _share, "cell": _cell}
    templates.globals |= {"most_columns": _MOST_COLUMNS}
    return templates


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
            "values": [_text(found.axes[name][number]) for name in names],
            "score": float(found.scores[number]),
            "spread": float(found.spreads[number]),
            "seconds": float(found.seconds[number]),
        }
        for number in order[:_MOST_CANDIDATES]
    ]
    return {"names": names, "rows": rows, "more": len(order) - len(rows)}


def _text(value: Any) -> str:
    if hasattr(value, "get_params"):
        return type(value).__name__
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return ""
    return "not defined" if value != value else f"{value:.{digits}g}"


def _share(value: float) -> str:
    return "none" if value == 0 else f"{value:.1%}"


def _cell(value: object) -> str:
    """Return a text as a cell of a Markdown table holds it."""
    return " ".join(str(value).split()).replace("|", "\\|")
