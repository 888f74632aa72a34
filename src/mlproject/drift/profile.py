"""What a model was trained on, as counts: kept with the model, and compared with what it scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from mlproject.base.errors import ModelError, one_line
from mlproject.drift import columns
from mlproject.drift.columns import CATEGORIES, Column, kind_of

# A model that takes more has no profile: nobody would read the page.
MOST_FEATURES = 1000
LARGEST = 4 << 20


class Profile(BaseModel):
    """The features of the training rows, and the predictions of rows like those to come.

    Attributes
    ----------
    features : tuple of Column
        In the model's order.
    predictions : tuple of Column
        Of the held-out rows, if there are any; else of the training rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile_version: Literal[1] = 1
    rows: PositiveInt
    features: tuple[Column, ...] = Field(max_length=MOST_FEATURES)
    predicted: Literal["held-out rows", "training rows"]
    predictions: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def _adds_up(self) -> Profile:
        for column in self.features:
            if sum(column.counts) != self.rows:
                raise ValueError(f"the counts of '{column.name}' are not those of its rows")
        return self

    def dumped(self) -> str:
        return self.model_dump_json(exclude_defaults=True)


def of_features(features: pa.Table) -> tuple[Column, ...]:
    """Return the profiles of columns that have the types of the model's schema."""
    return tuple(
        columns.of_values(field.name, features.column(place), kind_of(field.type))
        for place, field in enumerate(features.schema)
    )


def of_predictions(predictions: pa.Table, *, labels: bool) -> tuple[Column, ...]:
    """Return the profiles of what a model answers: labels, or numbers."""
    return tuple(
        columns.of_values(name, predictions[name], CATEGORIES if labels else columns.NUMBERS)
        for name in predictions.column_names
    )


def parsed(data: bytes, features: Sequence[tuple[str, pa.DataType]] | int, model: str) -> Profile:
    """Return the profile that is kept with a model.

    Parameters
    ----------
    features : sequence of (str, DataType), or int
        What the model takes; how many columns, where it knows no names.

    Raises
    ------
    ModelError
        When it is none, or speaks of other features.
    """
    try:
        profile = Profile.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        why = f"{where}: {first['msg']}" if where else first["msg"]
        raise _damaged(model, one_line(why)) from error
    if isinstance(features, int):
        same = len(profile.features) == features
    else:
        own = [(column.name, column.kind) for column in profile.features]
        same = own == [(name, kind_of(kind)) for name, kind in features]
    if not same:
        raise _damaged(model, "it has other features than the model takes")
    return profile


def _damaged(model: str, why: str) -> ModelError:
    return ModelError(
        f"The profile of the model {model} (extra_files/profile.json) is damaged: {why}",
        "Download the model again, or train it again",
    )
