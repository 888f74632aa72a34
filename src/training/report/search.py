"""Plots of a search: what each axis did to the score, and what the score costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlproject.base.counting import counted
from mlproject.pages.drawing import BLUE, GREY, ORANGE, Drawing, plain, sheet

Array = NDArray[Any]
_MOST_AXES = 6
_MOST_CELLS = 30
# Values that span more than that are drawn on a scale of powers of ten.
_WIDE = 50
_LONGEST_LABEL = 24


class _Absent:
    """In the place of a parameter that a candidate does not have."""

    def __str__(self) -> str:
        return ""


ABSENT = _Absent()


@dataclass(frozen=True)
class Candidates:
    """What a search has tried.

    Attributes
    ----------
    metric : str
        The one that chose, with its natural sign in ``scores``.
    axes : mapping of str to sequence
        Of each searched parameter, the value of each candidate; ``ABSENT`` where it is of another
        grid, which does not search it.
    scores, spreads, seconds : array of shape (n_candidates,)
        Mean and standard deviation over the folds, and the mean time of a fit.
    greater : bool
        Whether greater is better.
    best : int
    """

    metric: str
    axes: Mapping[str, Sequence[Any]]
    scores: Array
    spreads: Array
    seconds: Array
    greater: bool
    best: int


def along(found: Candidates) -> tuple[list[str], Iterator[Drawing]]:
    """Return a plot for each of the first axes, and what they will be called."""
    varied = list(_varied(found).items())[:_MOST_AXES]
    drawings = (_along(found, *axis, number) for number, axis in enumerate(varied))
    return [f"search-{number + 1}" for number in range(len(varied))], drawings


def heat(found: Candidates) -> Iterator[Drawing]:
    """Yield the map of two axes, where there are two, and it has enough of their pairs."""
    varied = _varied(found)
    drawing = _heat(found, varied) if len(varied) == 2 else None
    if drawing is not None:
        yield drawing


def cost(found: Candidates) -> Iterator[Drawing]:
    """Yield the score against the time, where there are candidates to compare."""
    if len(found.scores) > 1:
        yield _cost(found)


def _varied(found: Candidates) -> dict[str, Sequence[Any]]:
    return {name: values for name, values in found.axes.items() if len(_levels(values)) > 1}


def _along(found: Candidates, name: str, values: Sequence[Any], number: int) -> Drawing:
    """Draw the best score at each value of an axis, and all others faintly."""
    having = np.array([n for n, value in enumerate(values) if value is not ABSENT])
    levels, scores = _levels(values), found.scores[having]
    numeric = all(is_number(level) for level in levels)
    if numeric:
        levels = sorted(levels)
    places = np.array([levels.index(_key(values[n])) for n in having])
    x = (
        np.array([float(level) for level in levels])
        if numeric
        else np.arange(len(levels), dtype=float)
    )
    best = [_best(found, having[places == place]) for place in range(len(levels))]
    drawn_at = [place for place, candidate in enumerate(best) if candidate is not None]
    chosen = np.array([best[place] for place in drawn_at], dtype=int)
    with sheet(f"search-{number + 1}", f"{found.metric} over {name}") as drawn:
        axes = drawn.axes
        if numeric and x.min() > 0 and x.max() / x.min() >= _WIDE:
            axes.set_xscale("log")
        axes.scatter(x[places], scores, color=GREY, alpha=0.5, s=20, edgecolors="none")
        at, score, spread = x[drawn_at], found.scores[chosen], found.spreads[chosen]
        if numeric:
            axes.plot(at, score, "o-", color=BLUE, markersize=4)
            axes.fill_between(
                at, score - spread, score + spread, color=BLUE, alpha=0.18, linewidth=0
            )
        else:
            axes.errorbar(at, score, yerr=spread, fmt="o", color=BLUE, capsize=4)
            axes.set_xticks(
                x, [plain(_label(level)) for level in levels], rotation=20 if len(x) > 4 else 0
            )
        for place in places[having == found.best]:
            axes.plot(x[place], found.scores[found.best], "*", color=ORANGE, markersize=13)
        axes.set(xlabel=plain(name), ylabel=f"{plain(found.metric)}, mean of the folds")
        axes.grid(visible=True)
        return drawn.drawing(
            f"{found.metric} of the best candidate at each of {len(levels)} values of {name}, with "
            f"the standard deviation over the folds. {_winner(name, values[found.best])}"
        )


def _winner(name: str, value: Any) -> str:
    if value is ABSENT:
        return "The winner is of another grid."
    return f"The star is the winner, {name} = {_label(_key(value))}."


def _heat(found: Candidates, varied: Mapping[str, Sequence[Any]]) -> Drawing | None:
    (across, columns), (down, rows) = varied.items()
    x, y = _ordered(_levels(columns)), _ordered(_levels(rows))
    if max(len(x), len(y)) > _MOST_CELLS or min(len(x), len(y)) < 2:
        return None
    grid = np.full((len(y), len(x)), np.nan)
    for column, row, score in zip(columns, rows, found.scores, strict=True):
        if column is ABSENT or row is ABSENT:
            continue
        grid[y.index(_key(row)), x.index(_key(column))] = score
    if np.isnan(grid).mean() > 1 / 2:  # drawn at random: hardly two in one row
        return None
    with sheet("search-heat", f"{found.metric} over {across} and {down}") as drawn:
        axes = drawn.axes
        image = axes.imshow(grid, cmap="cividis" if found.greater else "cividis_r", aspect="auto")
        axes.set_xticks(range(len(x)), [plain(_label(level)) for level in x], rotation=30)
        axes.set_yticks(range(len(y)), [plain(_label(level)) for level in y])
        axes.set(xlabel=plain(across), ylabel=plain(down))
        drawn.figure.colorbar(image, ax=axes, label=plain(found.metric))
        return drawn.drawing(
            f"{found.metric} for each pair of {across} and {down}; the lighter, the better."
        )


def _cost(found: Candidates) -> Drawing:
    with sheet("search-cost", f"{found.metric} against the time of a fit") as drawn:
        axes = drawn.axes
        seconds = np.maximum(found.seconds, 1e-6)
        if seconds.max() / seconds.min() >= _WIDE:
            axes.set_xscale("log")
        axes.scatter(seconds, found.scores, color=BLUE, s=30, edgecolors="none", alpha=0.7)
        axes.plot(seconds[found.best], found.scores[found.best], "*", color=ORANGE, markersize=13)
        axes.set(xlabel="Seconds per fit", ylabel=f"{plain(found.metric)}, mean of the folds")
        axes.grid(visible=True)
        return drawn.drawing(
            f"A point for each of {counted(len(found.scores), 'candidate')}: its "
            f"{found.metric} against the "
            "mean time of a fit. The star is the winner."
        )


def _best(found: Candidates, candidates: Array) -> int | None:
    scored = [int(number) for number in candidates if np.isfinite(found.scores[number])]
    if not scored:
        return None
    sign = 1 if found.greater else -1
    return max(scored, key=lambda number: sign * found.scores[number])


def _levels(values: Sequence[Any]) -> list[Any]:
    return list(dict.fromkeys(_key(value) for value in values if value is not ABSENT))


def _ordered(levels: list[Any]) -> list[Any]:
    return sorted(levels) if all(is_number(level) for level in levels) else levels


def _key(value: Any) -> Any:
    """Return a value as something that can be compared: a number as it is, the rest as text."""
    return float(value) if is_number(value) else str(value)


def is_number(value: Any) -> bool:
    """Whether a value of an axis stands on a scale; truth values do not."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))


def _label(level: Any) -> str:
    text = f"{level:g}" if is_number(level) else str(level).partition("(")[0]
    return text if len(text) <= _LONGEST_LABEL else f"{text[:_LONGEST_LABEL]}…"
