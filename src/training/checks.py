"""Does the data fit the task? Asked before anything is recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data.table import Table
from training.recipe import Recipe

_MOST_CLASS_SHARE = 0.5


def plain_target(y: pd.Series[Any], source: str) -> None:
    """Raise DataError for a target of lists, objects or bytes."""
    present = y.dropna()
    if y.dtype == object and not present.map(lambda item: isinstance(item, (str, bool))).all():
        raise DataError(
            f"The target '{y.name}' of {source} holds values that are neither numbers nor text",
            "Choose another target",
        )


def refuse_time(y: pd.Series[Any], source: str) -> None:
    """Raise ConfigurationError for a target of times."""
    if types.is_datetime64_any_dtype(y) or types.is_timedelta64_dtype(y):
        raise ConfigurationError(
            f"The target '{y.name}' of {source} is a time, neither a class nor a quantity",
            "Choose another target, or turn it into a number",
        )


def target_fits(recipe: Recipe, y: pd.Series[Any], source: str) -> pd.Series[Any]:
    """Return the target, of which no value is missing, in the type that the task needs."""
    name = recipe.data.target
    refuse_time(y, source)
    if y.dtype == object and y.map(type).nunique() > 1:
        raise DataError(f"The target '{name}' of {source} holds text and truth values")
    if y.nunique() == 1:
        raise DataError(
            f"The target '{name}' is constant: every row of {source} has {plain(y.iloc[0])!r}"
        )
    if recipe.task == "regression":
        if not types.is_numeric_dtype(y) or types.is_bool_dtype(y):
            raise DataError(
                f"The target '{name}' holds text such as {plain(y.iloc[0])!r}; "
                "regression needs numbers",
                "Choose a classification recipe",
            )
        values = y.astype("float64")
        if not np.isfinite(values).all():
            raise DataError(
                f"The target '{name}' of {source} holds infinite values", "Replace or remove them"
            )
        return values
    if types.is_float_dtype(y):
        if not (np.isfinite(y).all() and (y == y.round()).all()) and y.nunique() > 2:
            raise DataError(
                f"The target '{name}' holds quantities such as {plain(y.iloc[0])!r}; "
                "classification needs classes",
                "Choose a regression recipe",
            )
        whole = bool(np.isfinite(y).all() and (y == y.round()).all())
        # scikit-learn takes fractions for quantities.
        return y.astype("int64") if whole else y.map(repr)
    if y.nunique() > max(2, _MOST_CLASS_SHARE * len(y)):
        raise DataError(
            f"The target '{name}' has {counted(y.nunique(), 'class')} in "
            f"{counted(len(y), 'row')} of {source}; "
            "classification needs classes that repeat",
            "Choose a regression recipe, or another target",
        )
    return y


def columns_to_split_by(recipe: Recipe, table: Table, rows: pd.Index[Any]) -> None:
    """Raise DataError when the column of group or time is not there, has gaps, or is no time.

    ``rows`` are the numbers of those that are trained on or held out.
    """
    names = [name for name in (recipe.split.group, recipe.split.time) if name]
    table.require(names, "column to split by")
    for name in names:
        values = table.frame[name].loc[rows]
        missing = int(values.isna().sum())
        if missing:
            raise DataError(
                f"The column to split by '{name}' is missing in {missing} of "
                f"{counted(len(values), 'row')} "
                f"of {table.source}",
                "Fill or remove them, or split by another column",
            )
        if name == recipe.split.time:
            has_order(values, table.source)


def has_order(values: pd.Series[Any], source: str) -> None:
    """Raise DataError when rows cannot be put in the order of a column: it holds text."""
    if values.dtype == object:
        raise DataError(
            f"The column '{values.name}' of {source} holds text such as {values.iloc[0]!r}, "
            "which has no order in time",
            "Write dates as 2026-01-31, or as numbers",
        )


def splittable(recipe: Recipe, y: pd.Series[Any]) -> None:
    """Raise DataError when a class has too few rows for both sides of a stratified split."""
    if len(y) < 2:
        raise DataError(f"{len(y)} row cannot be split into training and held-out rows")
    if recipe.split_kind != "stratified" or recipe.classes.rare == "folds":
        return
    counts = y.value_counts()
    held_out = round(recipe.split.test_size * len(y))
    if int(counts.min()) < 2:
        raise DataError(
            f"The class {plain(counts.idxmin())!r} has 1 row; a stratified split needs 2, "
            f"and {recipe.search.folds} folds more",
            "Choose what becomes of it: classes.rare in the recipe",
        )
    if min(held_out, len(y) - held_out) < len(counts):
        raise DataError(
            f"{counted(len(y), 'row')} of {counted(len(counts), 'class')} cannot be split: "
            "not every class is in "
            f"{counted(held_out, 'held-out row')}"
        )


def features(recipe: Recipe, table: Table, target: str) -> pd.DataFrame:
    """Return the features of all rows, as the model will see them."""
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
        elif values.isna().all():
            X[name] = values.astype("float64")
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


def plain(label: Any) -> Any:
    """Return a class label as Python's own type."""
    return label.item() if hasattr(label, "item") else label
