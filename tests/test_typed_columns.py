"""Columns as a model takes them: the same from every format, each value for itself."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlproject.data import reading
from mlproject.data.batches import FEATURE, batched
from mlproject.data.formats.json_lines import from_objects
from mlproject.data.schema import Feature, Schema
from mlproject.data.source import opened
from mlproject.data.table import columns_of
from mlproject.data.types import MISSING, TextRules, Typed, typed

quickly = settings(max_examples=40, deadline=None, derandomize=True)

TYPES = (pa.float64(), pa.float32(), pa.int32(), pa.int64(), pa.bool_(), pa.timestamp("ns"))
MARKERS = st.sampled_from(MISSING.to_pylist())
NUMBERS = st.integers(-(10**20), 10**20).map(str) | st.floats(allow_nan=False).map(repr)
WORDS = st.text("abcxyzöß,; '\"0123456789.-", max_size=8)
DATES = st.datetimes(pd.Timestamp("1700-01-01"), pd.Timestamp("2200-01-01")).map(str)
TEXTS = st.lists(st.none() | MARKERS | NUMBERS | WORDS | DATES | st.sampled_from(["true", "0"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=3,
)


def answers(result: Typed) -> list[tuple[Any, str | None]]:
    """Return what each row of one column became: its value, and the reason if it does not fit."""
    reasons = {misfit.row: misfit.reason for misfit in result.misfits}
    values = result.table.column(0).cast(pa.string()).to_pylist()  # where NaN equals NaN
    return [(value, reasons.get(row)) for row, value in enumerate(values)]


@quickly
@given(TEXTS)
def test_texts_are_the_numbers_that_python_reads(texts: list[str | None]) -> None:
    table = pa.table({"x": pa.array(texts, pa.string())})
    result = typed(table, [Feature("x", pa.float64())])
    misfits = {misfit.row for misfit in result.misfits}

    for row, text in enumerate(texts):
        trimmed = (text or "").strip()
        if trimmed in MISSING.to_pylist():
            expected = None
        else:
            try:
                expected = float(trimmed)
            except ValueError:
                expected = math.nan
        value = result.table["x"][row].as_py()
        assert (row in misfits) == (expected is not None and math.isnan(expected)), text
        assert value == (None if row in misfits else expected), text


@quickly
@given(TEXTS, st.sampled_from(TYPES), st.booleans())
def test_what_becomes_of_a_text_is_up_to_itself(
    texts: list[str | None], kind: pa.DataType, comma: bool
) -> None:
    rules = TextRules(",", ".") if comma else TextRules()
    table = pa.table({"x": pa.array(texts, pa.string())})
    together = typed(table, [Feature("x", kind)], rules)
    alone = [typed(table.slice(row, 1), [Feature("x", kind)], rules) for row in range(len(texts))]

    assert answers(together) == [answer for one in alone for answer in answers(one)]


@quickly
@given(st.lists(JSON), st.sampled_from((*TYPES, pa.string())))
def test_what_becomes_of_a_json_value_is_up_to_itself(values: list[Any], kind: Any) -> None:
    features = [Feature("x", kind)]

    def typed_objects(some: Sequence[Any]) -> Typed:
        return typed(from_objects([{"x": value} for value in some], features), features)

    alone = [answer for value in values for answer in answers(typed_objects([value]))]

    assert answers(typed_objects(values)) == alone


CELLS = st.fixed_dictionaries(
    {
        "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "i": st.none() | st.integers(-(2**53), 2**53),
        "flag": st.none() | st.booleans(),
        "kind": st.none() | st.text("abcö,\" '", min_size=1).filter(str.strip),
        "size": st.none() | st.sampled_from(["1", " 2.5", "NA", "1e3"]) | WORDS.filter(str.strip),
    }
)
SCHEMA = Schema(
    (
        Feature("size", pa.float32()),
        Feature("x", pa.float64()),
        Feature("i", pa.int64()),
        Feature("flag", pa.bool_()),
        Feature("kind", pa.string()),
        Feature("absent", pa.int32(), optional=True),
    )
)


def from_file(path: Path, schema: Schema = SCHEMA) -> tuple[pa.Table, list[tuple[Any, ...]]]:
    """Return the rows that fit, and the others: which, the column, the reason."""
    request = reading.CopyRequest("none", "csv", frozenset(), rejects=False)
    with opened(str(path)) as files:
        source = reading.prepare(files, schema, request)
        batch = next(batched((task() for task in source.tasks()), 1 << 20))
    rejects = [(item.ordinal, item.column, item.reason) for item in batch.rejects]
    return batch.columns(FEATURE).combine_chunks(), rejects


@quickly
@given(st.lists(CELLS, min_size=1))
def test_every_format_gives_the_same(rows: list[dict[str, Any]]) -> None:
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    types = {"x": "float64", "i": "Int64", "flag": "boolean", "kind": "object", "size": "object"}
    frame = pd.DataFrame({name: pd.Series(columns[name], dtype=types[name]) for name in columns})
    result = typed(columns_of(frame, SCHEMA.features), SCHEMA.features)
    expected = (
        result.fitting().combine_chunks(),
        [(misfit.row, misfit.column, misfit.reason) for misfit in result.misfits],
    )
    with TemporaryDirectory() as folder:
        path = Path(folder)
        frame.to_csv(path / "in.csv", index=False)
        frame.to_parquet(path / "in.parquet", index=False)
        (path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))

        for name in ("in.csv", "in.parquet", "in.jsonl"):
            assert from_file(path / name) == expected, name


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_the_work_for_a_column_is_not_up_to_the_number_of_columns(
    tmp_path: Path, ending: str
) -> None:
    compared = 0

    class Name(str):
        """A name that counts with how many others it is compared."""

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    width = 500
    frame = pd.DataFrame(np.ones((2, width)), columns=[f"c{place}" for place in range(width)])
    frame["c7"] = frame["c7"].astype(str)
    frame.loc[1, "c7"] = "x"
    path = tmp_path / f"in.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    elif ending == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    schema = Schema(tuple(Feature(Name(name), pa.float64()) for name in frame.columns))
    table, rejects = from_file(path, schema)

    assert table.num_rows == len(rejects) == 1
    assert compared < 20 * width


def test_a_row_that_is_no_text_and_too_long_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b"size;kind\n1,5;a\n2;h\xf6use;3\n")
    schema = Schema((Feature("size", pa.float64()), Feature("kind", pa.string())))
    table, rejects = from_file(tmp_path / "in.csv", schema)

    assert table.to_pylist() == [{"size": 1.5, "kind": "a"}]
    assert rejects == [(1, None, "it is not UTF-8 text")]
