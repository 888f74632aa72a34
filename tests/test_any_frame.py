"""Whatever pandas can write as CSV is trained and scored back whole, or refused in one line."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlproject.base.errors import ConfigurationError, DataError, MlprojectError

INTS = st.integers(-3, 9) | st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(-100, 100, width=32) | st.floats()
# What readers take for gaps, numbers, dates, truth values or something of their own.
GAP_WORDS = st.sampled_from(["NA", "N/A", "nan", "None", "null", "-", "?", "", " "])
NUMBER_WORDS = st.sampled_from(["$12", "3,045", "12%", "1.234", "007", "0x1F", "1_000", "1e999"])
DATE_WORDS = st.sampled_from(["2026-01-31", "31.01.2026", "Jan 1 2000", "1990-02-30", "12:30"])
WORDS = st.sampled_from(
    ["true", "False", "yes", "inf", "a", "A", " a", "b ", "é", "e\u0301", "日本"]
)
SIGNS = st.sampled_from(
    ["a,b", ";", '"', "'", "\\", "a\nb", "\r\n", "\t", "\ufeff", "=1+1", "#", "🙂"]
)
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = GAP_WORDS | NUMBER_WORDS | DATE_WORDS | WORDS | SIGNS | st.text(CHARACTERS, max_size=6)
DATES = st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))
KINDS = [INTS, FLOATS, FLOATS, st.booleans(), TEXTS, TEXTS, DATES, INTS | TEXTS]
PLAIN_NAMES = st.sampled_from(["a", "A", "a ", "a.1", "id", "date", "0", "1.5", "nan", "true", "é"])
TAKEN_NAMES = st.sampled_from(["index", "target", "prediction", "model", "steps", "_row", "x__y"])
ODD_NAMES = st.sampled_from(
    ["", " ", "Unnamed: 0", "com,ma", "quo'te", 'quo"te', "tab\t", "new\nline"]
)
SIGN_NAMES = st.sampled_from(
    ["#hash", "se;mi", "{b}", "[b]", "b:c", "b=c", "../b", "%s", "x" * 300]
)
NAMES = PLAIN_NAMES | PLAIN_NAMES | TAKEN_NAMES | ODD_NAMES | SIGN_NAMES
GAPS = st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.5, 0.95])
MADE = ["rows", "dates", "words", "noise", "noise", "nothing", "constant"]


@dataclass(frozen=True)
class Written:
    """A frame, how it is written, and the column to predict."""

    frame: pd.DataFrame
    index: bool
    target: str


@st.composite
def columns(draw: st.DrawFn, rows: int, least: int = 1) -> list[Any]:
    """Draw the values of a column: at least some that repeat, or one that is made for each row."""
    random = np.random.default_rng(draw(st.integers(0, 99)))
    if least > 1 or draw(st.booleans()):
        kind = draw(st.sampled_from(KINDS))
        pool = draw(st.lists(kind, min_size=least, max_size=5, unique_by=str))
        values = [pool[place] for place in random.integers(0, len(pool), rows)]
    else:
        values = {
            "rows": list(range(1, rows + 1)),
            "dates": [datetime(2026, 1, 1) + timedelta(days=day) for day in range(rows)],
            "words": [f"id-{number}" for number in random.permutation(rows)],
            "noise": random.normal(size=rows).tolist(),
            "nothing": [None] * rows,
            "constant": [7] * rows,
        }[draw(st.sampled_from(MADE))]
    missing = random.random(rows) < draw(GAPS)
    return [None if gap else value for gap, value in zip(missing, values, strict=True)]


@st.composite
def frames(draw: st.DrawFn) -> Written:
    rows = draw(st.integers(20, 60) | st.integers(1, 60))
    count = draw(st.integers(1, 5))
    unique = draw(st.integers(0, 19)) < 19
    names = draw(st.lists(NAMES, min_size=count + 1, max_size=count + 1, unique=unique))
    values = [draw(columns(rows)) for _ in range(count)]
    values.append(draw(columns(rows, least=2) | columns(rows)))
    frame = pd.DataFrame(dict(enumerate(values)))
    frame.columns = pd.Index(names, dtype=object)
    return Written(frame, draw(st.booleans()), names[-1])


def trained_and_scored(written: Written) -> None:
    """Train a frame from its file and score the file, or assert that it is refused as it should."""
    import mlproject

    with TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the command line has it, which only prints them
        path, scored = Path(name, "any.csv"), Path(name, "scored.csv")
        written.frame.to_csv(path, index=written.index)
        store = Path(name, "mlruns")
        try:
            result = mlproject.train(data=path, target=written.target, tracking=store, budget="2s")
        except MlprojectError as error:
            assert isinstance(error, ConfigurationError | DataError), repr(error)
            assert str(error).splitlines() == [str(error)], repr(str(error))
            assert not store.exists() or not any(store.rglob("meta.yaml"))
            return
        taken = "prediction" in written.frame  # the name of what scoring adds
        keep = "none" if taken else "all"
        tally = mlproject.score(result, path, scored, keep=keep, on_error="reject")

        rows, counts = len(written.frame), (tally.rows_in, tally.rows_out, tally.rows_rejected)
        rejects = tally.rejects and Path(tally.rejects).read_text(encoding="utf-8")
        assert counts == (rows, rows, 0), f"of {rows} rows {counts}: {rejects}"


slowly = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


@settings(max_examples=10, derandomize=True, **slowly)
@given(frames())
def test_any_frame_is_trained_and_scored_back_or_refused_in_one_line(written: Written) -> None:
    trained_and_scored(written)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(max_examples=1000, **slowly)
@given(frames())
def test_many_frames_are_trained_and_scored_back_or_refused_in_one_line(written: Written) -> None:
    trained_and_scored(written)
