"""Figures that are readable on light and dark ground, and to colour-blind eyes.

Colours are those of Okabe and Ito (Color Universal Design, 2008). Figures are matplotlib's objects,
and not pyplot's, so that a caller's own figures and backend are left alone.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
GREY = "#808080"
# Nearly black, as it stands in a PNG; in an SVG it becomes the colour of the reader's ground.
_TEXT = "#010203"
_SIZE, _DPI = (5.2, 3.6), 110
_STYLE: dict[Any, Any] = {
    "axes.edgecolor": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "figure.dpi": _DPI,
    "figure.facecolor": "white",
    "font.size": 9.5,
    "grid.alpha": 0.35,
    "grid.color": GREY,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "mlproject",
    "text.color": _TEXT,
    "text.usetex": False,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}
# An SVG that stands in an <img> has no colour of its page's, and so carries both.
_BOTH_GROUNDS = (
    "<style>:root{color:#222}@media(prefers-color-scheme:dark){:root{color:#ddd}}"
    "text{font-family:system-ui,sans-serif}</style>"
)


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes
    ----------
    name : str
        Of its file, without a suffix.
    title : str
    text : str
        What it shows, in words, for those who cannot see it.
    png : bytes
        On white ground.
    svg : str
        Without a ground of its own; text is drawn in the colour that fits the reader's.
    """

    name: str
    title: str
    text: str
    png: bytes
    svg: str

    @property
    def source(self) -> str:
        """The SVG as an address that needs no file."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg.encode()).decode()}"


class Sheet:
    """A figure that is being drawn; ``drawing`` is what becomes of it."""

    def __init__(self, name: str, title: str, figure: Figure) -> None:
        self.figure = figure
        self.axes: Axes = figure.add_subplot()
        self._name, self._title = name, title

    def drawing(self, text: str) -> Drawing:
        """Return the figure in both formats, laid out once.

        ``savefig`` would draw it twice for each.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        svg, png = io.StringIO(), io.BytesIO()
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")
        raster: Any = FigureCanvasAgg(self.figure)
        raster.print_png(png)
        for ground in (self.figure.patch, *(axes.patch for axes in self.figure.axes)):
            ground.set_alpha(0)
        vector: Any = FigureCanvasSVG(self.figure)
        vector.print_svg(svg, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        return Drawing(self._name, self._title, text, png.getvalue(), _on_any(svg.getvalue()))


@contextmanager
def sheet(name: str, title: str, *, size: tuple[float, float] = _SIZE) -> Iterator[Sheet]:
    """Give an empty figure in this project's style, for the block."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        yield Sheet(name, title, Figure(figsize=size))


def plain(text: object) -> str:
    """Return a text of a user's as it stands, which matplotlib may take for a formula."""
    return str(text).replace("$", r"\$")


def _on_any(svg: str) -> str:
    """Return an SVG whose text takes the colour of the reader's ground."""
    svg = svg[svg.index("<svg") :].replace(_TEXT, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(r"(<svg[^>]*>)", lambda found: found[1] + _BOTH_GROUNDS, svg, count=1)
