"""The verdict as a page: both models on the same rows, the interval, the slices, what failed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlproject.base.counting import counted
from mlproject.base.errors import reason
from mlproject.pages.drawing import BLUE, GREY, RED, Drawing, plain, sheet
from mlproject.pages.templates import written

if TYPE_CHECKING:
    from mlproject.gate.promotion import Wanted
    from mlproject.gate.verdict import Verdict

# Of more slices the picture shows those that lose most; the table has them all.
_MOST_DRAWN = 25
_LONGEST_LABEL = 32
_logger = logging.getLogger(__name__)


def page(verdict: Verdict, wanted: Wanted, before: int | None, after: int) -> str | None:
    """Return a page that needs no other file; None where it cannot be written.

    What is drawn and told here is in the record too: a page is not worth a promotion.
    """
    details = verdict.details
    try:
        drawings: list[Drawing] = []
        if details.get("interval") is not None:
            drawings.append(_interval(details["interval"], details["rules"]))
        if details.get("slices"):
            drawings.append(_slices(details["slices"], details["rules"]))
        return written(
            "mlproject.gate",
            "verdict.html.jinja",
            verdict=verdict,
            details=details,
            wanted=wanted,
            before=before,
            after=after,
            drawings=drawings,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    except Exception as error:  # noqa: BLE001 - whatever a picture or a template raises
        _logger.warning("The page of the verdict could not be written: %s", reason(error))
        return None


def _interval(interval: Mapping[str, Any], rules: Mapping[str, Any]) -> Drawing:
    least = rules["improvement"] if rules["equivalence"] is None else -rules["equivalence"]
    low, high, middle = (interval[name] for name in ("low", "high", "improvement"))
    passed = low is not None and low > least
    with sheet("interval", "Improvement, with its interval", size=(6.4, 1.7)) as drawn:
        axes = drawn.axes
        axes.axvline(least, color=RED, linestyle="--")
        axes.axvline(0, color=GREY, linewidth=0.8)
        if low is not None and high is not None:
            axes.plot([low, high], [0, 0], color=BLUE, linewidth=3)
            axes.plot([middle], [0], "o", color=BLUE, markersize=9)
        axes.set(yticks=[], xlabel=f"Improvement of {plain(interval['metric'])}")
        axes.margins(x=0.15, y=1)
        return drawn.drawing(
            f"The improvement is {middle:.4g}, between {low:.4g} and {high:.4g}; its lower end "
            f"{'is' if passed else 'is not'} above {least:g}, the dashed line."
        )


def _slices(slices: list[Mapping[str, Any]], rules: Mapping[str, Any]) -> Drawing:
    known = [part for part in slices if part["improvement"] is not None]
    shown = sorted(known, key=lambda part: part["improvement"])[:_MOST_DRAWN][::-1]
    size = (6.4, 1.2 + 0.27 * len(shown))
    with sheet("slices", "Improvement in each slice", size=size) as drawn:
        axes = drawn.axes
        for place, part in enumerate(shown):
            colour = RED if part["worse"] else BLUE if part["judged"] else GREY
            error = part["error"] or 0.0
            axes.errorbar(part["improvement"], place, xerr=error, fmt="o", color=colour, capsize=3)
        axes.axvline(-rules["slice_tolerance"], color=RED, linestyle="--")
        labels = [f"{part['column']} = {part['value']}" for part in shown]
        axes.set_yticks(range(len(shown)), [plain(_short(label)) for label in labels])
        axes.set(xlabel="Improvement, with its standard error")
        axes.set_ylim(-0.5, max(len(shown), 1) - 0.5)
        axes.grid(visible=True, axis="x")
        worse = sum(bool(part["worse"]) for part in slices)
        return drawn.drawing(
            f"The improvement in {len(shown)} of {counted(len(slices), 'slice')}; {worse} surely "
            f"{'loses' if worse == 1 else 'lose'} more than {rules['slice_tolerance']:g}. Grey "
            "slices are too small to judge."
        )


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…"
