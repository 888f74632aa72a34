"""Does the data fit the task? Asked before anything is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data.table import Table
from training import metrics
from training.auto import infer_task
from training.recipe import Recipe

_MOST_CLASS_SHARE = 0.5


def features_and_target(recipe: Recipe, table: Table) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Return the features, as the model will see them, and the target.

    Whole numbers become doubles unless the recipe calls them categories, because a column that is
    whole here may have gaps or fractions in the next file.
    """
    target = recipe.data.target
    if target is None:
        raise ConfigurationError(
            f"The recipe '{recipe.name}' names no target", "Give --target COLUMN"
        )
    table.require([target], "target")
    X = _features(recipe, table, target)
    y = table.frame[target]
    if y.dtype == object and not y.dropna().map(lambda item: isinstance(item, (str, bool))).all():
        raise DataError(f"The target '{target}' of {table.source} holds values that are not plain")
    missing = int(y.isna().sum())
    if missing:
        raise DataError(
            f"The target '{target}' is missing in {missing} of {len(y)} rows of {table.source}",
            "Fill or remove them",
        )
    return X, y


def target_fits(recipe: Recipe, y: pd.Series[Any], source: str) -> pd.Series[Any]:
    """Return the target in the type that the task needs."""
    name = recipe.data.target
    if y.nunique() == 1:
        raise DataError(
            f"The target '{name}' is constant: every row of {source} has {_plain(y.iloc[0])}"
        )
    if recipe.task == "regression":
        if not types.is_numeric_dtype(y) or types.is_bool_dtype(y):
            raise DataError(
                f"The target '{name}' holds text such as {y.iloc[0]!r}; regression needs numbers",
                "Choose a classification recipe",
            )
        values = y.astype("float64")
        if not np.isfinite(values).all():
            raise DataError(f"The target '{name}' of {source} holds infinite values")
        return values
    if types.is_float_dtype(y):
        if infer_task(y) == "regression" and not (y == y.round()).all():
            raise DataError(
                f"The target '{name}' holds quantities such as {y.iloc[0]!r}; "
                "classification needs classes",
                "Choose a regression recipe",
            )
        return y.astype("int64") if (y == y.round()).all() else y
    if y.nunique() > max(2, _MOST_CLASS_SHARE * len(y)):
        raise DataError(
            f"The target '{name}' has {y.nunique()} classes in {len(y)} rows of {source}; "
            "classification needs classes that repeat",
            "Choose a regression recipe, or another target",
        )
    return y


def enough_rows(recipe: Recipe, y_train: pd.Series[Any], groups: pd.Series[Any] | None) -> None:
    """Raise DataError when cross-validation cannot make its folds."""
    if recipe.search.kind == "none":
        return
    folds = recipe.search.folds
    needed = folds + 1 if recipe.split_kind == "time" else folds
    if len(y_train) < needed:
        raise DataError(
            f"{len(y_train)} training rows are fewer than {folds} folds need",
            "Bring more rows, or lower 'folds' in the recipe",
        )
    undefined = [name for name in recipe.scoring if name in metrics.OF_TWO_ROWS]
    if undefined and len(y_train) < 2 * folds:
        raise DataError(
            f"{len(y_train)} training rows make {folds} folds of fewer than 2 rows, "
            f"on which the metric '{undefined[0]}' is not defined",
            "Bring more rows, or lower 'folds' in the recipe",
        )
    if groups is not None and groups.nunique() < folds:
        raise DataError(f"{groups.nunique()} groups are fewer than {folds} folds")
    if recipe.task == "classification" and groups is None and recipe.split_kind != "time":
        counts = y_train.value_counts()
        if int(counts.min()) < folds:
            raise DataError(
                f"The class {_plain(counts.idxmin())} has {int(counts.min())} training rows, "
                f"fewer than {folds} folds",
                "Bring more rows of it, or lower 'folds' in the recipe",
            )


def columns_to_split_by(recipe: Recipe, table: Table) -> None:
    """Raise DataError when the column of group or time is not there, has gaps, or is no time."""
    names = [name for name in (recipe.split.group, recipe.split.time) if name]
    table.require(names, "column to split by")
    for name in names:
        values = table.frame[name]
        missing = int(values.isna().sum())
        if missing:
            raise DataError(
                f"The column to split by '{name}' is missing in {missing} of {len(values)} rows "
                f"of {table.source}"
            )
        if name == recipe.split.time and values.dtype == object:
            raise DataError(
                f"The column '{name}' of {table.source} holds text such as {values.iloc[0]!r}, "
                "which has no order in time",
                "Write dates as 2026-01-31, or as numbers",
            )


def splittable(recipe: Recipe, y: pd.Series[Any]) -> None:
    """Raise DataError when a class has too few rows for both sides of a stratified split."""
    if len(y) < 2:
        raise DataError(f"{len(y)} row cannot be split into training and held-out rows")
    if recipe.split_kind != "stratified":
        return
    counts = y.value_counts()
    held_out = round(recipe.split.test_size * len(y))
    if int(counts.min()) < 2:
        raise DataError(
            f"The class {_plain(counts.idxmin())} has 1 row; a stratified split needs 2, "
            f"and {recipe.search.folds} folds more"
        )
    if min(held_out, len(y) - held_out) < len(counts):
        raise DataError(
            f"{len(y)} rows of {len(counts)} classes cannot be split: {held_out} held-out rows "
            "do not hold every class"
        )


def _features(recipe: Recipe, table: Table, target: str) -> pd.DataFrame:
    data = recipe.data
    for names, role in (
        (data.features or [], "feature"),
        (data.drop, "column to drop"),
        (data.categorical, "categorical column"),
    ):
        table.require(names, role)
    left_out = {target, *data.drop, recipe.split.group, recipe.split.time}
    chosen = data.features or [name for name in table.frame.columns if name not in left_out]
    chosen = [name for name in dict.fromkeys(chosen) if name not in {target, "", *data.drop}]
    if not chosen:
        raise DataError(f"{table.source} has no feature beside the target '{target}'")
    X: pd.DataFrame = table.frame[chosen].copy()
    for name in chosen:
        values = X[name]
        whole = types.is_integer_dtype(values) and name not in data.categorical
        if whole or types.is_float_dtype(values):
            X[name] = values.astype("float64")
            _refuse_infinity(X[name], name, table.source)
        elif types.is_timedelta64_dtype(values):
            raise DataError(
                f"The column '{name}' of {table.source} holds durations",
                "Turn them into numbers, or leave it out: data.drop in the recipe",
            )
        elif values.dtype == object:
            _refuse_other_than_text(values, name, table.source)
    return X


def _refuse_infinity(values: pd.Series[Any], name: str, source: str) -> None:
    infinite = np.isinf(values.to_numpy())
    if infinite.any():
        raise DataError(
            f"The column '{name}' of {source} holds infinite values, the first in row "
            f"{int(infinite.argmax()) + 1} of {len(values)}",
            "Replace or remove them",
        )


def _refuse_other_than_text(values: pd.Series[Any], name: str, source: str) -> None:
    present = values.dropna()
    if not present.map(lambda item: isinstance(item, str)).all():
        odd = next(item for item in present if not isinstance(item, str))
        raise DataError(
            f"The column '{name}' of {source} holds {type(odd).__name__} values",
            "Leave it out: data.drop in the recipe",
        )


def _plain(label: Any) -> str:
    """Return a class label as a person would write it."""
    return repr(label.item() if hasattr(label, "item") else label)
