"""What the gate reads is what scoring reads: the same values, refused for the same reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Shell

RECIPE = """\
name: dated
task: regression
seed: 1
data: {source: rows.csv, target: y}
split: {kind: random, test_size: 0.5}
pipeline:
  - columns:
      ColumnTransformer:
        transformers:
          - [dates, DateFeatures: {}, [day]]
          - [texts, OneHotEncoder: {handle_unknown: ignore}, [site]]
          - [numbers, passthrough, [x]]
  - model: {Ridge: {}}
search: {kind: none}
metrics: [rmse]
"""


@pytest.fixture
def dated(shell: Shell) -> Shell:
    """Two versions of a model that takes a date, a number and a text."""
    frame = rows(300)
    frame.to_csv(shell.folder / "rows.csv", index=False)
    (shell.folder / "recipe.yaml").write_text(RECIPE)
    for _ in range(2):
        shell.trained("recipe.yaml", "--register", "m")
    return shell


def rows(count: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2021-01-01") + pd.to_timedelta(random.integers(0, 360, count), "D")
    frame = pd.DataFrame({"x": random.normal(size=count), "day": days})
    frame["site"] = random.choice(["01", "02", "3a", None], count)
    frame["y"] = frame["x"] + (days.dayofweek == 0) + 0.1 * random.normal(size=count)
    return frame


def compared(shell: Shell, *options: str) -> Any:
    return shell.mlproject("models", "compare", "m", "--versions", "1,2", "--json", *options)


def test_dates_that_scoring_refuses_are_refused(dated: Shell) -> None:
    new = rows(100, seed=1)
    new["day"] = new["day"].dt.strftime("%d.%m.%Y")
    new.to_csv(dated.folder / "new.csv", index=False)

    scored = dated.score("--model", "models:/m/1", "--input", "new.csv", "--output", "o.csv")
    judged = compared(dated, "--data", "new.csv")

    why = f"column 'day': '{new['day'][0]}' is not a date or time"
    assert (scored.code, judged.code) == (3, 3), judged.err
    assert why in scored.error
    assert f"new.csv row 1, {why}" in judged.error


def test_a_value_that_does_not_fit_is_named_with_its_row_and_column(dated: Shell) -> None:
    new = rows(100, seed=1)
    new["x"] = new["x"].astype(str).mask(new.index == 41, "much")
    new.to_csv(dated.folder / "new.csv", index=False)
    new.to_json(dated.folder / "new.jsonl", orient="records", lines=True, date_format="iso")
    new.to_parquet(dated.folder / "new.parquet")

    for command in (("compare", "m", "--versions", "1,2"), ("promote", "m")):
        for name in ("new.csv", "new.jsonl", "new.parquet"):
            done = dated.mlproject("models", *command, "--data", name)
            assert done.code == 3, done.err
            assert f"{name} row 42, column 'x': 'much' is not a number" in done.error


def test_a_code_that_looks_like_a_number_stays_a_text(dated: Shell) -> None:
    new = rows(100, seed=1)
    new["site"] = "02"
    new.to_csv(dated.folder / "new.csv", index=False)
    new.to_parquet(dated.folder / "new.parquet")

    text, typed = (compared(dated, "--data", name) for name in ("new.csv", "new.parquet"))

    assert text.code == 0, text.err
    assert text.json["interval"] == typed.json["interval"]


def test_what_no_rows_can_be_compared_by_is_refused(dated: Shell) -> None:
    new = rows(100, seed=1)
    new["late"] = new["day"].where(new.index != 7)
    new.to_csv(dated.folder / "new.csv", index=False)
    path = dated.folder / "new.csv"

    for options, code, message in (
        (("--target", "x"), 2, "The target 'x' is a feature of models:/m/2"),
        (("--target", "late"), 2, f"The target 'late' of {path} is a time, neither"),
        (("--target", "yy"), 3, f"No target 'yy' in {path}. Did you mean 'y'?"),
        (("--group-by", "y"), 2, "'y' is the target, and not a column"),
        (("--time-by", "y"), 2, "'y' is the target, and not a column"),
        (("--time-by", "late"), 3, "The column to order by 'late' is missing in 1 of 100 rows of"),
    ):
        done = compared(dated, "--data", "new.csv", *options)
        assert done.code == code, done.err
        assert message in done.error

    done = compared(dated, "--target", "y")
    assert done.code == 2
    assert "Give --data too" in done.error
