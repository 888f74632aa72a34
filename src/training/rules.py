"""The section ``promotion`` of a recipe: what the gate asks of a challenger."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1)]


class Rules(BaseModel):
    """What a challenger has to show before it may take the champion's place."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    metric: Name | None = Field(
        default=None, description="the metric that decides; the recipe's first by default"
    )
    improvement: float = Field(
        default=0.0,
        ge=0,
        description="the lower end of the interval of the improvement must be above this",
    )
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.9999, description="of the improvement's interval"
    )
    resamples: int = Field(default=2000, ge=100, le=100_000, description="bootstrap resamples")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the resamples")
    floor: float | None = Field(
        default=None,
        description="the quality to reach at least; at most, where less of the metric is better",
    )
    slice_by: list[Name] = Field(
        default_factory=list, description="columns in whose slices nothing may be lost"
    )
    slice_tolerance: float = Field(
        default=0.0, ge=0, description="how much worse a slice may be, in the metric's units"
    )
    slice_rows: int = Field(
        default=30, ge=1, description="slices of fewer rows are reported, not judged"
    )
    time_factor: float | None = Field(
        default=2.0, gt=0, description="how many times the champion's time a row is allowed"
    )
