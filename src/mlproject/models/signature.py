"""A model's signature and metadata, as MLmodel has them, as what the model takes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from mlproject.base.counting import counted
from mlproject.base.errors import ModelError
from mlproject.base.validation import problems
from mlproject.data.column_formats import arrow_type
from mlproject.data.dialects import Dialect
from mlproject.data.schema import Feature, Schema
from mlproject.data.written import ColumnFormat

# Where the metadata of MLmodel keeps how columns, and CSV files, are written: texts of JSON.
FORMATS = "mlproject.formats"
DIALECT = "mlproject.dialect"

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
_DIALECT = TypeAdapter(Dialect)
# A row of them is made, and a file read into so many, before the model says that it has others.
_MOST_COLUMNS = 100_000
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
            rows, width = spec["shape"]
            if type(rows) is not int or type(width) is not int or width < 1:
                raise ValueError("not the shape of a table")
            _check_width(width, name)
            return Schema(width=width, type=pa.from_numpy_dtype(spec["dtype"]))
        _check_width(len(entries), name)
        schema = Schema(tuple(_feature(entry, name) for entry in entries))
    except _UNUSABLE as error:
        raise ModelError(
            f"The signature of the model {name} cannot be used: {text[:_LONGEST_SHOWN]}"
        ) from error
    counts = Counter(feature.name for feature in schema.features)
    twice = next((column for column, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ModelError(f"The signature of the model {name} has two columns '{twice}'")
    return schema


def check_width(schema: Schema, estimator: Any, name: str) -> None:
    """Refuse a signature of an array of another width than the estimator was fitted on.

    Of columns with names an estimator may leave some out.
    """
    known = getattr(estimator, "n_features_in_", None)
    if schema.width is not None and isinstance(known, (int, np.integer)) and known != schema.width:
        raise ModelError(
            f"The model {name} takes {counted(int(known), 'value', ',')} a row, and its "
            f"signature says {schema.width:,}",
            "Log it again with signature=mlflow.models.infer_signature(X, y)",
        )


def _check_width(width: int, name: str) -> None:
    if width > _MOST_COLUMNS:
        raise ModelError(
            f"The signature of the model {name} has {counted(width, 'column', ',')}, and a "
            "model can have "
            f"{_MOST_COLUMNS:,}"
        )


def formats_metadata(formats: Mapping[str, ColumnFormat]) -> dict[str, str]:
    """Return what ``log_model(metadata=…)`` takes for a model to know how columns are written."""
    if not formats:
        return {}
    content = {name: item.model_dump(exclude_defaults=True) for name, item in formats.items()}
    return {FORMATS: json.dumps(content, ensure_ascii=False)}


def dialect_metadata(dialect: Dialect | None) -> dict[str, str]:
    """Return what ``log_model(metadata=…)`` takes for a model to know how its files are written."""
    return {} if dialect is None else {DIALECT: json.dumps(asdict(dialect))}


def with_metadata(schema: Schema, metadata: Mapping[str, Any], name: str) -> Schema:
    """Return a schema whose columns and files are written as the metadata of MLmodel says."""
    return _with_dialect(_with_formats(schema, metadata, name), metadata, name)


def _with_dialect(schema: Schema, metadata: Mapping[str, Any], name: str) -> Schema:
    text = metadata.get(DIALECT)
    if text is None:
        return schema
    try:
        content = json.loads(text) if isinstance(text, str) else text
        return replace(schema, dialect=_DIALECT.validate_python(content))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, DIALECT, text) from error


def _damaged(name: str, key: str, text: Any) -> ModelError:
    shown = str(text)[:_LONGEST_SHOWN]
    return ModelError(f"The model {name} is damaged: its metadata '{key}' is {shown}")


def _with_formats(schema: Schema, metadata: Mapping[str, Any], name: str) -> Schema:
    text = metadata.get(FORMATS)
    if text is None:
        return schema
    try:
        content = json.loads(text) if isinstance(text, str) else text
        formats = {key: ColumnFormat.model_validate(value) for key, value in content.items()}
    except ValidationError as error:
        problem = problems(error, ColumnFormat, f"The metadata '{FORMATS}'")
        raise ModelError(f"The model {name} is damaged: {problem}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(name, FORMATS, text) from error
    for feature in schema.features:
        item = formats.get(feature.name)
        if item is not None and feature.type != arrow_type(item):
            raise ModelError(
                f"The model {name} is damaged: it takes '{feature.name}' as {feature.type}, "
                f"and reads it as a {item.type}"
            )
    features = [replace(feature, format=formats.get(feature.name)) for feature in schema.features]
    return replace(schema, features=tuple(features))


def _feature(entry: Mapping[str, Any], name: str) -> Feature:
    if entry["type"] not in _TYPES:
        raise ModelError(
            f"The model {name} takes '{entry['name']}' of type {entry['type']}, "
            "which no column of a file has"
        )
    return Feature(str(entry["name"]), _TYPES[entry["type"]], not entry.get("required", True))
