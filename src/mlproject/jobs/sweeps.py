"""A sweep: one job for each trial of a search, under a parent that gathers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlproject.base.errors import ConfigurationError
from mlproject.jobs.words import Words

# Of the service: trials of one sweep.
MOST_TRIALS = 1000
_USUAL_AT_A_TIME = 4


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
