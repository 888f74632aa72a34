"""The columns that a model takes: their names and Arrow types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from mlproject.base.suggestions import did_you_mean
from mlproject.data.dialects import Dialect, DialectOptions, Hints
from mlproject.data.written import ColumnFormat


@dataclass(frozen=True)
class Feature:
    """One column that a model takes.

    Attributes
    ----------
    optional : bool
        It may be absent from the input.
    format : ColumnFormat or None
        How its values are written in text.
    """

    name: str
    type: pa.DataType
    optional: bool = False
    format: ColumnFormat | None = None

    @property
    def text_type(self) -> pa.DataType:
        """The type that Arrow may parse a text as: text, where it reads less than ``typed``."""
        plain = self.format is None and not pa.types.is_timestamp(self.type)
        return self.type if plain else pa.string()

    @property
    def frame_type(self) -> pa.DataType:
        """The type that the model is given: truth values that may be missing are 1, 0 and NaN."""
        gaps = self.optional and pa.types.is_boolean(self.type)
        return pa.float64() if gaps else self.type


@dataclass(frozen=True)
class Schema:
    """What a model takes.

    Attributes
    ----------
    features : tuple of Feature
        In the model's order; empty for a tensor.
    width : int or None
        The number of columns of a tensor: such a model knows no names.
    type : DataType or None
        The type of a tensor.
    dialect : Dialect or None
        How the CSV files were written that the model was trained on.
    """

    features: tuple[Feature, ...] = ()
    width: int | None = None
    type: pa.DataType | None = None
    dialect: Dialect | None = None

    @property
    def is_tensor(self) -> bool:
        """Whether the model was fitted on an array, without names."""
        return self.width is not None

    @property
    def assumed(self) -> tuple[Feature, ...]:
        """The features of a file without rows, which shows no columns."""
        if self.width is None:
            return self.features
        return tuple(Feature(str(place), self.type) for place in range(self.width))

    def hints(self, options: DialectOptions = DialectOptions()) -> Hints:
        """Return what is known of files that the model is to score."""
        return Hints(options, self.dialect, tuple(feature.name for feature in self.features))

    def matched(self, columns: Sequence[str], where: str) -> tuple[Feature, ...]:
        """Return the features by the names of a file's columns."""
        if self.width is not None:
            if len(columns) != self.width:
                raise DataError(
                    f"{where} has {counted(len(columns), 'column')}, and the model takes "
                    f"{self.width} "
                    "without names",
                    "Give a file with exactly the features, in the order of training",
                )
            return tuple(Feature(name, self.type) for name in columns)
        known = set(columns)
        missing = [f.name for f in self.features if f.name not in known and not f.optional]
        if missing:
            taken = {feature.name for feature in self.features}
            spare = [name for name in columns if name not in taken]
            hint = did_you_mean(missing[0], spare or columns, noun="columns")
            rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise DataError(
                f"No column '{missing[0]}'{rest} in {where}, which the model needs", hint
            )
        return self.features
