"""JSON Lines files as chunks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json

from mlproject.data.batches import FEATURE, KEPT, Chunk, Plan
from mlproject.data.formats.lines import Blame, Block, Spans, blocks, chunk, spans
from mlproject.data.schema import Feature
from mlproject.data.source import SourceFile
from mlproject.data.types import converted, expected, shown

_OPENING, _CLOSING = b"{}"


def columns(item: SourceFile, *, whole: bool) -> list[str]:
    """Return the keys of the objects in a file, in the order of their appearance.

    Parameters
    ----------
    item : SourceFile
    whole : bool
        Whether to look at the whole file, and not only at its first block.
    """
    found: dict[str, None] = {}
    for block in blocks(item, None):
        rows = spans(block, None)
        for row in range(len(rows)):
            content = _object(block.data[rows.starts[row] : rows.ends[row]])
            if isinstance(content, dict):
                found |= dict.fromkeys(content)
        if not whole:
            break
    return list(found)


def tasks(item: SourceFile, plan: Plan) -> Iterator[Callable[[], Chunk]]:
    """Yield what parses each block of a file; the calls may run in any thread."""
    for block in blocks(item, None):
        yield partial(_parse, item.name, block, plan)


def _parse(name: str, block: Block, plan: Plan) -> Chunk:
    rows = spans(block, None)
    refused: dict[int, Blame] = {}
    fast = block.is_text() and (plan.verbatim or not len(plan.kept))
    if plan.verbatim and any(json.dumps(name).encode() in block.data for name in plan.added):
        fast = False
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
    # Arrow reads objects wherever lines end; with a brace at both ends of each there is one a line.
    data = np.frombuffer(block.data, np.uint8)
    braces = (data[rows.starts] == _OPENING) & (data[rows.ends - 1] == _CLOSING)
    if table.num_rows != len(rows) or not braces.all():
        raise pa.ArrowInvalid("rows are not where they seem to be")
    return table.rename_columns([FEATURE + name for name in table.column_names])


def _careful(block: Block, rows: Spans, plan: Plan) -> tuple[pa.Table, dict[int, Blame]]:
    refused: dict[int, Blame] = {}
    objects: list[dict[str, Any]] = []
    parsed: list[int] = []
    for row in range(len(rows)):
        content = _object(block.data[rows.starts[row] : rows.ends[row]])
        keys = set(content) if plan.verbatim and isinstance(content, dict) else set()
        twice = sorted(plan.added & keys)
        if not isinstance(content, dict):
            refused[row] = (None, content)
        elif twice:
            refused[row] = (twice[0], "scoring adds a value of this name")
        else:
            objects.append(content)
            parsed.append(row)
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
            arrays[KEPT + field.name] = _kept([item.get(field.name) for item in objects], field)
    return pa.table(arrays).filter(pa.array(good)), refused


def _feature(values: list[Any], feature: Feature) -> tuple[Any, list[int]]:
    """Return JSON values as an array, each kind of value converted by itself.

    What becomes of a value must not depend on the kinds of the values beside it.
    """
    if pa.types.is_string(feature.type):
        return pa.array([_text(value) for value in values], pa.string()), []
    places: dict[type, list[int]] = {}
    for place, value in enumerate(values):
        places.setdefault(type(value), []).append(place)
    arrays, bad = [pa.array([], feature.type)], []
    for rows in places.values():
        same = [values[row] for row in rows]
        try:
            found, odd = converted(pa.array(same), feature.type)
        except (pa.ArrowException, OverflowError, TypeError):  # such as a number of 30 digits
            texts = pa.array([_text(value) for value in same], pa.string())
            found, odd = converted(texts, feature.type)
        arrays.append(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)
        bad += [rows[index] for index in odd]
    order = np.argsort([row for rows in places.values() for row in rows], kind="stable")
    return pa.concat_arrays(arrays).take(pa.array(order)), sorted(bad)


def _kept(values: list[Any], field: pa.Field) -> Any:
    if not isinstance(field.type, pa.JsonType):
        return _feature(values, Feature(field.name, field.type))[0]
    texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return pa.ExtensionArray.from_storage(field.type, pa.array(texts, pa.string()))


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
    if not isinstance(content, dict):
        return "it is not a JSON object"
    if "\\u" in (text if isinstance(text, str) else text.decode()):
        try:
            json.dumps(content, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return "it holds half of a surrogate pair, which is no text"
    return content
