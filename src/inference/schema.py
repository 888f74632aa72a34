"""The columns that a model takes: their names and Arrow types, from its signature."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mlproject.errors import DataError, ModelError
from mlproject.names import did_you_mean

# MLflow's column types (mlflow.types.DataType) as Arrow has them.
_TYPES = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "datetime": pa.timestamp("ns"),
}


_LONGEST_SHOWN = 300
_UNUSABLE = (
    *(ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError),
    pa.ArrowException,
)


@dataclass(frozen=True)
class Feature:
    """One column that a model takes; an optional one may be absent from the input."""

    name: str
    type: pa.DataType
    optional: bool = False


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
    """

    features: tuple[Feature, ...] = ()
    width: int | None = None
    type: pa.DataType | None = None

    @property
    def is_tensor(self) -> bool:
        """Whether the model was fitted on an array, without names."""
        return self.width is not None

    def matched(self, columns: Sequence[str], where: str) -> tuple[Feature, ...]:
        """Return the features by the names of a file's columns.

        Raises
        ------
        DataError
            When columns are missing; the message has the nearest names.
        """
        if self.width is not None:
            if len(columns) != self.width:
                raise DataError(
                    f"{where} has {len(columns)} columns, and the model takes {self.width} "
                    "without names",
                    "Give a file with exactly the features, in the order of training",
                )
            return tuple(Feature(name, self.type) for name in columns)
        known = set(columns)
        missing = [f.name for f in self.features if f.name not in known and not f.optional]
        if missing:
            spare = [name for name in columns if name not in {f.name for f in self.features}]
            hint = did_you_mean(missing[0], spare or columns, noun="columns")
            rest = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
            raise DataError(
                f"No column '{missing[0]}'{rest} in {where}, which the model takes", hint
            )
        return self.features


def from_mlmodel(signature: Mapping[str, Any], name: str) -> Schema:
    """Return the schema of a signature as MLmodel has it.

    Raises
    ------
    ModelError
        When there is no signature, or it holds types that no file column has.
    """
    text = signature.get("inputs")
    if not text:
        raise ModelError(
            f"The model {name} has no signature, so the columns that it takes are unknown",
            "Add one with mlflow.models.set_signature, or log it with signature=",
        )
    try:
        entries = json.loads(text)
        json.dumps(entries, ensure_ascii=False).encode()  # a name may be no text at all
        if not entries or not isinstance(entries, list):
            raise ValueError("no columns")
        if len(entries) == 1 and entries[0]["type"] == "tensor" and not entries[0].get("name"):
            spec = entries[0]["tensor-spec"]
            _, width = spec["shape"]
            return Schema(width=int(width), type=pa.from_numpy_dtype(spec["dtype"]))
        return Schema(tuple(_feature(entry, name) for entry in entries))
    except _UNUSABLE as error:
        raise ModelError(
            f"The signature of the model {name} cannot be used: {text[:_LONGEST_SHOWN]}"
        ) from error


def _feature(entry: Mapping[str, Any], name: str) -> Feature:
    if entry["type"] not in _TYPES:
        raise ModelError(
            f"The model {name} takes '{entry['name']}' of type {entry['type']}, "
            "which no column of a file has"
        )
    return Feature(str(entry["name"]), _TYPES[entry["type"]], not entry.get("required", True))
