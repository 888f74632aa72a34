"""The recipe ``auto``: from a table and a target to an explicit recipe.

Task from the target, features from the columns; a search over histogram gradient boosting, which
takes categories and missing values as they are, and a linear model, within a budget of time; of so
many classes that a fit of these would exceed it, over models of their means. What comes out is an
ordinary recipe, and is recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

import pandas as pd
from pandas.api import types

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from mlproject.data.table import Table
from training import families
from training.checks import plain_target
from training.columns import Columns, sorted_out
from training.families import Family, Size
from training.overrides import seconds
from training.recipe import Recipe, Task, parse
from training.request import TrainRequest
from training.search import FIRST_ROWS

SEED = 1337
BUDGET = 60.0
# Whole numbers of at most so many values, without a gap from 0 or 1 on, are classes.
_MOST_CLASSES = 20
_FOLDS = 5
# Above so many rows candidates are first compared on some of them.
_MANY_ROWS = 20_000
_MANY_CLASSES = 10
_FOLDS_IF_SLOW = 3
# Fewer rows than that are split and folded as far as they go.
_ROWS_A_FOLD = 2
_LONGEST_NAME = 200
_ONE_HOT_CATEGORIES = 50
_DATES: dict[str, Any] = {"DateFeatures": {}}


@dataclass(frozen=True)
class Auto:
    """The recipe that was derived, and what its author should be told.

    Attributes
    ----------
    left_out : dict of str to str
        Columns that are no features, and why.
    notices : list of str
        What should be told.
    """

    recipe: Recipe
    left_out: dict[str, str]
    notices: list[str] = field(default_factory=list)


def derive(table: Table, target: str, request: TrainRequest, name: str) -> Auto:
    """Return a recipe for a table, whose numbers, times and dates in text are converted."""
    table.require([target], "target")
    table.require(list(request.drop), "column to drop")
    plain_target(table.frame[target], table.source)
    y = table.frame[target].dropna()
    if y.empty:
        raise DataError(f"The target '{target}' is empty in {table.source}", "Choose another")
    task = request.task or infer_task(y)
    given = dict.fromkeys(request.drop, "it is dropped, as asked for")
    if request.group_by:
        table.require([request.group_by], "column to group by")
        given[request.group_by] = "rows are grouped by it"
    columns = sorted_out(table.frame, target, given)
    if not columns.features:
        raise DataError(
            f"{table.source} has no column that can be a feature",
            "; ".join(f"{column}: {why}" for column, why in list(columns.left_out.items())[:3])
            or "It has the target only",
        )
    classes = y.nunique() if task == "classification" else 0
    rows = round(len(y) * (1 - (request.test_size or 0.2)))
    folds = _folds(classes, rows, _groups(table.frame, request.group_by))
    budget = seconds(request.budget) or BUDGET
    first, *others = _families(
        task,
        columns,
        Size(
            rows,
            min(rows, FIRST_ROWS) if rows > _MANY_ROWS else rows,
            classes,
            len(columns.features),
            folds,
        ),
        budget,
    )
    content: dict[str, Any] = {
        "name": name,
        "description": f"Derived from {table.name}: {target} by "
        f"{counted(1 + len(others), 'model family')}.",
        "task": task,
        "seed": SEED,
        "data": {
            "source": request.data,
            "target": target,
            "drop": sorted(set(columns.left_out) - {request.group_by, ""}),
            "missing_target": "drop",
        },
        "pipeline": first.pipeline,
        "search": {
            "kind": "halving" if rows > _MANY_ROWS else "grid",
            "folds": folds,
            "parameters": [first.axes, *(other.grid for other in others)],
            "budget": BUDGET,
        },
    }
    if classes > 2 and not request.group_by:
        # Where labels alone would say too little of small samples.
        content["search"]["refit"] = "log_loss"
    if task == "classification":
        content["classes"] = {"rare": "folds"}
    notices = [
        f"Column '{column}' has several rows for each value, all with the same target: to keep "
        f"such rows together, give --group-by {quote(column)}"
        for column in columns.groups
        if not request.group_by
    ]
    if "HistGradientBoostingClassifier" not in first.model and classes:
        notices.append(
            f"Boosting is left out: {classes} classes take it longer than {budget:g} s; to try it, "
            "give a larger --budget"
        )
    return Auto(parse(content, "auto"), columns.left_out, notices)


def name_of(table: str, target: str) -> str:
    """Return the name of a derived recipe, in letters that every server takes in a filter."""
    return re.sub(r"[^\w. -]+", "_", f"auto-{table}-{target}")[:_LONGEST_NAME]


def infer_task(target: pd.Series[Any]) -> Task:
    """Take text, truth values, two values, and whole numbers from 0 or 1 on for classes."""
    values = target.dropna()
    if types.is_bool_dtype(values) or not types.is_numeric_dtype(values):
        return "classification"
    distinct = sorted(values.unique())
    if len(distinct) <= 2:
        return "classification"
    first = distinct[0]
    counted = first in (0, 1) and distinct == [first + k for k in range(len(distinct))]
    return "classification" if counted and len(distinct) <= _MOST_CLASSES else "regression"


def _groups(frame: pd.DataFrame, column: str | None) -> int | None:
    return int(frame[column].nunique()) if column else None


def boosted_features(task: Task, columns: Columns) -> dict[str, Any]:
    """Return the transformer for trees: categories as codes first, then everything else."""
    codes = {
        "OrdinalEncoder": {"handle_unknown": "use_encoded_value", "unknown_value": -1},
    }
    return _transformer(
        ("categories", codes, columns.categories),
        ("texts", _by_target(task), columns.texts),
        ("dates", _DATES, columns.dates),
        ("numbers", "passthrough", [*columns.numbers, *columns.flags]),
    )


def linear_features(task: Task, columns: Columns) -> dict[str, Any]:
    """Return the transformer for a linear model: everything a number, scaled, without gaps."""
    one_hot = {"handle_unknown": "infrequent_if_exist", "max_categories": _ONE_HOT_CATEGORIES}
    numbers = [
        ["imputer", {"SimpleImputer": {"strategy": "median", "keep_empty_features": True}}],
        ["scaler", {"StandardScaler": {}}],
    ]
    dates = [["parts", _DATES], *numbers]
    texts = [["encoder", _by_target(task)], ["scaler", {"StandardScaler": {}}]]
    return _transformer(
        ("categories", {"OneHotEncoder": one_hot}, columns.categories),
        ("texts", {"Pipeline": {"steps": texts}}, columns.texts),
        ("dates", {"Pipeline": {"steps": dates}}, columns.dates),
        ("numbers", {"Pipeline": {"steps": numbers}}, [*columns.numbers, *columns.flags]),
    )


def _by_target(task: Task) -> dict[str, Any]:
    # By itself the encoder takes a quantity of whole numbers for classes.
    return {"TargetEncoder": {"target_type": "continuous"} if task == "regression" else {}}


def linear_model(task: Task) -> dict[str, Any]:
    return {"Ridge": {}} if task == "regression" else {"LogisticRegression": {"max_iter": 300}}


def _transformer(*parts: tuple[str, Any, list[str]]) -> dict[str, Any]:
    return {"ColumnTransformer": {"transformers": [list(part) for part in parts if part[2]]}}


def _boosting(task: Task, columns: Columns, rows: int) -> dict[str, Any]:
    kind = "Regressor" if task == "regression" else "Classifier"
    options: dict[str, Any] = {}
    if columns.categories:
        options["categorical_features"] = list(range(len(columns.categories)))
    if rows > _MANY_ROWS:  # as by itself on all of them, but not on the few that are tried first
        options["early_stopping"] = True
    return {f"HistGradientBoosting{kind}": options}


def _folds(classes: int, rows: int, groups: int | None) -> int:
    slow = rows > _MANY_ROWS or classes > _MANY_CLASSES
    folds = min(_FOLDS_IF_SLOW if slow else _FOLDS, max(2, rows // _ROWS_A_FOLD))
    return folds if groups is None else max(2, min(folds, round(groups * 0.8)))


def _families(task: Task, columns: Columns, size: Size, budget: float) -> list[Family]:
    """Return the families to search, the first of which is the pipeline of the recipe."""
    scaled = linear_features(task, columns)
    found = []
    if size.classes <= _MANY_CLASSES or size.of_boosting <= budget:
        trees = boosted_features(task, columns), _boosting(task, columns, size.rows)
        found.append(families.boosting(*trees))
    if size.classes <= _MANY_CLASSES or size.of_linear <= budget:
        found.append(families.linear(scaled, linear_model(task), classes=size.classes))
    else:
        found += families.of_means(scaled)
    return found
