"""What the gate's interval costs, and how often it holds the truth.

    make bench-gate                     # everything, about four minutes
    python benchmarks/gate.py --quick   # fewer resamples and fewer simulated datasets

The bootstrap is timed on rows and predictions in memory; its scratch memory is the peak of what it
allocates, in a run of its own. For the coverage, datasets are drawn from two models whose true
improvement is known, and the intervals that hold it are counted: 1,000 draws tell 95 % to +-1.4 %.
Beside the percentile interval that the gate uses stand two others made of the same resamples: the
basic one, and BCa (Efron and Tibshirani 1993, sections 13.3, 14.3, and Davison and Hinkley 1997,
section 5.2).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from training.recipe import Task
from training.resampling.fast import FAST, Counts
from training.resampling.intervals import compare, improvements
from training.resampling.metrics import ResampledMetric, check
from training.resampling.pairs import Pair, paired

ROWS = 100_000
TAIL = 0.025
Values = NDArray[np.float64]


@dataclass
class Case:
    """Datasets of two models whose true improvement is known."""

    name: str
    rows: int
    truth: float
    drawn: Callable[[np.random.Generator, int], Pair]


def errors(random: np.random.Generator, rows: int) -> Pair:
    """Draw values with errors of size 1 and 0.95, correlated at 0.8."""
    y = random.normal(size=rows)
    champion = random.normal(size=rows)
    challenger = 0.95 * (0.8 * champion + 0.6 * random.normal(size=rows))
    return paired(check("rmse", "regression"), y, y + champion, y + challenger)


def labels(random: np.random.Generator, rows: int) -> Pair:
    """Draw classes that are right in 80 % and 83 % of rows, in 70 % of them by the same chance."""
    y = random.integers(0, 2, rows)
    chance = random.random(rows)
    other = np.where(random.random(rows) < 0.7, chance, random.random(rows))
    champion, challenger = y ^ (chance > 0.80), y ^ (other > 0.83)
    return paired(check("accuracy", "classification"), y, champion, challenger)


def probabilities(random: np.random.Generator, rows: int) -> Pair:
    """Draw probabilities that tell two classes apart, the challenger's a little better."""
    y = random.integers(0, 2, rows)
    shared = random.normal(size=rows)
    scores = [shared + random.normal(size=rows) * 0.3 + y * gap for gap in (1.0, 1.05)]
    champion, challenger = (1 / (1 + np.exp(-score)) for score in scores)
    columns = [np.column_stack([1 - p, p]) for p in (champion, challenger)]
    return paired(check("roc_auc", "classification"), y, *columns)


