"""Sources of any shape, models that take them, and what scikit-learn makes of the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from tests.conftest import saved

TEXTS = ["red", "green", '5" pipe', "a,b", "one\ntwo", 'say "no"', "x;y", "é", " wide "]
# What an unquoted value may not hold, or begin with.
PLAIN = {"red", "green", '5" pipe', "é"}
NUMBERS = [0.0, -1.5, 3.0, 2.5e-7, 123456.789, 1e12, 0.1, -0.0]
WIDE = [f"w{number}" for number in range(200)]
# Columns that no model takes: whole numbers, codes, free text, and a type that changes late.
MORE = ["id", "code", "note", "late"]


@dataclass(frozen=True)
class Model:
    """A fitted pipeline, where it is saved, and which features may be missing."""

    path: Path
    estimator: Any = field(repr=False)
    features: list[str] = field(repr=False)
    gaps: frozenset[str] = field(repr=False)


def values_of(name: str, rows: int, random: np.random.Generator) -> list[Any]:
    if name == "n":
        return random.integers(-5, 50, rows).tolist()
    if name == "b":
        return (random.random(rows) < 0.5).tolist()
    if name == "t":
        return [TEXTS[place] for place in random.integers(0, len(TEXTS), rows)]
    if name == "id":
        return list(range(1, rows + 1))
    if name == "code":
        return [f"{number:05d}" for number in random.integers(0, 9999, rows)]
    if name == "note":
        return [TEXTS[place] for place in random.integers(0, len(TEXTS), rows)]
    if name == "late":
        return [str(number) for number in range(rows - 1)] + ["no number"][:rows]
    odd = random.integers(0, len(NUMBERS), rows)
    noise = random.normal(size=rows).tolist()
    few = random.random(rows) < 0.2
    return [NUMBERS[odd[row]] if few[row] else noise[row] for row in range(rows)]


def models(folder: Path) -> list[Model]:
    """Fit and save pipelines whose features are of all kinds."""
    random = np.random.default_rng(0)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        OneHotEncoder(handle_unknown="ignore"),
    )
    pipelines: list[tuple[Any, list[str], set[str], bool]] = [
        (make_pipeline(SimpleImputer(), StandardScaler(), Ridge()), ["x", "y"], {"x", "y"}, False),
        (make_pipeline(StandardScaler(), LogisticRegression()), ["y", "x"], set(), True),
        (DecisionTreeRegressor(max_depth=6), ["x", "n", "b"], {"x", "n"}, False),
        (
            make_pipeline(
                make_column_transformer((numbers, ["x", "n"]), (texts, ["t"])),
                Ridge(),
            ),
            ["t", "x", "n"],
            {"t", "x", "n"},
            False,
        ),
        (
            make_pipeline(
                make_column_transformer((texts, ["t"]), (SimpleImputer(), ["y", "b"])),
                RandomForestClassifier(4, max_depth=5, random_state=0),
            ),
            ["t", "y", "b"],
            {"t", "y"},
            True,
        ),
        (make_pipeline(SimpleImputer(), Ridge()), WIDE, set(WIDE), False),
    ]
    made = []
    for number, (estimator, features, gaps, is_class) in enumerate(pipelines):
        X = pd.DataFrame({name: values_of(name, 300, random) for name in features})
        y = random.normal(size=300)
        for name in features[:3]:
            if name in ("x", "y", "n", "w0"):
                y = y + np.clip(X[name].to_numpy(float), -9, 9)
        labels = np.where(y > np.median(y), "high", "low")
        estimator.fit(X, labels if is_class else y)
        path = saved(folder / f"model-{number}", estimator, X)
        made.append(Model(path, estimator, features, frozenset(gaps)))
    return made


@dataclass(frozen=True)
class Shape:
    """What a source looks like, and what is asked for."""

    model: int
    seed: int
    files: tuple[int, ...]
    format: str
    parts: int
    output: str
    keep: str
    bad: float
    gaps: float
    compressed: bool
    delimiter: str
    line_break: str
    encoding: str
    quoting: float
    blank_lines: bool
    last_break: bool
    group_rows: int
    proba: bool


FORMATS = st.sampled_from(["csv", "csv", "parquet", "jsonl"])
OUTPUTS = st.sampled_from(["out.csv", "out.parquet", "out.jsonl", "csv/", "parquet/", "jsonl/"])
# Of the source: many parts of few rows, down to one row each.
PARTS = st.sampled_from([1, 2, 3, 5, 8, 13, 40])
ROWS = st.integers(0, 40) | st.sampled_from([0, 1, 2, 80])

shapes = st.builds(
    Shape,
    model=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
    files=st.lists(ROWS, min_size=1, max_size=3).map(tuple),
    format=FORMATS,
    parts=PARTS,
    output=OUTPUTS,
    keep=st.sampled_from(["all", "all", "none", "some"]),
    bad=st.sampled_from([0.0, 0.0, 0.1, 0.9]),
    gaps=st.sampled_from([0.0, 0.1, 0.9]),
    compressed=st.integers(0, 7).map(lambda number: number == 7),
    delimiter=st.sampled_from([",", ",", ";", "\t"]),
    line_break=st.sampled_from(["\n", "\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    quoting=st.sampled_from([0.0, 0.3, 1.0]),
    blank_lines=st.booleans(),
    last_break=st.booleans(),
    group_rows=st.sampled_from([1, 3, 17, 1000]),
    proba=st.booleans(),
)


@dataclass
class Source:
    """Written files, and the rows that they hold.

    Attributes
    ----------
    frame : DataFrame
        The rows that can be scored, as they were meant.
    rejects : list of (str, int)
        The file and the line of each row that cannot.
    """

    path: Path
    frame: pd.DataFrame
    rejects: list[tuple[str, int]] = field(default_factory=list)


def written(shape: Shape, model: Model, folder: Path) -> Source:
    """Write a source of a shape."""
    random = np.random.default_rng(shape.seed)
    columns = [str(name) for name in random.permutation([*model.features, *MORE])]
    total = sum(shape.files)
    frame = pd.DataFrame({n: pd.Series(values_of(n, total, random), dtype=object) for n in columns})
    for name in model.gaps:
        frame.loc[random.random(total) < shape.gaps * 0.3, name] = None
    frame.loc[random.random(total) < shape.gaps * 0.3, "note"] = None
    bad = random.random(total) < shape.bad
    source = Source(folder / "in", frame[~bad].reset_index(drop=True))
    source.path.mkdir()
    first = 0
    for number, rows in enumerate(shape.files):
        ending = f"{shape.format}.gz" if shape.compressed else shape.format
        path = source.path / f"file-{number}.{ending}"
        some = slice(first, first + rows)
        write = {"csv": _csv, "jsonl": _json_lines, "parquet": _parquet}[shape.format]
        data, lines = write(frame.iloc[some], bad[some], shape, model, random)
        path.write_bytes(gzip.compress(data) if shape.compressed else data)
        places = np.flatnonzero(bad[some]).tolist()
        source.rejects += [(str(path), lines[place]) for place in places]
        first += rows
    return source


def _csv(  # noqa: C901 - one writer of all shapes
    frame: pd.DataFrame, bad: Any, shape: Shape, model: Model, random: np.random.Generator
) -> tuple[bytes, list[int]]:
    comma = shape.delimiter == ";"
    number_of_lines, text, lines = 1, [], []

    def cell(value: Any) -> str:
        if value is None:
            return random.choice(["", "NA", '""']) if shape.quoting else ""
        if isinstance(value, float):
            value = repr(value).replace(".", ",") if comma else repr(value)
        elif not isinstance(value, str):
            value = str(value)
        plain = value in PLAIN or not set(value) & set('",;\t\r\n ')
        if plain and random.random() >= shape.quoting:
            return str(value)
        return '"' + value.replace('"', '""') + '"'

    def row(cells: list[str]) -> None:
        nonlocal number_of_lines
        line = shape.delimiter.join(cells)
        text.append(line)
        number_of_lines += line.count("\n") + 1

    row([cell(name) for name in frame.columns])
    for values, is_bad in zip(frame.itertuples(index=False), bad, strict=True):
        if shape.blank_lines and random.random() < 0.1:
            row([""])
        lines.append(number_of_lines)
        cells = [cell(value) for value in values]
        if is_bad:
            numeric = [name for name in model.features if name != "t"]
            if random.random() < 0.5:
                cells.append("one more")
            else:
                cells[list(frame.columns).index(str(random.choice(numeric)))] = "no number"
        row(cells)
    end = shape.line_break if shape.last_break else ""
    # Line breaks in quotes stay as they are.
    joined = shape.line_break.join(text) + end
    return joined.encode(shape.encoding), lines


def _json_lines(
    frame: pd.DataFrame, bad: Any, shape: Shape, model: Model, random: np.random.Generator
) -> tuple[bytes, list[int]]:
    text, lines = [], []
    for values, is_bad in zip(frame.itertuples(index=False), bad, strict=True):
        if shape.blank_lines and random.random() < 0.1:
            text.append("")
        lines.append(len(text) + 1)
        content = dict(zip(frame.columns, values, strict=True))
        if random.random() < shape.quoting * 0.3:
            content = {name: value for name, value in content.items() if value is not None}
        line = json.dumps(content, ensure_ascii=bool(random.random() < 0.5))
        if is_bad:
            numeric = next(name for name in model.features if name != "t")
            wrong = json.dumps(content | {numeric: "no number"})
            line = wrong if random.random() < 0.5 else str(random.choice([line[:-1], "7", "[]"]))
        text.append(line)
    end = shape.line_break if shape.last_break and text else ""
    return (shape.line_break.join(text) + end).encode(), lines


def _parquet(
    frame: pd.DataFrame, bad: Any, shape: Shape, model: Model, random: np.random.Generator
) -> tuple[bytes, list[int]]:
    kinds = {"n": pa.int64(), "b": pa.bool_(), "id": pa.int32()}
    texts = dict.fromkeys(["t", "code", "note", "late"], pa.string())
    columns = {}
    for name in frame.columns:
        values = frame[name].tolist()
        kind = kinds.get(name) or texts.get(name, pa.float64())
        # A number that is none: text, of which the others are numbers. What is kept has one type.
        texts_of_numbers = bad.any() if shape.keep == "none" else shape.bad
        if name == next(name for name in model.features if name != "t") and texts_of_numbers:
            kind = pa.string()
            values = [None if value is None else repr(value) for value in values]
            values = ["no number" if b else v for v, b in zip(values, bad, strict=True)]
        columns[name] = pa.array(values, kind)
    data = io.BytesIO()
    pq.write_table(pa.table(columns), data, row_group_size=shape.group_rows)
    return data.getvalue(), list(range(1, len(frame) + 1))


def expected(shape: Shape, model: Model, source: Source) -> pd.DataFrame:
    """Return what scikit-learn makes of the rows that can be scored."""
    frame = source.frame[model.features].copy()
    for name in model.features:
        if name == "b":
            frame[name] = frame[name].astype(bool)
        elif name == "t":
            frame[name] = frame[name].fillna(np.nan)
        else:
            frame[name] = frame[name].astype(float)
    if not len(frame):
        return pd.DataFrame({"prediction": []})
    answers = {"prediction": model.estimator.predict(frame)}
    if is_proba(shape, model):
        chances = model.estimator.predict_proba(frame)
        named = enumerate(model.estimator.classes_)
        answers |= {f"probability_{label}": chances[:, number] for number, label in named}
    return pd.DataFrame(answers)


def is_proba(shape: Shape, model: Model) -> bool:
    return shape.proba and hasattr(model.estimator, "predict_proba")


def kept_of(shape: Shape, source: Source, model: Model) -> list[str]:
    if shape.keep == "some":
        return [model.features[0], "late", "id"]
    return list(source.frame.columns) if shape.keep == "all" else []


def read_back(output: Path, kind: str) -> list[dict[str, Any]]:
    """Return the rows of an output, read by none of our code."""
    paths = [output] if output.is_file() else sorted(output.glob("part-*"))
    return [row for path in paths for row in _rows(path, kind)]


def _rows(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    if kind == "parquet":
        yield from pq.read_table(path, partitioning=None).to_pylist()
    elif kind == "csv":
        csv.field_size_limit(1 << 30)
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, strict=True)
    else:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                yield json.loads(line)


def same_value(name: str, found: Any, meant: Any, *, comma: bool) -> bool:
    """Whether a kept value is what was meant, in whatever type the output has it."""
    if found is None or found == "" or found == "NA" or found != found:
        return meant is None or meant == ""
    if meant is None:
        return False
    if isinstance(meant, bool):
        return str(found).lower() == str(meant).lower()
    if isinstance(meant, str):
        return bool(str(found) == meant)
    text = str(found).replace(",", ".") if comma else found
    return bool(float(text) == float(meant))


Scored = Callable[[Shape, Model, Source, Path], Any]
