"""``ColumnFormat``, as recipes and models keep it; ``column_formats`` finds and applies it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# What both Python and pandas read.
_DIRECTIVES = frozenset("aAbBdfHIjmMpSyYzZ%")
SAMPLE = datetime(2000, 10, 25, 11, 12, 13, 500_000)


class ColumnFormat(BaseModel):
    """How the values of one column are written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["number", "time", "date"] = Field(
        description="What the values are; times of day become seconds since midnight."
    )
    thousands: Literal[",", ".", " ", "'"] | None = Field(None, description="Thousands separator.")
    decimal: Literal[".", ","] = Field(".", description="Decimal point.")
    unit: str | None = Field(
        None,
        description="A currency or % that may stand beside a number.",
        pattern=r"^[^\s0-9.,()+'-]{1,8}$",
    )
    missing: tuple[str, ...] = Field(
        (), description="What marks a missing value, besides empty and NA.", max_length=100
    )
    format: str | None = Field(
        None, description="The strptime format of a date; by default ISO 8601.", max_length=80
    )

    @field_validator("format")
    @classmethod
    def _is_readable(cls, form: str | None) -> str | None:
        if form is not None:
            if odd := set(re.findall("%(.?)", form)) - _DIRECTIVES:
                raise ValueError(f"'%{min(odd)}' is not a directive of a date")
            datetime.strptime(SAMPLE.strftime(form), form)
        return form

    @model_validator(mode="after")
    def _is_unambiguous(self) -> ColumnFormat:
        if self.thousands == self.decimal:
            raise ValueError("thousands and decimal are the same")
        return self
