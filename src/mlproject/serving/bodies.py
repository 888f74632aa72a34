"""The formats of requests: rows of JSON as Azure ML and MLflow word them.

https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models-online-endpoints
https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally#json-input
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from mlproject.base.suggestions import nearest
from mlproject.data.schema import Schema

WHERE = "the request"
AZURE_KEY = "input_data"
MLFLOW_KEYS = ("dataframe_split", "dataframe_records", "instances", "inputs")


@dataclass(frozen=True)
class JsonRows:
    """Rows as they came: each has a value for each column.

    Attributes
    ----------
    index : sequence or None
        What the sender calls the rows, one name each.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    index: Sequence[Any] | None = None


def of_azure(body: bytes, schema: Schema) -> JsonRows:
    """Return the rows of ``{"input_data": …}``: split-oriented, records, or rows in order."""
    content = _object(body)
    if AZURE_KEY not in content:
        raise DataError(
            f"The request has no '{AZURE_KEY}'",
            'Send {"input_data": {"columns": […], "index": […], "data": [[…]]}}',
        )
    return _rows(content[AZURE_KEY], AZURE_KEY, schema)


def of_mlflow(body: bytes, schema: Schema) -> JsonRows:
    """Return the rows of a request as ``mlflow models serve`` takes it."""
    content = _object(body)
    keys = [key for key in MLFLOW_KEYS if key in content]
    if len(keys) != 1:
        found = " and ".join(f"'{key}'" for key in keys) or "none of them"
        raise DataError(f"The request should have one of {', '.join(MLFLOW_KEYS)}: it has {found}")
    key, value = keys[0], content[keys[0]]
    if key in ("instances", "inputs") and isinstance(value, dict):
        return _by_column(value, key)
    return _rows(value, key, schema)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise DataError(f"The request is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise DataError("The request is not a JSON object")
    if b"\\u" in body:  # how JSON can hold half of a character, which no text and no file can
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])
            raise DataError(f"The request is not Unicode: it has half of a pair, {half}") from error
    if content.get("params"):
        raise DataError("The request has 'params', and the model takes none", "Leave them out")
    return content


def _rows(value: Any, key: str, schema: Schema) -> JsonRows:
    if isinstance(value, dict):
        return _split(value, key, schema)
    if not isinstance(value, list):
        raise DataError(f"'{key}' is neither an object nor a list")
    if value and isinstance(value[0], dict):
        return _records(value, key, schema)
    return _in_order(value, key, schema)


def _split(value: Mapping[str, Any], key: str, schema: Schema) -> JsonRows:
    data, columns = value.get("data"), value.get("columns")
    if not isinstance(data, list):
        raise DataError(f"'{key}' has no list 'data'")
    return replace(_named(data, columns, key, schema), index=_index(value, len(data), key))


def _index(value: Mapping[str, Any], count: int, key: str) -> list[Any] | None:
    index = value.get("index")
    if index is None:
        return None
    if not isinstance(index, list):
        raise DataError(f"The 'index' of '{key}' is not a list")
    if len(index) != count:
        raise DataError(
            f"The 'index' of '{key}' has {counted(len(index), 'value')} for {counted(count, 'row')}"
        )
    return index


def _named(data: list[Any], columns: Any, key: str, schema: Schema) -> JsonRows:
    if columns is None:
        return _in_order(data, key, schema)
    if not isinstance(columns, list):
        raise DataError(f"The 'columns' of '{key}' are not a list")
    names = tuple(map(str, columns))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"The request has the column '{twice}' more than once")
    return JsonRows(names, _checked(data, len(names), key))


def _in_order(value: list[Any], key: str, schema: Schema) -> JsonRows:
    """Return rows without names, whose values are in the order of the model."""
    names = tuple(feature.name for feature in schema.assumed)
    return JsonRows(names, _checked(value, len(names), key))


def _checked(rows: list[Any], width: int, key: str) -> list[Any]:
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            raise DataError(f"Row {number} of '{key}' is not a list")
        if len(row) != width:
            raise DataError(
                f"Row {number} of '{key}' has {counted(len(row), 'value')}, not {width}"
            )
    return rows


def _records(value: list[Any], key: str, schema: Schema) -> JsonRows:
    """Return objects as rows.

    Raises
    ------
    DataError
        When one lacks what another has and the model needs: it may be misspelt.
    """
    names: dict[str, None] = {}
    for number, record in enumerate(value):
        if not isinstance(record, dict):
            raise DataError(f"Row {number} of '{key}' is not an object")
        names.update(dict.fromkeys(record))
    needed = set(names)
    if not schema.is_tensor:
        needed &= {feature.name for feature in schema.features if not feature.optional}
    for number, record in enumerate(value):
        if not needed <= record.keys():
            lacking = next(name for name in names if name in needed and name not in record)
            near = nearest(lacking, [name for name in record if name not in needed])
            raise DataError(
                f"Row {number} of '{key}' has no '{lacking}', which the model takes",
                f"Did you mean '{near}'?" if near else "Give null where it is missing",
            )
    return JsonRows(tuple(names), [[record.get(name) for name in names] for record in value])


def _by_column(value: Mapping[str, Any], key: str) -> JsonRows:
    """Return lists of values, one for each column, as rows; a value alone is a list of one."""
    columns = [item if isinstance(item, list) else [item] for item in value.values()]
    lengths = {name: len(column) for name, column in zip(value, columns, strict=True)}
    if len(set(lengths.values())) > 1:
        (first, many), *rest = lengths.items()
        other, count = next(item for item in rest if item[1] != many)
        values = counted(many, "value")
        raise DataError(f"'{key}' has {values} of '{first}', and {count} of '{other}'")
    return JsonRows(tuple(value), list(map(list, zip(*columns, strict=True))))
