"""Two models on the same rows: what the rules of the gate judge."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mlproject.base.counting import counted
from mlproject.base.finite import finite
from mlproject.gate.seen import Seen
from mlproject.gate.slices import Slice
from training.resampling.intervals import Interval
from training.resampling.metrics import ResampledMetric
from training.resampling.units import Kind
from training.rules import Rules


@dataclass(frozen=True)
class Size:
    """How many rows there are, and how many groups or blocks of them.

    Attributes
    ----------
    chance : float or None
        Of few: how often equal models would be promoted, simulated on them.
    without : int
        How many rows have no value in the column of the groups. Nothing tells whether they belong
        together, so they are drawn together, as if they did.
    column : str or None
        That column.
    """

    rows: int
    units: int
    kind: Kind = "rows"
    chance: float | None = None
    without: int = 0
    column: str | None = None

    @property
    def of_units(self) -> str:
        """How many groups or blocks there are, in words."""
        what = counted(self.units, self.kind.removesuffix("s"))
        if not self.without:
            return what
        rows = counted(self.without, "row")
        verb = "is" if self.without == 1 else "are"
        return f"{what} ({rows} without '{self.column}' {verb} one of them)"


@dataclass(frozen=True)
class Comparison:
    """Two models, or one, measured on the same rows, and the rules that judge them.

    Attributes
    ----------
    quality : float
        The challenger's, with the metric's natural sign.
    interval : Interval or None
        None without a champion.
    signature_problems : tuple of str
        Why callers of the champion cannot call the challenger, or not read its answers.
    seconds_a_row : tuple of two floats or None
        The champion's prediction time and the challenger's; None where they were not measured.
    bytes : tuple of int
        Sizes, the challenger's last.
    rows : str
        Where the rows come from.
    size : Size
        How many there are.
    seen : tuple of Seen
        Who was trained on how many of the rows, which are left out; the challenger first.
    attempt : int
        Which one it is on these rows since the alias moved last, from 1.
    override : str or None
        Why rules may be loosened, and too few rows do.
    """

    rules: Rules
    metric: ResampledMetric
    quality: float
    interval: Interval | None
    slices: tuple[Slice, ...] = ()
    signature_problems: tuple[str, ...] = ()
    seconds_a_row: tuple[float, float] | None = None
    bytes: tuple[int, ...] = ()
    rows: str = ""
    size: Size | None = None
    seen: tuple[Seen, ...] = ()
    attempt: int = 1
    override: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what the record of the verdict holds, as JSON can hold it."""
        content = {
            "rows": self.rows,
            "size": asdict(self.size) if self.size is not None else None,
            "seen": [asdict(item) for item in self.seen],
            "attempt": self.attempt,
            "override": self.override,
            "rules": self.rules.model_dump(),
            "interval": self.interval.as_dict() if self.interval is not None else None,
            "slices": [part.as_dict() for part in self.slices],
            "seconds_a_row": self.seconds_a_row,
        }
        return dict(finite(content))

    @property
    def numbers(self) -> dict[str, float]:
        """What a plot of the record shows, without what is undefined."""
        numbers = {"challenger": self.quality}
        if self.interval is not None:
            names = ("champion", "improvement", "low", "high")
            numbers |= {name: getattr(self.interval, name) for name in names}
        if self.seconds_a_row is not None:
            champion, challenger = self.seconds_a_row
            numbers |= {"champion_seconds": champion, "challenger_seconds": challenger}
        return {name: value for name, value in numbers.items() if np.isfinite(value)}
