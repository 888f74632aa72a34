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
from training.resampling.fast import Array, Counts, Values
from training.resampling.metrics import ResampledMetric
from training.resampling.pairs import Pair, on_all

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


def spread(
    metric: ResampledMetric, y: Array, predictions: Array, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """Return the ends of the 95 % interval of one model's metric; None where it is undefined.

    Rows and predictions are as the metric takes them (see :mod:`training.resampling.pairs`).
    """
    (values,) = _on_resamples(metric, y, (predictions,), resamples, seed)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - _MOST_UNDEFINED) * resamples:
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def improvements(pair: Pair, *, resamples: int, seed: int) -> Values:
    """Return the improvement on each resample, shape (n_resamples,); NaN where it is undefined."""
    both = _on_resamples(pair.metric, pair.y, pair.predictions, resamples, seed)
    return np.asarray(pair.metric.improvement(*both))


def _on_resamples(
    metric: ResampledMetric, y: Array, predictions: tuple[Array, ...], resamples: int, seed: int
) -> list[Values]:
    """Return the metric of each model on the same resamples."""
    kinds, sizes = _kinds(metric, y, predictions)
    measures = [metric.prepare(y[kinds], values[kinds]) for values in predictions]
    found = [np.empty(resamples) for _ in measures]
    done = 0
    # Threads that wait for each other after every resample cost several times what they save.
    with threadpool_limits(1, user_api="blas"):
        for counts in _drawn(len(y), sizes, resamples, seed):
            for measure, values in zip(measures, found, strict=True):
                values[done : done + len(counts)] = measure(counts)
            done += len(counts)
    return found


def _kinds(
    metric: ResampledMetric, y: Array, predictions: tuple[Array, ...]
) -> tuple[Array | slice, Array | None]:
    """Return one row of each kind, and how many there are; every row and None when that is no gain.

    Rows of one kind have the same true and predicted classes, so they count alike. How often a
    resample has rows of each kind is multinomial too, and the kinds are few.
    """
    if not metric.of_labels:
        return slice(None), None
    classes = int(max(values.max() for values in (y, *predictions))) + 1
    code = y.astype(np.int64)
    for values in predictions:
        code = code * classes + values
    _, first, sizes = np.unique(code, return_index=True, return_counts=True)
    if len(sizes) * _ROWS_A_KIND > len(y):
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