def cost(pair: Pair, resamples: int) -> tuple[float, float]:
    """Return the seconds of one interval, and the MB that it allocates at its peak."""
    started = time.perf_counter()
    compare(pair, resamples=resamples)
    taken = time.perf_counter() - started
    tracemalloc.start()
    compare(pair, resamples=resamples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return taken, peak / 1e6


def costs(resamples: tuple[int, ...]) -> None:
    """Print what one interval costs."""
    print(f"One interval on {ROWS:,} rows, two models:\n")
    print("| metric | resamples | seconds | scratch memory | goal |")
    print("| --- | --- | --- | --- | --- |", flush=True)
    for draw in (errors, labels, probabilities):
        pair = draw(np.random.default_rng(0), ROWS)
        compare(pair, resamples=100)
        for many in resamples:
            taken, peak = cost(pair, many)
            goal = "under 3 s, " if pair.metric.name == "rmse" and many == 2000 else ""
            cells = (pair.metric.name, f"{many:,}", f"{taken:.2f}", f"{peak:.0f} MB")
            print(f"| {' | '.join(cells)} | {goal}at most 64 MB |", flush=True)


def by_scorers() -> None:
    """Print what 2,000 resamples cost with scikit-learn's functions, from 20 of them."""
    random = np.random.default_rng(0)
    counts = random.poisson(1, (20, ROWS)).astype(np.int32)
    print("\nTwo models by scikit-learn's own function, 2,000 resamples (20 were measured):\n")
    print("| metric | seconds | the gate's way, where it has one |")
    print("| --- | --- | --- |", flush=True)
    pairs = {"regression": errors(random, ROWS), "classification": probabilities(random, ROWS)}
    of_numbers: dict[str, Task] = dict.fromkeys(("rmse", "d2_absolute_error_score"), "regression")
    for name in (*of_numbers, "roc_auc", "log_loss", "average_precision"):
        task = of_numbers.get(name, "classification")
        metric = check(name, task)
        quick = f"{seconds(metric, pairs[task], counts):.1f}" if metric.metric.key in FAST else ""
        scorers = replace(metric, quick=False)
        print(f"| {name} | {seconds(scorers, pairs[task], counts):.0f} | {quick} |", flush=True)


def seconds(metric: ResampledMetric, pair: Pair, counts: Counts) -> float:
    """Return what 2,000 resamples of two models take, from some."""
    measure = metric.prepare(pair.y, pair.champion)
    measure(counts[:1])
    started = time.perf_counter()
    measure(counts)
    return (time.perf_counter() - started) * 2 * 2000 / len(counts)


def bca(pair: Pair, resampled: Values, improvement: float) -> Values:
    """Return the ends of the bias-corrected and accelerated interval."""
    rows = len(pair.y)
    left_out = np.ones((rows, rows), dtype=np.int32) - np.eye(rows, dtype=np.int32)
    champion, challenger = (
        pair.metric.prepare(pair.y, predictions)(left_out) for predictions in pair.predictions
    )
    one_less = pair.metric.improvement(champion, challenger)
    gap = one_less.mean() - one_less
    acceleration = (gap**3).sum() / (6 * (gap**2).sum() ** 1.5)
    # Resamples that equal the estimate, as those of a share do, count half.
    below = (resampled < improvement).mean() + (resampled == improvement).mean() / 2
    bias = norm.ppf(below)
    z = bias + norm.ppf([TAIL, 1 - TAIL])
    return np.asarray(np.quantile(resampled, norm.cdf(bias + z / (1 - acceleration * z))))


def coverage(case: Case, draws: int, resamples: int) -> tuple[float, float, float]:
    """Return how often the percentile, the basic and the BCa interval hold the truth."""
    random = np.random.default_rng(1)
    held = np.zeros(3)
    for i in range(draws):
        pair = case.drawn(random, case.rows)
        interval = compare(pair, resamples=resamples, seed=i)
        resampled = improvements(pair, resamples=resamples, seed=i)
        twice = 2 * interval.improvement
        ends = (
            (interval.low, interval.high),
            (twice - interval.high, twice - interval.low),
            bca(pair, resampled, interval.improvement),
        )
        held += [low <= case.truth <= high for low, high in ends]
    percentile, basic, corrected = held / draws
    return percentile, basic, corrected


def coverages(draws: int, resamples: int) -> None:
    """Print how often each interval holds the truth."""
    print(f"\nCoverage of 95 % intervals, {draws:,} datasets, {resamples:,} resamples each:\n")
    print("| metric | rows | percentile (the gate's) | basic | BCa | goal |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for case in (
        Case("rmse", 200, 0.05, errors),
        Case("rmse", 1000, 0.05, errors),
        Case("accuracy", 500, 0.03, labels),
    ):
        shares = " | ".join(f"{100 * share:.1f} %" for share in coverage(case, draws, resamples))
        print(f"| {case.name} | {case.rows:,} | {shares} | 93 to 97 % |", flush=True)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=1000, help="simulated datasets")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    costs((500, 2000) if options.quick else (500, 2000, 8000))
    by_scorers()
    coverages(max(1, options.draws // 10) if options.quick else options.draws, 2000)


if __name__ == "__main__":
    main()
