"""Which runs are to be listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Option, Options, Tracking


@dataclass(frozen=True)
class ListRequest(Options):
    """Which runs are wanted; None is not given."""

    experiment: Annotated[
        Sequence[str],
        Option("Experiment.", metavar="NAME", unset="MLflow's current one, or all"),
    ] = ()
    kind: Annotated[
        Literal["train", "score", "registry", "other"] | None,
        Option("Kind of the runs.", unset="all but the records of a registry"),
    ] = None
    recipe: Annotated[str | None, Option("Recipe that was trained.", metavar="NAME")] = None
    status: Annotated[
        Literal["running", "scheduled", "finished", "failed", "killed"] | None,
        Option("Status of the runs."),
    ] = None
    filter: Annotated[
        str | None,
        Option("Filter in MLflow's syntax, such as metrics.rmse < 60.", metavar="FILTER"),
    ] = None
    metric: Annotated[
        str | None,
        Option("Metric to sort by, the best first.", metavar="NAME", unset="the newest first"),
    ] = None
    goal: Annotated[
        Literal["maximize", "minimize"] | None,
        Option("Direction in which the metric is better.", unset="that of the metric"),
    ] = None
    children: Annotated[
        str | None, Option("Run whose children are listed.", metavar="RUN", unset="no children")
    ] = None
    most: Annotated[int, Option("How many to list.", minimum=1)] = 20
    tracking: Tracking = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind is not None and self.children is not None:
            raise ConfigurationError(
                "--kind does not go with --children, which are all of one kind", "Leave out one"
            )
        if self.goal is not None and self.metric is None:
            raise ConfigurationError("--goal is for --metric", "Give --metric too")
