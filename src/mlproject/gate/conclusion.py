"""Which of two models is better, in words, by what a promotion would be judged by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlproject.gate.comparison import Comparison
from mlproject.gate.slices import ROUNDING
from mlproject.gate.verdict import Check, decide
from training.resampling.intervals import Interval

Better = Literal["challenger", "champion", "neither", "cannot tell"]
# Recorded predictions are compared without the models, of which these are.
_OF_MODELS = frozenset({"signature", "time"})


@dataclass(frozen=True)
class Conclusion:
    """What a comparison shows.

    Attributes
    ----------
    better : str
        ``challenger`` or ``champion``, where that is sure; ``neither``, where the rows could tell;
        else ``cannot tell``. Where it was asked whether the challenger is not worse, it is
        ``challenger`` when it is not.
    sentence : str
        Which one, and why.
    against : tuple of Check
        What else would keep the challenger from being promoted.
    """

    better: Better
    sentence: str
    against: tuple[Check, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"against": [check.as_dict() for check in self.against]}


def concluded(models: tuple[str, str], comparison: Comparison) -> Conclusion:
    """Return what a comparison of two models shows: the champion, and the challenger."""
    interval = comparison.interval
    assert interval is not None  # noqa: S101 - two models were compared
    checks = {check.name: check for check in decide(comparison).checks}
    rows, improvement = checks.pop("rows"), checks.pop("improvement")
    unasked = _OF_MODELS if comparison.seconds_a_row is None else ()
    against = tuple(c for c in checks.values() if not c.passed and c.name not in unasked)
    if not rows.passed:
        which = "Nothing tells which of the two is better"
        return Conclusion("cannot tell", f"{which}: {rows.what}", against)
    better = _better(interval, improvement)
    return Conclusion(better, f"{_said(better, models, comparison)}: {improvement.what}", against)


def _better(interval: Interval, improvement: Check) -> Better:
    if improvement.passed:
        return "challenger"
    noise = ROUNDING * max(abs(interval.champion), abs(interval.challenger))
    return "champion" if interval.high < -noise else "neither"


def _said(better: Better, models: tuple[str, str], comparison: Comparison) -> str:
    champion, challenger = models
    rules = comparison.rules
    if better == "champion":
        return f"{champion} is better"
    if rules.equivalence is not None:
        how = "is not" if better == "challenger" else "may be"
        return f"{challenger} {how} worse than {champion} by {rules.equivalence:g}"
    by = f" by more than {rules.improvement:g}" if rules.improvement else ""
    if better == "challenger":
        return f"{challenger} is better{by}"
    return f"{challenger} is not surely better{by}" if by else "Neither is surely better"
