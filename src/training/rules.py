"""The section ``promotion`` of a recipe: what the gate asks of a challenger."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from mlproject.base.options import Option

Name = Annotated[str, StringConstraints(min_length=1)]


class Rules(BaseModel):
    """What a challenger has to show before it may take the champion's place."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    metric: Annotated[Name | None, Option(metavar="NAME")] = Field(
        default=None, description="Metric that decides; by default the recipe's first."
    )
    improvement: float = Field(
        default=0.0,
        ge=0,
        description="The improvement's confidence interval has to lie above this.",
    )
    equivalence: float | None = Field(
        default=None,
        gt=0,
        description="Ask instead whether it is worse by less than this, in the metric's units: for "
        "a model that is smaller or faster.",
    )
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.9999, description="Confidence level of the interval."
    )
    resamples: int = Field(
        default=2000, ge=100, le=100_000, description="Number of bootstrap resamples."
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Seed of the resamples.")
    group_by: Annotated[Name | None, Option(metavar="COLUMN")] = Field(
        default=None,
        description="Column whose equal values are drawn together; by default the split's.",
    )
    time_by: Annotated[Name | None, Option(metavar="COLUMN")] = Field(
        default=None,
        description="Column in whose order rows depend on each other; by default the split's.",
    )
    min_rows: int = Field(default=30, ge=2, description="Smallest number of rows to compare on.")
    floor: float | None = Field(
        default=None,
        description="Value that the metric has to reach, or stay below where less is better.",
    )
    slice_by: Annotated[list[Name], Option(metavar="COLUMN[,COLUMN…]", separator=",")] = Field(
        default_factory=list,
        description="Columns in whose slices the challenger must not be worse.",
    )
    slice_tolerance: float = Field(
        default=0.0,
        ge=0,
        description="How much a slice may surely lose, in the metric's units.",
    )
    slice_rows: int = Field(
        default=30, ge=1, description="Slices of fewer rows are reported, not judged."
    )
    time_factor: float | None = Field(
        default=2.0,
        gt=0,
        description="Longest prediction time per row, as a multiple of the champion's.",
    )

    require_unseen: bool = Field(
        default=False,
        description="Refuse when it is not known what a model was trained on.",
    )

    @model_validator(mode="after")
    def _asks_one_question(self) -> Rules:
        if self.group_by is not None and self.time_by is not None:
            raise ValueError("rows are drawn by 'group_by' or by 'time_by', not by both")
        if self.equivalence is not None and self.improvement:
            raise ValueError("'equivalence' and 'improvement' are two questions; ask one")
        return self
