"""A model's signature, as MLmodel has it, as the columns that the model takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mlproject.base.errors import ModelError
from mlproject.data.schema import Feature, Schema

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


def from_mlmodel(signature: Mapping[str, Any], name: str) -> Schema:
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
