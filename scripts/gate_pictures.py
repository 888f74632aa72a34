"""Draw the pictures of docs/how-the-gate-decides.md, by the gate's own code.

python scripts/gate_pictures.py     # writes docs/images/gate.svg
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from mlproject.gate import attempts
from mlproject.gate.slices import Sampling, by_column, judged
from training.resampling import units
from training.resampling.intervals import compare
from training.resampling.metrics import check
from training.resampling.pairs import Pair, paired

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
BEFORE, NOW, LOST = "tab:gray", "tab:blue", "tab:red"
ROWS, GROUPS = 1000, 30


def equal(random: np.random.Generator, groups: np.ndarray) -> Pair:
    """Draw two models that are as good as each other; half of an error is its group's."""
    y = random.normal(size=ROWS)
    errors = random.normal(size=(2, ROWS)) + random.normal(size=(2, GROUPS))[:, groups]
    return paired(check("rmse", "regression"), y, *(y + errors))


def bar(axes: Axes, height: float, ends: tuple[float, float], colour: str) -> None:
    axes.plot(ends, (height, height), color=colour, linewidth=2)
    axes.plot(np.mean(ends), height, "o", color=colour, markersize=3)


def of_groups(axes: Axes) -> None:
    """Draw intervals of twenty data sets, by rows and by groups."""
    random = np.random.default_rng(7)
    for height in range(20):
        groups = random.integers(0, GROUPS, ROWS)
        pair = equal(random, groups)
        for shift, drawn, colour in ((0.2, None, BEFORE), (-0.2, units.of_groups(groups), NOW)):
            result = compare(pair, units=drawn, resamples=500, seed=height)
            wrong = result.low > 0
            bar(axes, height + shift, (result.low, result.high), LOST if wrong else colour)
    axes.set_title("Equal models, 30 groups:\nrows drawn (grey), groups drawn (blue)")
    axes.set_xlabel("improvement; red: promoted by mistake")


def of_slices(axes: Axes) -> None:
    """Draw the slices of two equal models, one of which loses by its estimate."""
    random = np.random.default_rng(3)
    y, errors = random.normal(size=ROWS), random.normal(size=(2, ROWS))
    pair = paired(check("rmse", "regression"), y, *(y + errors))
    column = pd.Series(np.arange(ROWS) % 20, name="site")
    slices = judged(by_column(pair, column, Sampling(units.of_rows(ROWS))))
    for height, part in enumerate(sorted(slices, key=lambda part: part.improvement)):
        reach = part.high - part.improvement
        bar(axes, height, (part.improvement - reach, part.high), LOST if part.worse else NOW)
    axes.set_title("Equal models, 20 slices:\nhalf lose by their estimate, none surely")
    axes.set_xlabel("improvement, interval by Holm")


def of_attempts(axes: Axes) -> None:
    """Draw how the interval widens with the attempts on the same rows."""
    random = np.random.default_rng(5)
    y, first, own = random.normal(size=(3, ROWS))
    better = 0.93 * (0.8 * first + 0.6 * own)
    pair = paired(check("rmse", "regression"), y, y + first, y + better)
    for attempt in range(1, 11):
        level = attempts.confidence(0.95, attempt)
        result = compare(pair, confidence=level)
        bar(axes, attempt, (result.low, result.high), NOW)
    axes.invert_yaxis()
    axes.set_title("One challenger, judged as\nattempt 1 to 10 on the same rows")
    axes.set_xlabel("improvement")


def main() -> None:
    """Draw all three beside each other."""
    mpl.rcParams.update({"svg.hashsalt": "gate", "font.size": 9, "axes.titlesize": 10})
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.8), constrained_layout=True)
    for axes, draw in zip(panels, (of_groups, of_slices, of_attempts), strict=True):
        draw(axes)
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks([])
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / "gate.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
