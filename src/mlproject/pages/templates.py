"""The templates of a package, with the frame that pages share: ``frame.html.jinja``.

A page extends the frame, and fills its blocks ``title``, ``header`` and ``main``. What is put into
a page is escaped.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from mlproject.base.version import __version__


def written(package: str, template: str, **content: Any) -> str:
    """Return a page, or a text, from a template of a package."""
    return str(_of(package).get_template(template).render(version=__version__, **content))


@cache
def _of(package: str) -> Any:
    from jinja2 import (
        ChoiceLoader,
        Environment,
        PackageLoader,
        StrictUndefined,
        select_autoescape,
    )

    templates = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("mlproject.pages")]),
        autoescape=select_autoescape(["html.jinja"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": _number, "share": _share, "cell": _cell}
    return templates


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return ""
    return "not defined" if value != value else f"{value:.{digits}g}"


def _share(value: float) -> str:
    return "none" if value == 0 else f"{value:.1%}"


def _cell(value: object) -> str:
    """Return a text as a cell of a Markdown table holds it."""
    return " ".join(str(value).split()).replace("|", "\\|")
