"""By how much a challenger is better than a champion, and how sure that is.

Both models are measured on the same resampled rows (a paired bootstrap), so that rows which are
hard for both do not blur the difference between them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mlproject.base.errors import DataError
from mlproject.base.finite import finite
from training.resampling.ends import ends, error_of
from training.resampling.fast import Array, Counts, Values
from training.resampling.metrics import ResampledMetric
from training.resampling.pairs import Pair, on_all
from training.resampling.units import Kind, Units, of_rows

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
    units, drawn : int, str
        How many rows, groups or blocks a resample draws.
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
    units: int = 0
    drawn: Kind = "rows"

    def as_dict(self) -> dict[str, Any]:
        return dict(finite(asdict(self)))


def compare(
    pair: Pair,
    *,
    units: Units | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the improvement from champion to challenger, with its interval.

    ``units`` (by default rows) are drawn with replacement, as many as there are, for both models
    alike; the interval is Student's with the standard error of the improvement on these resamples
    (:func:`training.resampling.ends.ends`). ``benchmarks/gate.py`` counts how often equal models
    are promoted by it.

    The same seed gives the same interval. Memory does not depend on the number of resamples, but
    for 24 bytes each.

    Raises
    ------
    DataError
        When there are fewer than two units, or the rows or more than a tenth of the resamples do
        not define the metric.
    """
    metric, rows = pair.metric, len(pair.y)
    units = of_rows(rows) if units is None else units
    if units.number < 2:
        raise DataError(f"A comparison of two models needs at least two held-out {units.kind}")
    champion, challenger = (on_all(metric, pair.y, values) for values in pair.predictions)
    improvement = metric.improvement(champion, challenger)
    if not np.isfinite(improvement):
        raise DataError(
            f"The metric '{metric.name}' is not defined on the held-out rows",
            "They may have a single class, or a single value of the target",
        )
    defined = improvements(pair, units=units, resamples=resamples, seed=seed)
    defined = defined[np.isfinite(defined)]
    undefined = resamples - len(defined)
    if undefined > _MOST_UNDEFINED * resamples:
        raise DataError(
            f"{undefined} of {resamples} resamples of the held-out rows do not define the metric "
            f"'{metric.name}'",
            "Hold out more rows, or choose another metric",
        )
    low, high = ends(defined, improvement, (1 - confidence) / 2, units.number)
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
        units=units.number,
        drawn=units.kind,
    )


def standard_error(pair: Pair, *, units: Units, resamples: int, seed: int) -> float:
    """Return that of the improvement; NaN where too many resamples do not define the metric."""
    values = improvements(pair, units=units, resamples=resamples, seed=seed)
    defined = values[np.isfinite(values)]
    if units.number < 2 or len(defined) < (1 - _MOST_UNDEFINED) * resamples:
        return math.nan
    return error_of(defined, units.number)


def spread(
    metric: ResampledMetric, y: Array, predictions: Array, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float] | None:
    """Return the ends of the 95 % interval of one model's metric; None where it is undefined.

    Rows and predictions are as the metric takes them (see :mod:`training.resampling.pairs`).
    """
    (values,) = _on_resamples(metric, y, (predictions,), of_rows(len(y)), resamples, seed)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - _MOST_UNDEFINED) * resamples:
        return None
    low, high = np.quantile(defined, (0.025, 0.975))
    return float(low), float(high)


def improvements(pair: Pair, *, units: Units | None = None, resamples: int, seed: int) -> Values:
    """Return the improvement on each resample, shape (n_resamples,); NaN where it is undefined."""
    units = of_rows(len(pair.y)) if units is None else units
    both = _on_resamples(pair.metric, pair.y, pair.predictions, units, resamples, seed)
    return np.asarray(pair.metric.improvement(*both))


def _on_resamples(
    metric: ResampledMetric,
    y: Array,
    predictions: tuple[Array, ...],
    units: Units,
    resamples: int,
    seed: int,
) -> list[Values]:
    """Return the metric of each model on the same resamples."""
    kinds, sizes = _kinds(metric, y, predictions, units)
    measures = [metric.prepare(y[kinds], values[kinds]) for values in predictions]
    found = [np.empty(resamples) for _ in measures]
    done = 0
    # Threads that wait for each other after every resample cost several times what they save.
    with threadpool_limits(1, user_api="blas"):
        for counts in _drawn(len(y), sizes, units, resamples, seed):
            for measure, values in zip(measures, found, strict=True):
                values[done : done + len(counts)] = measure(counts)
            done += len(counts)
    return found


def _kinds(
    metric: ResampledMetric, y: Array, predictions: tuple[Array, ...], units: Units
) -> tuple[Array | slice, Array | None]:
    """Return one row of each kind, and how many each unit has; all and None when that is no gain.

    Rows of one kind have the same true and predicted classes, so they count alike, and the kinds
    are few. Of single rows the sizes are those of all together: how often a resample has rows of
    each kind is multinomial too.
    """
    if not metric.of_labels:
        return slice(None), None
    classes = int(max(values.max() for values in (y, *predictions))) + 1
    code = y.astype(np.int64)
    for values in predictions:
        code = code * classes + values
    _, first, kind, sizes = np.unique(
        code, return_index=True, return_inverse=True, return_counts=True
    )
    number = 1 if units.codes is None else units.number
    if len(sizes) * number * _ROWS_A_KIND > len(y):
        return slice(None), None
    return first, sizes if units.codes is None else units.sizes(kind, len(sizes))


def _drawn(
    rows: int, sizes: Array | None, units: Units, resamples: int, seed: int
) -> Iterator[Counts]:
    """Yield how often each row, or each kind of row, is in a resample, in blocks of resamples."""
    if sizes is None:
        yield from units.drawn(rows, resamples, seed)
    elif units.codes is None:
        random = np.random.default_rng(seed)
        yield random.multinomial(rows, sizes / rows, size=resamples).astype(np.int32)
    else:
        yield from units.drawn_by_kind(sizes, resamples, seed)
