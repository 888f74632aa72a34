"""A sweep: one job for each trial of a search, under a parent that gathers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Option, Options
from mlproject.jobs.words import Words

# Of the service: trials of one sweep.
MOST_TRIALS = 1000
_USUAL_AT_A_TIME = 4


@dataclass(frozen=True)
class SweepOptions(Options):
    """How the candidates of a search are tried."""

    sweep: Annotated[
        bool,
        Option(
            "Try each candidate as a job of its own, under one parent: for searches that keep one "
            "machine busy for hours.",
            in_project=False,
        ),
    ] = False
    max_concurrent_trials: Annotated[
        int | None,
        Option("Trials at a time.", minimum=1, unset="the nodes of the cluster", in_project=False),
    ] = None

    def check(self) -> None:
        if self.max_concurrent_trials and not self.sweep:
            raise ConfigurationError("--max-concurrent-trials is of a sweep", "Give --sweep too")


@dataclass(frozen=True)
class Sweep:
    """What is tried, and by what the trials are compared.

    Attributes
    ----------
    axes : mapping of str to sequence
        Parameter to the values that it takes.
    trials : int
        How many there are: all combinations, or so many of them drawn.
    at_a_time : int or None
        By default as many as the cluster has nodes.
    """

    axes: Mapping[str, Sequence[str | int | float]]
    trials: int
    is_drawn: bool
    seed: int
    metric: str
    goal: str = "maximize"
    at_a_time: int | None = None

    def __post_init__(self) -> None:
        if self.trials > MOST_TRIALS:
            raise ConfigurationError(
                f"The search has {self.trials:,} candidates, and a sweep at most {MOST_TRIALS:,}",
                "Search fewer, draw some at random (search.kind: random), or leave out --sweep",
            )

    @property
    def search_space(self) -> dict[str, list[object]]:
        return {name: ["choice", [list(values)]] for name, values in self.axes.items()}

    @property
    def sampling(self) -> dict[str, object]:
        if self.is_drawn:
            return {"samplingAlgorithmType": "Random", "seed": self.seed, "rule": "random"}
        return {"samplingAlgorithmType": "Grid"}

    def trials_at_a_time(self, nodes: int | None) -> int:
        return min(self.at_a_time or nodes or _USUAL_AT_A_TIME, self.trials)


def of_trial(words: Words, sweep: Sweep) -> Words:
    """Add to a training's command line what the service fills in for each trial."""
    for name in sweep.axes:
        words.line += f" --param '{name}=${{{{search_space.{name}}}}}'"
    return words
