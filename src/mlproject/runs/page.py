"""A comparison as a page that needs no other file and no network."""

from __future__ import annotations

from datetime import datetime

from mlproject.base.visible import visible
from mlproject.pages.templates import written
from mlproject.runs.comparison import Comparison


def page(comparison: Comparison, *, everything: bool) -> str:
    return written(
        "mlproject.runs",
        "comparison.html.jinja",
        comparison=comparison,
        sections=comparison.shown(everything=everything),
        everything=everything,
        visible=visible,
        made=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
    )
