"""The recipe ``auto``: from a table and a target to an explicit recipe.

Task from the target; numbers imputed and scaled, text imputed and one-hot encoded; a small search
over a linear model and a random forest. What comes out is an ordinary recipe, and is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from pandas.api import types

from mlproject.base.errors import DataError
from mlproject.data.table import Table
from training.recipe import Recipe, Task, parse

SEED = 1337
# A whole-number target with at most this many values, each seen often enough, is a set of classes.
_MOST_CLASSES = 20
_ROWS_PER_CLASS = 10
# Text that is different in more than half of the rows is a name or an id, not a category.
_ID_SHARE = 0.5
_FEW_CATEGORIES = 20
# From so many rows on, whole numbers that go up by one are a count of the rows.
_ROWS_TO_NUMBER = 20
_MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Auto:
    """The recipe that was derived, and the columns that it leaves out, with why."""

    recipe: Recipe
    left_out: dict[str, str]


def derive(table: Table, target: str, source: str, name: str) -> Auto:
    table.require([target], "target")
    task = infer_task(table.frame[target])
    numeric: list[str] = []
    flags: list[str] = []
    text: list[str] = []
    left_out: dict[str, str] = {}
    for column in table.frame.columns:
        if column == target:
            continue
        why = unusable(table.frame[column])
        if why:
            left_out[str(column)] = why
        elif types.is_bool_dtype(table.frame[column]):
            flags.append(str(column))
        elif types.is_numeric_dtype(table.frame[column]):
            numeric.append(str(column))
        else:
            text.append(str(column))
    if not (numeric or flags or text):
        raise DataError(f"{table.source} has no column that can be a feature", "Check its columns")
    families = _families(task)
    grids = [{"model": [family]} | axes for family, axes in families]
    content = {
        "name": name,
        "description": f"Derived from {table.name}: {target} by two model families.",
        "task": task,
        "seed": SEED,
        "data": {"source": source, "target": target, "drop": sorted(left_out)},
        "pipeline": [
            {"features": _features(numeric, flags, text)},
            {"model": families[0][0]},
        ],
        "search": {"kind": "grid", "folds": 5, "parameters": grids},
        "metrics": _metrics(task, table.frame[target]),
    }
    return Auto(parse(content, "auto"), left_out)


def infer_task(target: pd.Series[Any]) -> Task:
    """Take text, truth values and few whole numbers that repeat for classes, else a quantity."""
    values = target.dropna()
    if types.is_bool_dtype(values) or not types.is_numeric_dtype(values):
        return "classification"
    counts = values.value_counts()
    whole = bool((values == values.round()).all())
    repeated = len(counts) <= _MOST_CLASSES and counts.min() >= _ROWS_PER_CLASS
    return "classification" if whole and (repeated or len(counts) <= 2) else "regression"


def unusable(values: pd.Series[Any]) -> str | None:
    """Return why a column cannot be a feature without further thought, or None when it can."""
    present = values.dropna()
    if values.name == "":
        return "it has no name"
    if present.empty:
        return "it is empty"
    if types.is_datetime64_any_dtype(values):
        return "it is a date"
    if types.is_timedelta64_dtype(values):
        return "it is a duration"
    if values.dtype == object and not present.map(lambda item: isinstance(item, (str, bool))).all():
        return "its values are not plain"
    if present.nunique() == 1 and present.size == values.size:
        return "it is constant"
    if len(values) >= _ROWS_TO_NUMBER and _counts_up(values):
        return "it numbers the rows"
    distinct = present.nunique()
    if (
        values.dtype == object
        and distinct > _FEW_CATEGORIES
        and distinct > _ID_SHARE * len(present)
    ):
        return "nearly every row has a value of its own"
    return None


def _counts_up(values: pd.Series[Any]) -> bool:
    return types.is_integer_dtype(values) and bool((values.diff().iloc[1:] == 1).all())


def _features(numeric: list[str], flags: list[str], text: list[str]) -> dict[str, Any]:
    transformers: list[list[Any]] = []
    if numeric:
        steps: list[list[Any]] = [
            ["imputer", {"SimpleImputer": {"strategy": "median"}}],
            ["scaler", {"StandardScaler": {}}],
        ]
        transformers.append(["numeric", {"Pipeline": {"steps": steps}}, numeric])
    if flags:
        transformers.append(["flags", "passthrough", flags])
    if text:
        encoder = {
            "handle_unknown": "infrequent_if_exist",
            "max_categories": _MOST_CATEGORIES,
            "sparse_output": False,
        }
        steps = [
            ["imputer", {"SimpleImputer": {"strategy": "most_frequent"}}],
            ["encoder", {"OneHotEncoder": encoder}],
        ]
        transformers.append(["categorical", {"Pipeline": {"steps": steps}}, text])
    return {"ColumnTransformer": {"transformers": transformers}}


def _families(task: Task) -> list[tuple[dict[str, Any], dict[str, list[Any]]]]:
    forest = {"model__max_depth": [4, None]}
    if task == "regression":
        return [
            ({"Ridge": {}}, {"model__alpha": [0.1, 1, 10]}),
            ({"RandomForestRegressor": {"n_estimators": 100}}, forest),
        ]
    return [
        ({"LogisticRegression": {"max_iter": 1000}}, {"model__C": [0.1, 1, 10]}),
        ({"RandomForestClassifier": {"n_estimators": 100}}, forest),
    ]


def _metrics(task: Task, target: pd.Series[Any]) -> list[str]:
    if task == "regression":
        return ["rmse", "nrmse", "mae", "r2"]
    if target.dropna().nunique() == 2:
        return ["roc_auc", "accuracy", "f1_macro", "log_loss"]
    return ["f1_macro", "accuracy", "log_loss"]
