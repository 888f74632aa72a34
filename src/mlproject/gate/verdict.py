"""The verdict: every check of the gate, each with a sentence that says what it found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mlproject.base.counting import counted
from mlproject.gate.comparison import Comparison
from mlproject.gate.seen import Seen
from mlproject.gate.slices import ROUNDING, Slice
from training.resampling.intervals import Interval
from training.resampling.metrics import ResampledMetric
from training.resampling.swapping import holds
from training.rules import Rules

NO_CHAMPION = "no champion yet"
# Groups or blocks: of fewer, nothing tells how far they vary.
FEWEST_UNITS = 10
# By a reason that is recorded; what else fails is changed by its own rule, or not at all.
_MAY_BE_OVERRIDDEN = frozenset({"rows", "signature"})
_MOST_DECIMALS = 12
_SHOWN_SLICES = 3


@dataclass(frozen=True)
class Check:
    """One thing that the gate looked at.

    Attributes
    ----------
    name : str
        ``improvement``, ``rows``, ``floor``, ``slices``, ``signature``, ``time`` or ``unseen``.
    passed : bool
        Whether the gate lets the challenger through as far as this goes.
    what : str
        One sentence with the numbers, without its full stop.
    known : bool
        Whether there was something to look at: what is not known stops nobody, and is not passed.
    """

    name: str
    passed: bool
    what: str
    known: bool = True

    @property
    def status(self) -> Literal["passed", "failed", "not known"]:
        if not self.passed:
            return "failed"
        return "passed" if self.known else "not known"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"status": self.status}


@dataclass(frozen=True)
class Verdict:
    """Whether a challenger may become the champion, and why.

    Attributes
    ----------
    checks : tuple of Check
    details : mapping
        All that was compared, for the record; JSON.
    metrics : mapping of str to float
        The numbers that the record shows.
    rows : str
        What tells the rows from others.
    override : str or None
        Why rules were loosened.
    """

    checks: tuple[Check, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    rows: str = ""
    override: str | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def why(self) -> str:
        """What failed; of a verdict that passed, what it found first."""
        failed = [check.what for check in self.checks if not check.passed]
        if failed:
            return "; ".join(failed)
        first = [check.what for check in self.checks if check.what != NO_CHAMPION][:1]
        return "; ".join(first + [check.what for check in self.checks if not check.known])

    def as_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "checks": [check.as_dict() for check in self.checks]}


def decide(comparison: Comparison) -> Verdict:
    """Return the verdict on a challenger.

    A first champion only has to reach the floor, on rows that it has not seen.
    """
    if comparison.interval is None:
        checks = [Check("improvement", True, NO_CHAMPION), _floor(comparison)]
        checks += [_enough(comparison)]
        checks += [Check(name, True, NO_CHAMPION) for name in ("slices", "signature", "time")]
    else:
        checks = [
            _improvement(comparison.rules, comparison.interval, comparison.attempt),
            _floor(comparison),
            _enough(comparison),
            _slices(comparison),
            _signature(comparison.signature_problems),
            _time(comparison.rules, comparison.seconds_a_row),
        ]
    checks = [_overridden(check, comparison.override) for check in checks]
    unseen = _unseen(comparison.seen, comparison.rules)
    return Verdict((*checks, unseen), metrics=comparison.numbers)


def _overridden(check: Check, why: str | None) -> Check:
    if check.passed or why is None or check.name not in _MAY_BE_OVERRIDDEN:
        return check
    return Check(check.name, True, f"{check.what}; overridden: {why}")


def _unseen(seen: Sequence[Seen], rules: Rules) -> Check:
    known = bool(seen) and all(item.rows is not None for item in seen)
    told = []
    for who, item in zip(("the challenger", "the champion"), seen, strict=False):
        if item.rows is None:
            told.append(f"it is not known what {who} was trained on ({item.how})")
        elif item.rows == 0:
            told.append(f"{who} was trained on none of the rows ({item.how})")
        else:
            rows = f"{counted(item.rows, 'row')}, which {'is' if item.rows == 1 else 'are'}"
            told.append(f"{who} was trained on {rows} left out ({item.how})")
    what = "; ".join(told) or "it is not known what the models were trained on"
    if not known and rules.require_unseen:
        return Check("unseen", False, f"{what}, and 'require_unseen' asks for it", known=False)
    return Check("unseen", True, what, known)


def _enough(comparison: Comparison) -> Check:
    size, rules = comparison.size, comparison.rules
    if size is None:
        return Check("rows", False, "the rows were not counted")
    shown = counted(size.rows, "row")
    if size.kind != "rows":
        shown = f"{size.of_units} of {shown}"
    wanted = comparison.interval is not None or "min_rows" in rules.model_fields_set
    if wanted and size.rows < rules.min_rows:
        return Check("rows", False, f"{shown} cannot tell; at least {rules.min_rows} are needed")
    if comparison.interval is not None and size.kind != "rows" and size.units < FEWEST_UNITS:
        needed = f"at least {FEWEST_UNITS} {size.kind} that do not depend on each other are needed"
        return Check("rows", False, f"{shown} cannot tell; {needed}")
    if size.chance is not None and not holds(size.chance, rules.confidence):
        what = f"{shown} cannot tell; {size.chance:.1%} of equal models would be promoted on them"
        return Check("rows", False, f"{what} (simulated by swapping); more are needed")
    return Check("rows", True, shown)


def _improvement(rules: Rules, interval: Interval, attempt: int) -> Check:
    least = rules.improvement if rules.equivalence is None else -rules.equivalence
    # What rounding makes of two equal models is no improvement.
    noise = ROUNDING * max(abs(interval.champion), abs(interval.challenger))
    passed = interval.low > least + noise
    numbers = (interval.improvement, interval.low, interval.high)
    decimals = _decimals(interval.high - interval.low or interval.champion)
    if passed:  # A low end next to the rule is shown with the digits that tell them apart.
        decimals = max(decimals, _decimals(interval.low - least, digits=1))
    better, low, high = (_shown(number, decimals) for number in numbers)
    if better.startswith("-"):
        better, how = better[1:], "worse"
    else:
        how = "better"
    what = (
        f"{interval.metric} {_shown(interval.challenger, decimals)} against "
        f"{_shown(interval.champion, decimals)}: {how} by {better}, "
        f"{100 * interval.confidence:.6g} % interval {low} to {high}, "
        f"{'above' if passed else 'not above'} {least:g}"
    )
    if rules.equivalence is not None:
        what += f" (asked: whether it is not worse by {rules.equivalence:g})"
    if attempt > 1:
        what += f" (attempt {attempt} on these rows)"
    if interval.undefined:
        what += f" ({interval.undefined} of {interval.resamples} resamples undefined)"
    return Check("improvement", passed, what)


def _floor(comparison: Comparison) -> Check:
    rules, metric, quality = comparison.rules, comparison.metric, comparison.quality
    if not math.isfinite(quality):
        what = f"{metric.name} is not defined on the held-out rows"
        return Check("floor", rules.floor is None, what)
    decimals = _decimals(quality, digits=4)
    if rules.floor is None:
        return Check(
            "floor", True, f"{metric.name} {_shown(quality, decimals)}, no floor asked for"
        )
    more = metric.greater_is_better
    passed = quality >= rules.floor if more else quality <= rules.floor
    decimals = max(decimals, _decimals(quality - rules.floor, digits=1))
    shown = f"{metric.name} {_shown(quality, decimals)}"
    if passed:
        return Check("floor", True, f"{shown}, {'at least' if more else 'at most'} {rules.floor:g}")
    side = "below the floor of" if more else "above the ceiling of"
    return Check("floor", False, f"{shown}, {side} {rules.floor:g}")


def _slices(comparison: Comparison) -> Check:
    rules, metric, slices = comparison.rules, comparison.metric, comparison.slices
    if not rules.slice_by:
        return Check("slices", True, "no slices asked for")
    columns = ", ".join(rules.slice_by)
    unmeasured = set(rules.slice_by) - {part.column for part in slices}
    if unmeasured:
        return Check("slices", False, f"no slices of {', '.join(sorted(unmeasured))} were measured")
    worse = sorted((part for part in slices if part.worse), key=lambda part: part.improvement)
    judged = sum(part.judged for part in slices)
    small = len(slices) - judged
    aside = f"; {small} too small to judge, or undefined" if small else ""
    all_judged = counted(judged, "slice")
    if not worse:
        what = f"none of {all_judged} by {columns} surely loses more than {rules.slice_tolerance:g}"
        return Check("slices", True, what + aside)
    shown = "; ".join(_lost(metric, part) for part in worse[:_SHOWN_SLICES])
    more = len(worse) - _SHOWN_SLICES
    shown += f"; and {more} more" if more > 0 else ""
    what = (
        f"{len(worse)} of {all_judged} surely {'loses' if len(worse) == 1 else 'lose'} more than "
        f"{rules.slice_tolerance:g}: {shown}{aside}"
    )
    return Check("slices", False, what)


def _lost(metric: ResampledMetric, part: Slice) -> str:
    decimals = _decimals(part.improvement)
    challenger, champion = (_shown(v, decimals) for v in (part.challenger, part.champion))
    loss = _shown(-part.improvement, decimals)
    return (
        f"{part.column} = {part.value}, {metric.name} {challenger} against {champion}, "
        f"worse by {loss} (at least {_shown(-part.high, decimals)}) on {counted(part.rows, 'row')}"
    )


def _signature(problems: Sequence[str]) -> Check:
    if not problems:
        return Check("signature", True, "it takes and answers what the champion does")
    return Check("signature", False, "; ".join(problems))


def _time(rules: Rules, seconds_a_row: tuple[float, float] | None) -> Check:
    if rules.time_factor is None:
        return Check("time", True, "no prediction time asked for")
    if seconds_a_row is None:
        return Check("time", False, "the prediction time was not measured")
    champion, challenger = seconds_a_row
    passed = challenger <= rules.time_factor * champion
    times = f" ({challenger / champion:.3g} times)" if champion > 0 else ""
    what = (
        f"{_time_shown(challenger)} a row against {_time_shown(champion)}{times}, "
        f"{'at most' if passed else 'more than'} {rules.time_factor:g} times"
    )
    return Check("time", passed, what)


def _time_shown(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _decimals(number: float, digits: int = 3) -> int:
    """Return with how many decimals a number shows so many digits; 0 shows none in any."""
    if number == 0 or not math.isfinite(number):
        return 0
    return min(max(digits - 1 - math.floor(math.log10(abs(number))), 0), _MOST_DECIMALS)


def _shown(number: float, decimals: int) -> str:
    text = f"{number:.{decimals}f}" if abs(number) < 1e15 else f"{number:.4g}"
    return text.lstrip("-") if not float(text) else text
