"""By how much a challenger is better than a champion, and how sure that is.

Both models are measured on the same resampled rows (a paired bootstrap), so that rows which are
hard for both do not blur the difference between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlproject.base.errors import DataError
from mlproject.base.finite import finite
from mlproject.gate.fast import Array, Counts, Values
from mlproject.gate.metrics import GateMetric
from mlproject.gate.pairs import Pair, on_all
from mlproject.gate.slices import Slice
from training.rules import Rules

# Counts that are held at once, 2 MB of them: what a measure makes of them is a few times as much.
_BLOCK = 500_000
# Resamples of so many rows are counted together; larger tables of counts leave the cache.
_PIECE = 16_384
# Drawing how often each kind of row occurs beats drawing rows when there are so many rows a kind.
_ROWS_A_KIND = 20
_MOST_UNDEFINED = 0.1


@dataclass(frozen=True)
class Interval:
    """An improvement with its confidence interval.

    Attributes
    ----------
    champion, challenger : float
        On all rows, with the metric's natural sign.
    improvement : float
        In the metric's units; positive when the challenger is better, whatever the direction.
    low, high : float
        The ends of the interval of the improvement.
    confidence : float
        0.95 for a 95 % interval.
    undefined : int
        Resamples that do not define the metric, such as the area under the ROC curve of a single
        class. They are left out of the interval.
    """

    metric: str
    champion: float
    challenger: float
    improvement: float
    low: float
    high: float
    confidence: float
    resamples: int
    rows: int
    undefined: int = 0

    def as_dict(self) -> dict[str, Any]:
        return dict(finite(asdict(self)))


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
        Why callers of the champion cannot call the challenger.
    seconds_a_row : tuple of two floats or None
        The champion's prediction time and the challenger's; None where they were not measured.
    bytes : tuple of int
        Sizes, the challenger's last.
    rows : str
        Where the rows come from.
    seen : str or None
        Why the challenger is taken to have been trained on them.
    """

    rules: Rules
    metric: GateMetric
    quality: float
    interval: Interval | None
    slices: tuple[Slice, ...] = ()
    signature_problems: tuple[str, ...] = ()
    seconds_a_row: tuple[float, float] | None = None
    bytes: tuple[int, ...] = ()
    rows: str = ""
    seen: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what the record of the verdict holds, as JSON can hold it."""
        content = {
            "rows": self.rows,
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


def compare(
    pair: Pair, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Return the improvement from champion to challenger, with its interval.

    The interval is the percentile interval of a paired bootstrap: rows are drawn with replacement,
    as many as there are, and its ends are quantiles of the improvements on the resamples (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). ``benchmarks/gate.py`` checks
    its coverage, and that of the alternatives.

    The same seed gives the same interval. Memory does not depend on the number of resamples, but
    for 24 bytes each.

    Raises
    ------
    DataError
        When there are fewer than two rows, or the rows or more than a tenth of the resamples do
        not define the metric.
    """
    metric, rows = pair.metric, len(pair.y)
    if rows < 2:
        raise DataError("A comparison of two models needs at least two held-out rows")
    champion, challenger = (on_all(metric, pair.y, values) for values in pair.predictions)
    improvement = metric.improvement(champion, challenger)
    if not np.isfinite(improvement):
        raise DataError(
            f"The metric '{metric.name}' is not defined on the held-out rows",
            "They may have a single class, or a single value of the target",
        )
    defined = improvements(pair, resamples=resamples, seed=seed)
    defined = defined[np.isfinite(defined)]
    undefined = resamples - len(defined)
    if undefined > _MOST_UNDEFINED * resamples:
        raise DataError(
            f"{undefined} of {resamples} resamples of the held-out rows do not define the metric "
            f"'{metric.name}'",
            "Hold out more rows, or choose another metric",
        )
    tail = (1 - confidence) / 2
    low, high = (float(end) for end in np.quantile(defined, (tail, 1 - tail)))
    return Interval(
        metric=metric.name,
        champion=champion,
        challenger=challenger,
        improvement=improvement,
        low=low,
        high=high,
        confidence=confidence,
        resamples=resamples,
        rows=rows,
        undefined=undefined,
    )


def improvements(pair: Pair, *, resamples: int, seed: int) -> Values:
    """Return the improvement on each resample, shape (n_resamples,); NaN where it is undefined."""
    kinds, sizes = _kinds(pair)
    champion, challenger = (
        pair.metric.prepare(pair.y[kinds], values[kinds]) for values in pair.predictions
    )
    better = np.empty(resamples)
    done = 0
    # Threads that wait for each other after every resample cost several times what they save.
    with threadpool_limits(1, user_api="blas"):
        for counts in _drawn(len(pair.y), sizes, resamples, seed):
            gain = pair.metric.improvement(champion(counts), challenger(counts))
            better[done : done + len(counts)] = gain
            done += len(counts)
    return better


def _kinds(pair: Pair) -> tuple[Array | slice, Array | None]:
    """Return one row of each kind, and how many there are; every row and None when that is no gain.

    Rows of one kind have the same true and predicted classes, so they count alike. How often a
    resample has rows of each kind is multinomial too, and the kinds are few.
    """
    if not pair.metric.of_labels:
        return slice(None), None
    classes = int(max(values.max() for values in (pair.y, *pair.predictions))) + 1
    code = (pair.y.astype(np.int64) * classes + pair.champion) * classes + pair.challenger
    _, first, sizes = np.unique(code, return_index=True, return_counts=True)
    if len(sizes) * _ROWS_A_KIND > len(pair.y):
        return slice(None), None
    return first, sizes


def _drawn(rows: int, sizes: Array | None, resamples: int, seed: int) -> Iterator[Counts]:
    """Yield how often each row, or each kind of row, is in a resample, in blocks of resamples."""
    random = np.random.default_rng(seed)
    width = rows if sizes is None else len(sizes)
    for start in range(0, resamples, max(1, _BLOCK // width)):
        many = min(max(1, _BLOCK // width), resamples - start)
        if sizes is None:
            yield _counted(random, rows, many)
        else:
            yield random.multinomial(rows, sizes / rows, size=many).astype(np.int32)


def _counted(random: np.random.Generator, rows: int, resamples: int) -> Counts:
    counts = np.empty((resamples, rows), dtype=np.int32)
    piece = max(1, _PIECE // rows)
    for start in range(0, resamples, piece):
        many = min(piece, resamples - start)
        drawn = random.integers(0, rows, (many, rows))
        # Each resample counts in a range of its own.
        drawn += rows * np.arange(many)[:, np.newaxis]
        table = np.bincount(drawn.ravel(), minlength=many * rows)
        counts[start : start + many] = table.reshape(many, rows)
    return counts
