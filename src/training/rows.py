"""The rows that a recipe trains on: features and target, what is left out of them, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data.table import Table
from training import checks
from training.recipe import Recipe

# What merged classes are called.
OTHER = "other"


@dataclass(frozen=True)
class LabelledRows:
    """Features and target of the rows that have one.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
        The index has the number of each row in the source, from 0.
    y : Series of shape (n_rows,)
    every : DataFrame of shape (n_rows_of_the_source, n_features)
        The features of all rows.
    left_out : dict of str to int
        Why rows of the source are not among them, and how many.
    notices : list of str
        What should be told.
    """

    X: pd.DataFrame
    y: pd.Series[Any]
    every: pd.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def only(self, kept: pd.Series[bool], why: str, notice: str) -> LabelledRows:
        """Return the rows that are kept, with why the others are not."""
        return replace(
            self,
            X=self.X[kept],
            y=self.y[kept],
            left_out=self.left_out | {why: int((~kept).sum())},
            notices=[*self.notices, notice],
        )


def labelled(recipe: Recipe, table: Table) -> LabelledRows:
    """Return the rows of a table as a recipe wants them.

    Whole numbers become doubles unless the recipe calls them categories, because a column that is
    whole here may have gaps or fractions in the next file.
    """
    target = recipe.data.target
    if target is None:
        raise ConfigurationError(
            f"The recipe '{recipe.name}' names no target", "Give --target COLUMN"
        )
    if target in (*recipe.data.drop, recipe.split.group):
        raise ConfigurationError(f"'{target}' is the target, and cannot be left out or grouped by")
    table.require([target], "target")
    X = checks.features(recipe, table, target)
    checks.plain_target(table.frame[target], table.source)
    rows = LabelledRows(X, table.frame[target], X)
    rows = _with_target(recipe, rows, table.source)
    y = checks.target_fits(recipe, rows.y, table.source)
    return _without_rare_classes(recipe, replace(rows, y=y))


def _with_target(recipe: Recipe, rows: LabelledRows, source: str) -> LabelledRows:
    name, missing = rows.y.name, int(rows.y.isna().sum())
    if not missing:
        return rows
    what = f"The target '{name}' is missing in {missing} of {counted(len(rows.y), 'row')}"
    if recipe.data.missing_target == "fail":
        raise DataError(f"{what} of {source}", "Fill or remove them, or give --missing-target drop")
    if missing == len(rows.y):
        raise DataError(f"The target '{name}' is empty in {source}", "Choose another target")
    return rows.only(rows.y.notna(), "the target is missing", f"{what}, which are left out")


def rare_below(recipe: Recipe) -> int:
    """Return how many rows a class needs, to be held out and to be in every fold."""
    if recipe.split_kind != "stratified":
        return 2
    folds = 1 if recipe.search.kind == "none" else recipe.search.folds
    return max(2, math.ceil(folds / (1 - recipe.split.test_size)))


def _without_rare_classes(recipe: Recipe, rows: LabelledRows) -> LabelledRows:
    if recipe.task != "classification" or recipe.classes.rare in ("fail", "folds"):
        return rows
    needed = rare_below(recipe)
    counts = rows.y.value_counts()
    rare = counts.index[counts < needed]
    if not len(rare):
        return rows
    shown = ", ".join(repr(checks.plain(label)) for label in rare[:5])
    more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    what = f"Classes of fewer than {needed} rows ({shown}{more})"
    if recipe.classes.rare == "drop":
        rows = rows.only(~rows.y.isin(rare), "their class is rare", f"{what} are left out")
    else:
        merged = rows.y.map(lambda label: OTHER if label in rare else str(checks.plain(label)))
        notice = f"{what} are one class, '{OTHER}'"
        rows = replace(rows, y=merged, notices=[*rows.notices, notice])
    if rows.y.nunique() < 2:
        raise DataError(f"{what}: without them the target '{rows.y.name}' has one class")
    return rows


def sampled(rows: int, most: int, seed: int) -> np.ndarray[Any, Any]:
    """Return positions of some of many rows, in their order; of all where there are few."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
