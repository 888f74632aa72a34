"""What the gate is asked for: a promotion, or a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from mlproject.base.options import Argument, Option, Options, Overrides, Tracking, Trust
from training.rules import Rules

CHAMPION = "champion"

Name = Annotated[str, Argument("Name of the registered model.")]
Data = Annotated[
    str | None,
    Option("Rows to compare on; by default those that the run held out.", metavar="SOURCE"),
]
GivenRules = Annotated[Mapping[str, Any], Overrides(Rules)]


@dataclass(frozen=True)
class PromoteRequest(Options):
    """Move an alias to a version, if it is better."""

    name: Name
    version: Annotated[
        str | None, Option("Version to promote; by default the latest.", metavar="N")
    ] = None
    to: Annotated[str, Option("Alias to move.", metavar="ALIAS")] = CHAMPION
    data: Data = None
    rules: GivenRules = field(default_factory=dict)
    trust: Trust = ()
    tracking: Tracking = None


@dataclass(frozen=True)
class CompareRequest(Options):
    """Compare two versions on rows that the second was not trained on."""

    name: Name
    versions: Annotated[
        Sequence[str],
        Option("Two versions, or @ALIAS for one.", metavar="N,N", separator=","),
    ]
    data: Data = None
    rules: GivenRules = field(default_factory=dict)
    trust: Trust = ()
    tracking: Tracking = None
