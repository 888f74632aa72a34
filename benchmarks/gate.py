"""How often the gate is wrong, how often it sees what is there, and what its interval costs.

    make bench-gate                     # everything, about half an hour on two cores
    python benchmarks/gate.py --quick   # a tenth of the simulated data sets

Data sets are drawn from two models that are exactly as good as each other, and it is counted how
often the challenger passes: nominally 2.5 %. Beside the gate stands what it did before: rows drawn
one by one, and percentiles. Of a share of 2.5 % the standard error is 0.5 % with 1,000 data sets.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
import tracemalloc
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import t

from mlproject.base.errors import DataError
from mlproject.gate import attempts
from mlproject.gate.slices import Sampling, by_column, judged
from mlproject.gate.verdict import FEWEST_UNITS
from training.recipe import Task
from training.resampling import blocks, units
from training.resampling.ends import ends
from training.resampling.intervals import compare, improvements, standard_error
from training.resampling.metrics import check
from training.resampling.pairs import Pair, on_all, paired
from training.resampling.units import Units

TASKS: dict[str, Task] = {
    "rmse": "regression",
    "accuracy": "classification",
    "f1": "classification",
    "roc_auc": "classification",
    "log_loss": "classification",
}
CONFIDENCE, GROUPS, AUTOREGRESSION = 0.95, 30, 0.9
# More resamples would make the simulated intervals no wider or narrower, only less jittery.
RESAMPLES = {100: 400, 1_000: 300, 10_000: 150}
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """What is drawn: how many rows, how they depend on each other, and how good the models are.

    Attributes
    ----------
    gain : float
        By which share the challenger's errors are smaller.
    """

    metric: str
    rows: int
    how: str = "rows"
    gain: float = 0.0


def latent(random: np.random.Generator, setting: Setting, groups: NDArray[np.int64]) -> Values:
    """Draw standard normal values, half of whose variance is their group's, or autoregressive."""
    values = random.normal(size=setting.rows)
    if setting.how == "groups":
        return np.sqrt(0.5) * (values + random.normal(size=GROUPS)[groups])
    if setting.how == "time":
        values[1:] *= np.sqrt(1 - AUTOREGRESSION**2)
        return np.asarray(lfilter([1], [1, -AUTOREGRESSION], values))
    return values


def drawn(random: np.random.Generator, setting: Setting) -> tuple[Pair, Units]:
    """Draw rows with the predictions of two models, whose errors are correlated at 0.5."""
    groups = random.integers(0, GROUPS, setting.rows)
    shared, first, second = (latent(random, setting, groups) for _ in range(3))
    champion, challenger = np.sqrt(0.5) * (shared + first), np.sqrt(0.5) * (shared + second)
    challenger = challenger * (1 - setting.gain)
    metric = check(setting.metric, TASKS[setting.metric])
    if metric.task == "regression":
        y = random.normal(size=setting.rows)
        pair = paired(metric, y, y + champion, y + challenger)
    else:
        y = random.integers(0, 2, setting.rows)
        scores = [2 * y - 1 + errors for errors in (champion, challenger)]
        if metric.of_labels:
            pair = paired(metric, y, *((score > 0).astype(int) for score in scores))
        else:
            shares = [1 / (1 + np.exp(-2 * score)) for score in scores]
            pair = paired(metric, y, *(np.column_stack([1 - p, p]) for p in shares))
    if setting.how == "groups":
        return pair, units.of_groups(groups)
    return pair, blocks.in_time(pair) if setting.how == "time" else units.of_rows(setting.rows)


def gained(pair: Pair) -> float:
    values = (on_all(pair.metric, pair.y, predictions) for predictions in pair.predictions)
    return float(pair.metric.improvement(*values))


def outcomes(setting: Setting, seeds: range) -> NDArray[np.int64]:
    """Return how many data sets could tell, passed, and passed as they did before."""
    counts = np.zeros(3, dtype=np.int64)
    resamples = RESAMPLES[setting.rows]
    for seed in seeds:
        pair, of_pair = drawn(np.random.default_rng([setting.rows, seed]), setting)
        single = improvements(pair, resamples=resamples, seed=seed)
        counts[2] += np.nanquantile(single, 0.025) > 0
        if setting.how == "rows" or of_pair.number >= FEWEST_UNITS:
            values = single
            if setting.how != "rows":
                values = improvements(pair, units=of_pair, resamples=resamples, seed=seed)
            low, _ = ends(values[np.isfinite(values)], gained(pair), 0.025, of_pair.number)
            counts[:2] += 1, low > 0
    return counts


