"""The description of a server, made from the signature of its model."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from mlproject.base.version import __version__
from mlproject.data.schema import Feature, Schema
from mlproject.serving.current import Served

_TYPES: dict[pa.DataType, dict[str, Any]] = {
    pa.bool_(): {"type": "boolean"},
    pa.int32(): {"type": "integer", "format": "int32"},
    pa.int64(): {"type": "integer", "format": "int64"},
    pa.float32(): {"type": "number", "format": "float"},
    pa.float64(): {"type": "number", "format": "double"},
    pa.string(): {"type": "string"},
    pa.timestamp("ns"): {"type": "string", "format": "date-time"},
}


def document(served: Served) -> dict[str, Any]:
    """Return the description as OpenAPI 3.1."""
    schema = served.model.schema
    row = _row(schema)
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": _list({"type": "string"}),
            "index": _list({}),
            "data": _list(_list({})),
        },
    }
    azure = _object("input_data", {"anyOf": [split, _list(row), _list(_list({}))]})
    mlflow = [
        _object("dataframe_split", split),
        _object("dataframe_records", _list(row)),
        _object("instances", {"anyOf": [_list(row), _list(_list({}))]}),
        _object("inputs", {"anyOf": [{"type": "object"}, _list(_list({}))]}),
    ]
    predictions = _list(_prediction(served))
    rejected = {
        "type": "object",
        "properties": {"predictions": predictions, "rejects": _list(_REJECT)},
        "required": ["predictions"],
    }
    example = served.model.example
    return {
        "openapi": "3.1.0",
        "info": {
            "title": served.model.uri,
            "version": served.model.version or "0",
            "description": f"Served by mlproject {__version__}.",
        },
        "paths": {
            "/score": _post(
                "Score rows in the format of Azure ML",
                {"application/json": _content(azure, "input_data", example)},
                {"anyOf": [predictions, rejected]},
            ),
            "/invocations": _post(
                "Score rows in a format of MLflow",
                {
                    "application/json": _content({"oneOf": mlflow}, "dataframe_split", example),
                    "text/csv": {"schema": {"type": "string"}},
                },
                rejected,
            ),
            "/health": {"get": {"summary": "What is served", "responses": {"200": _ANSWERED}}},
        },
    }


_ANSWERED = {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
_REJECT = {
    "type": "object",
    "properties": {
        "row": {"type": "integer", "minimum": 0},
        "column": {"type": ["string", "null"]},
        "reason": {"type": "string"},
        "index": {"description": "What the request calls the row, where it has an index"},
    },
}
_ERROR = {
    "type": "object",
    "properties": {
        "error_code": {"type": "string"},
        "message": {"type": "string"},
        "rejects": {"type": "array", "items": _REJECT},
    },
}


def _row(schema: Schema) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {item.name: _value(item) for item in schema.assumed},
        "required": [item.name for item in schema.assumed if not item.optional],
    }


def _value(feature: Feature) -> dict[str, Any]:
    known = dict(_TYPES.get(feature.type, {}))
    return {"type": ["string", known.pop("type")]} if feature.format is not None else known


def _prediction(served: Served) -> dict[str, Any]:
    columns = served.answerer.scorer.expected
    kinds = {item.name: dict(_TYPES.get(item.type, {})) for item in columns}
    if len(kinds) == 1:
        return next(iter(kinds.values()))
    return {"type": "object", "properties": kinds}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [key], "properties": {key: value}}


def _content(schema: dict[str, Any], key: str, example: Any) -> dict[str, Any]:
    return {"schema": schema} | ({"example": {key: dict(example)}} if example else {})


def _post(summary: str, content: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    error = {"application/json": {"schema": _ERROR}}
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": content},
            "responses": {
                "200": {
                    "description": "A prediction for each row",
                    "content": {"application/json": {"schema": answer}},
                },
                "400": {"description": "No row fits the model's signature", "content": error},
                "415": {"description": "The content type is another", "content": error},
                "413": {"description": "The body is too large", "content": error},
                "504": {"description": "It took too long", "content": error},
            },
        }
    }
