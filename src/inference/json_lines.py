"""JSON Lines files as chunks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from inference.casting import converted, expected, shown
from inference.chunks import FEATURE, KEPT, Chunk, Plan
from inference.lines import Blame, Block, Spans, blocks, chunk, spans
from inference.schema import Feature
from mlproject.data.source import SourceFile


def columns(item: SourceFile) -> list[str]:
    """Return the keys of the objects in a file's first block, in the order of their appearance."""
    first = next(blocks(item, None), None)
    found: dict[str, None] = {}
    if first is not None:
        rows = spans(first, None)
        for row in range(len(rows)):
            content = _object(rows.text(first, row))
            if isinstance(content, dict):
                found |= dict.fromkeys(content)
    return list(found)


def tasks(item: SourceFile, plan: Plan) -> Iterator[Callable[[], Chunk]]:
    """Yield what parses each block of a file; the calls may run in any thread."""
    for block in blocks(item, None):
        yield partial(_parse, item.name, block, plan)


def _parse(name: str, block: Block, plan: Plan) -> Chunk:
    rows = spans(block, None)
    refused: dict[int, Blame] = {}
    fast = block.is_text() and (plan.verbatim or not len(plan.kept))
    try:
        if not fast or not len(rows):
            raise pa.ArrowInvalid("kept values need a careful look")
        table = _fast(block, rows, plan)
    except (pa.ArrowException, UnicodeDecodeError):
        table, refused = _careful(block, rows, plan)
    return chunk(name, block, rows, table, refused, raw=plan.raw)


def _fast(block: Block, rows: Spans, plan: Plan) -> pa.Table:
    table = pyarrow.json.read_json(
        pa.BufferReader(block.data),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=pa.schema([(f.name, f.type) for f in plan.features]),
            unexpected_field_behavior="ignore",
        ),
    )
    if table.num_rows != len(rows):
        raise pa.ArrowInvalid("rows are not where they seem to be")
    return table.rename_columns([FEATURE + name for name in table.column_names])


def _careful(block: Block, rows: Spans, plan: Plan) -> tuple[pa.Table, dict[int, Blame]]:
    refused: dict[int, Blame] = {}
    objects: list[dict[str, Any]] = []
    parsed: list[int] = []
    for row in range(len(rows)):
        content = _object(block.data[rows.starts[row] : rows.ends[row]])
        if isinstance(content, dict):
            objects.append(content)
            parsed.append(row)
        else:
            refused[row] = (None, content)
    good = np.ones(len(objects), bool)
    arrays: dict[str, Any] = {}
    for feature in plan.features:
        values, bad = _feature([item.get(feature.name) for item in objects], feature)
        arrays[FEATURE + feature.name] = values
        for index in bad:
            why = f"{shown(objects[index][feature.name])} is not {expected(feature.type)}"
            refused.setdefault(parsed[index], (feature.name, why))
            good[index] = False
    if not plan.verbatim:
        for field in plan.kept:
            raw = [item.get(field.name) for item in objects]
            values, _ = _feature(raw, Feature(field.name, field.type))
            arrays[KEPT + field.name] = values
    return pa.table(arrays).filter(pa.array(good)), refused


def _feature(values: list[Any], feature: Feature) -> tuple[Any, list[int]]:
    """Return JSON values as an array, by way of text where they are of several kinds."""
    if pa.types.is_string(feature.type):
        return pa.array([_text(value) for value in values], pa.string()), []
    try:
        return converted(pa.array(values), feature.type)
    except (pa.ArrowException, OverflowError, TypeError):
        return converted(pa.array([_text(value) for value in values], pa.string()), feature.type)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _object(text: str | bytes) -> dict[str, Any] | str:
    """Return the object that a line holds, or what is wrong with it."""
    try:
        content = json.loads(text)
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    return content if isinstance(content, dict) else "it is not a JSON object"
