"""What the gate is asked for: a promotion, or a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from mlproject.base.errors import ConfigurationError
from mlproject.base.options import Argument, Option, Options, Overrides, Tracking, Trust
from training.rules import Rules

CHAMPION = "champion"

GivenRules = Annotated[Mapping[str, Any], Overrides(Rules)]


@dataclass(frozen=True)
class RowsRequest(Options):
    """Rows to compare on, where they are not those that the run held out."""

    data: Annotated[
        str | None,
        Option(
            "Rows to compare on, new to both models; by default those that the run held out.",
            metavar="SOURCE",
        ),
    ] = None
    target: Annotated[
        str | None,
        Option("Target column, with --data; by default the recipe's.", metavar="COLUMN"),
    ] = None
    labels: Annotated[
        str | None,
        Option("File of labels that arrived later, for rows that were scored.", metavar="FILE"),
    ] = None
    key: Annotated[
        str | None, Option("Column that labels and rows have in common.", metavar="COLUMN")
    ] = None

    def check(self) -> None:
        """Raise ConfigurationError where one option is given without the one that it needs."""
        if (self.labels is None) != (self.key is None):
            raise ConfigurationError("--labels and --key belong together", "Give both, or neither")
        if self.data is None and self.labels is not None:
            raise ConfigurationError(
                "--labels needs the rows that were scored", "Give --data or --predictions"
            )
        if self.data is None and self.target is not None:
            raise ConfigurationError(
                "--target is for rows that are given; those that a run held out have their own",
                "Give --data too, or leave it out",
            )


@dataclass(frozen=True)
class PromoteRequest(Options):
    """Move an alias to a version, if it is better."""

    name: Annotated[str, Argument("Name of the registered model.")]
    version: Annotated[
        str | None, Option("Version to promote; by default the latest.", metavar="N")
    ] = None
    to: Annotated[str, Option("Alias to move.", metavar="ALIAS")] = CHAMPION
    rows: RowsRequest = field(default_factory=RowsRequest)
    rules: GivenRules = field(default_factory=dict)
    override: Annotated[
        str | None,
        Option(
            "Reason for loosening the recipe's rules, or for accepting too few rows; recorded.",
            metavar="REASON",
        ),
    ] = None
    fresh_data: Annotated[bool, Option("Refuse rows that an earlier attempt was judged on.")] = (
        False
    )
    dry_run: Annotated[bool, Option("Print the verdict; record and move nothing.")] = False
    trust: Trust = ()
    tracking: Tracking = None


@dataclass(frozen=True)
class CompareRequest(Options):
    """Compare two models on rows that neither was trained on."""

    models: Annotated[
        Sequence[str],
        Argument(
            "The champion and the challenger: runs:/ID, models:/NAME/VERSION, models:/NAME@ALIAS "
            "or folders; or one name, with --versions.",
        ),
    ] = ()
    versions: Annotated[
        Sequence[str],
        Option("Two versions of one name, or @ALIAS for one.", metavar="N,N", separator=","),
    ] = ()
    predictions: Annotated[
        Sequence[str],
        Option(
            "Predictions of champion and challenger, in place of models; with --labels.",
            metavar="FILE,FILE",
            separator=",",
        ),
    ] = ()
    rows: RowsRequest = field(default_factory=RowsRequest)
    rules: GivenRules = field(default_factory=dict)
    trust: Trust = ()
    tracking: Tracking = None
