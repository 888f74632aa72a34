"""Which rows are held out, for each kind of split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from mlproject.base.errors import DataError
from training.plan import Plan
from training.preparation import prepare
from training.request import TrainRequest

FRAME = pd.DataFrame(
    {
        "x": np.arange(100, dtype=float),
        "noise": np.random.default_rng(0).normal(size=100),
        "site": [f"site{i % 10}" for i in range(100)],
        "day": [f"2026-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(100)],
        "y": np.arange(100) * 2.5,
        "rare": ["yes" if i % 10 == 0 else "no" for i in range(100)],
    }
)


def prepared(folder: Path, split: dict[str, Any], **changes: Any) -> Plan:
    FRAME.to_csv(folder / "t.csv", index=False)
    content: dict[str, Any] = {
        "name": "t",
        "task": "regression",
        "data": {"source": "t.csv", "target": "y", "drop": ["rare", "day", "site"]},
        "split": split,
        "pipeline": [{"model": "Ridge"}],
        "search": {"parameters": {"model__alpha": [0.1, 1.0]}},
        "metrics": ["rmse"],
    }
    (folder / "t.yaml").write_text(yaml.safe_dump({**content, **changes}))
    return prepare(TrainRequest(recipe="t.yaml")).plan


def folds(found: Plan) -> list[tuple[Any, Any]]:
    rows = found.rows
    return list(found.search.cv.split(rows.X_train, rows.y_train, rows.groups))


def test_random_holds_out_the_share_and_the_seed_repeats_it(work: Path) -> None:
    first = prepared(work, {"kind": "random", "test_size": 0.3}).rows
    again = prepared(work, {"kind": "random", "test_size": 0.3}).rows
    other = prepared(work, {"kind": "random", "test_size": 0.3}, seed=5).rows

    assert (len(first.X_train), len(first.X_test)) == (70, 30)
    assert first.y_test.tolist() == again.y_test.tolist() != other.y_test.tolist()


def test_stratified_keeps_the_share_of_each_class(work: Path) -> None:
    data = {"source": "t.csv", "target": "rare", "drop": ["y", "day", "site"]}
    rows = prepared(
        work,
        {"kind": "stratified", "test_size": 0.2},
        task="classification",
        data=data,
        pipeline=[{"model": "LogisticRegression"}],
        search={"folds": 3},
        metrics=["accuracy"],
    ).rows

    assert rows.y_test.value_counts().to_dict() == {"no": 18, "yes": 2}


def test_grouped_keeps_a_group_on_one_side_and_in_one_fold(work: Path) -> None:
    data = {"source": "t.csv", "target": "y", "drop": ["rare", "day"]}
    found = prepared(work, {"kind": "group", "group": "site", "test_size": 0.2}, data=data)
    rows = found.rows

    assert "site" not in rows.X_train
    assert rows.groups is not None
    held_out = {f"site{int(x) % 10}" for x in rows.X_test["x"]}
    assert len(held_out) == 2
    assert held_out.isdisjoint(rows.groups)
    for train, test in folds(found):
        assert set(rows.groups.iloc[train]).isdisjoint(rows.groups.iloc[test])


def test_by_time_holds_out_the_last_rows_and_folds_never_look_ahead(work: Path) -> None:
    data = {"source": "t.csv", "target": "y", "drop": ["rare", "site"]}
    found = prepared(work, {"kind": "time", "time": "day", "test_size": 0.25}, data=data)
    day = dict(zip(FRAME["x"], FRAME["day"], strict=True))
    train_days = [day[x] for x in found.rows.X_train["x"]]
    test_days = [day[x] for x in found.rows.X_test["x"]]

    assert "day" not in found.rows.X_train
    assert train_days == sorted(train_days)
    assert max(train_days) <= min(test_days)
    assert len(test_days) == 25
    for train, test in folds(found):
        assert max(train) < min(test)


def test_a_separate_file_is_held_out_whole(work: Path) -> None:
    FRAME.head(7).to_csv(work / "held.csv", index=False)
    found = prepared(work, {"kind": "file", "source": "held.csv"})

    assert (len(found.rows.X_train), len(found.rows.X_test)) == (100, 7)
    assert found.held_out_dataset is not None
    assert found.held_out_dataset.rows == 7


def test_a_separate_file_without_a_feature_is_refused(work: Path) -> None:
    FRAME.head(7).drop(columns="x").to_csv(work / "held.csv", index=False)

    with pytest.raises(DataError, match="No feature 'x' in .*held.csv"):
        prepared(work, {"kind": "file", "source": "held.csv"})


def test_a_column_to_split_by_that_is_not_there_is_refused(work: Path) -> None:
    with pytest.raises(DataError, match="No column to split by 'siet' in .*Did you mean 'site'"):
        prepared(work, {"kind": "group", "group": "siet"})


def test_text_that_is_no_time_is_refused_as_a_time(work: Path) -> None:
    with pytest.raises(DataError, match="'site' of .* holds text such as 'site0'"):
        prepared(work, {"kind": "time", "time": "site"})