def shares(count: Callable[[range], NDArray[np.int64]], draws: int) -> Values:
    """Return counts over data sets as shares, counted in several processes."""
    parts = [range(start, draws, 8) for start in range(8)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return np.asarray(sum(pool.map(count, parts)) / draws)


def levels(draws: int, sizes: Iterable[int]) -> None:
    print("Equal models, and how many of them the gate promotes (goal 2.5 % +- 1):\n")
    print("| rows | drawn | metric | could tell | promoted | rows one by one, percentiles |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for how, what in (
        ("rows", "rows"),
        ("groups", f"{GROUPS} groups"),
        ("time", f"blocks, autoregression {AUTOREGRESSION}"),
    ):
        for rows in sizes:
            for metric in TASKS:
                told, passed, before = shares(partial(outcomes, Setting(metric, rows, how)), draws)
                cells = f"| {rows:,} | {what} | {metric} | {told:.0%} | {passed:.1%} |"
                print(f"{cells} {before:.1%} |", flush=True)


def refused_by_slices(rows: int, seeds: range) -> NDArray[np.int64]:
    """Return how many data sets have a slice that loses: surely, and by its estimate."""
    counts = np.zeros(2, dtype=np.int64)
    column = pd.Series(np.arange(rows) % 20, name="site")
    for seed in seeds:
        for place, metric in enumerate(("rmse", "accuracy")):
            pair, of_pair = drawn(np.random.default_rng([seed, place]), Setting(metric, rows))
            slices = judged(by_column(pair, column, Sampling(of_pair, seed=seed)))
            counts[place] += any(part.worse for part in slices)
    return counts


def of_slices(draws: int) -> None:
    print("\nEqual models, 20 slices, 1,000 rows (goal: at most 5 % are refused by a slice):\n")
    print("| metric | refused by a slice |\n| --- | --- |", flush=True)
    for metric, share in zip(
        ("rmse", "accuracy"), shares(partial(refused_by_slices, 1_000), draws), strict=True
    ):
        print(f"| {metric} | {share:.1%} |", flush=True)


def promoted_in_ten(rows: int, seeds: range) -> NDArray[np.int64]:
    """Return how often one of ten equal challengers passes: by the gate, and each at 95 %."""
    counts = np.zeros(2, dtype=np.int64)
    for seed in seeds:
        random = np.random.default_rng(seed)
        y, champion = random.normal(size=(2, rows))
        passed = np.zeros(2, dtype=bool)
        for attempt in range(1, 11):
            challenger = 0.5 * champion + np.sqrt(0.75) * random.normal(size=rows)
            pair = paired(check("rmse", "regression"), y, y + champion, y + challenger)
            error = standard_error(pair, units=units.of_rows(rows), resamples=200, seed=seed)
            tails = [(1 - level) / 2 for level in (attempts.confidence(CONFIDENCE, attempt), 0.95)]
            passed |= gained(pair) > -t.ppf(tails, rows - 1) * error
        counts += passed
    return counts


def of_attempts(draws: int) -> None:
    gate, each = shares(partial(promoted_in_ten, 1_000), draws)
    print("\nTen equal challengers on the same 1,000 rows (goal: at most 5 % have one promoted):\n")
    print("| by the gate | each at 95 % |\n| --- | --- |")
    print(f"| {gate:.1%} | {each:.1%} |", flush=True)


def found(setting: Setting, seeds: range) -> NDArray[np.int64]:
    """Return how often a better challenger passes: by the gate, and by a paired t-test."""
    counts = np.zeros(2, dtype=np.int64)
    for seed in seeds:
        pair, _ = drawn(np.random.default_rng(seed), setting)
        errors = [np.abs(pair.y - values) for values in pair.predictions]
        gain = errors[0] - errors[1]
        ratio = gain.mean() / (gain.std(ddof=1) / np.sqrt(setting.rows))
        mean = Pair(check("mae", "regression"), pair.y, *pair.predictions)
        counts[0] += compare(mean, resamples=600, seed=seed).low > 0
        counts[1] += ratio > t.ppf(0.975, setting.rows - 1)
    return counts


def power(draws: int) -> None:
    print("\nA better challenger, by MAE, found (goal: within 10 % of the paired t-test):\n")
    print("| rows | errors smaller by | by the gate | paired t-test |")
    print("| --- | --- | --- | --- |", flush=True)
    for rows, gain in ((100, 0.2), (1_000, 0.07), (10_000, 0.02)):
        gate, test = shares(partial(found, Setting("rmse", rows, gain=gain)), draws)
        print(f"| {rows:,} | {gain:.0%} | {gate:.1%} | {test:.1%} |", flush=True)


def costs(rows: int = 100_000, resamples: int = 2_000) -> None:
    print(f"\nOne interval on {rows:,} rows, two models, {resamples:,} resamples (goal: 3 s):\n")
    print("| metric | drawn | seconds | scratch memory |\n| --- | --- | --- | --- |", flush=True)
    for metric in TASKS:
        for how in ("rows", "groups", "time"):
            setting = Setting(metric, rows, how)
            pair, _ = drawn(np.random.default_rng(0), setting)
            started = time.perf_counter()
            _, of_pair = drawn(np.random.default_rng(0), setting)
            try:
                compare(pair, units=of_pair, resamples=resamples)
            except DataError:
                continue
            taken = time.perf_counter() - started
            tracemalloc.start()
            compare(pair, units=of_pair, resamples=20)
            peak = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
            kind = f"{of_pair.number:,} {of_pair.kind}"
            print(f"| {metric} | {kind} | {taken:.2f} | {peak:.0f} MB |", flush=True)


def main() -> None:
    """Simulate and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=1000, help="simulated data sets")
    parser.add_argument("--quick", action="store_true", help="a tenth of them")
    parser.add_argument(
        "--rows", type=int, choices=RESAMPLES, help="only how often it is wrong with so many"
    )
    options = parser.parse_args()
    draws = options.draws // 10 if options.quick else options.draws
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {draws:,} data sets\n")
    levels(draws, [options.rows] if options.rows else RESAMPLES)
    if options.rows:
        return
    of_slices(draws // 2)
    of_attempts(draws // 2)
    power(draws // 2)
    costs()


if __name__ == "__main__":
    main()
