"""Which rows train and which are held out. The seed makes it repeatable."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    GroupShuffleSplit,
    train_test_split,
)

from mlproject.base.counting import counted
from mlproject.base.errors import DataError, reason
from mlproject.data.table import Table
from training.recipe import Recipe, SplitKind


@dataclass(frozen=True)
class Split:
    """Training rows, held-out rows, and what cross-validation needs.

    Attributes
    ----------
    X_train, X_test : DataFrame of shape (n_rows, n_features), or any array of a caller's
    y_train, y_test : Series of shape (n_rows,), or any array of a caller's
    groups : array-like of shape (n_train_rows,) or None
        The group of each training row, where the split is grouped.
    """

    X_train: Any
    X_test: Any
    y_train: Any
    y_test: Any
    groups: Any | None = None


def split(
    recipe: Recipe,
    table: Table,
    X: pd.DataFrame,
    y: pd.Series[Any],
    held_out: tuple[Any, Any] | None,
) -> Split:
    """Return the split that a recipe asks for.

    The whole table has the columns of group and time. ``held_out`` are features and target of the
    separate file, where the split is of kind ``file``.
    """
    if held_out is not None:
        return Split(X, held_out[0], y, held_out[1])
    train, test = positions(recipe, table, y)
    if len(train) == 0 or len(test) == 0:
        raise DataError(f"{counted(len(y), 'row')} cannot be split: one side would be empty")
    groups = None
    if recipe.split_kind == "group":
        by = table.frame[recipe.split.group].loc[y.index]
        groups = by.iloc[train].reset_index(drop=True)
    return Split(
        X.iloc[train].reset_index(drop=True),
        X.iloc[test].reset_index(drop=True),
        y.iloc[train].reset_index(drop=True),
        y.iloc[test].reset_index(drop=True),
        groups,
    )


def positions(recipe: Recipe, table: Table, y: pd.Series[Any]) -> tuple[Any, Any]:
    column = {"time": recipe.split.time, "group": recipe.split.group}.get(recipe.split_kind)
    by = table.frame[column].loc[y.index] if column is not None else None
    lone = recipe.classes.rare == "folds"
    rule = Rule(recipe.split_kind, recipe.split.test_size, recipe.seed, lone_in_training=lone)
    return rule.positions(y, by)


@dataclass(frozen=True)
class Rule:
    """How rows are held out.

    Attributes
    ----------
    test_size : float
        Their share, between 0 and 1.
    lone_in_training : bool
        Whether a row that is alone in its class is trained on; else it cannot be split.
    """

    kind: SplitKind
    test_size: float
    seed: int
    lone_in_training: bool = False

    def positions(self, y: Any, by: pd.Series[Any] | None) -> tuple[Any, Any]:
        """Return the positions of the training rows and of the held-out rows.

        ``by`` has the group or the time of each row.
        """
        rows = np.arange(len(y))
        if self.kind == "time" and by is not None:
            order = by.argsort(kind="stable").to_numpy()
            kept = len(rows) - max(1, round(self.test_size * len(rows)))
            return order[:kept], order[kept:]
        if self.kind == "group" and by is not None:
            if by.nunique() < 2:
                raise DataError(f"The column '{by.name}' has one group; two are needed")
            splitter = GroupShuffleSplit(
                n_splits=1, test_size=self.test_size, random_state=self.seed
            )
            train, test = next(splitter.split(rows, y, by))
            return train, test
        if self.kind == "stratified" and self.lone_in_training:
            return self._with_lone_rows(rows, np.asarray(y))
        return self._drawn(rows, y if self.kind == "stratified" else None)

    def _with_lone_rows(self, rows: Any, y: Any) -> tuple[Any, Any]:
        _, of_row, counts = np.unique(y, return_inverse=True, return_counts=True)
        lone = counts[of_row] == 1
        rest, classes = rows[~lone], int((counts > 1).sum())
        held_out = math.ceil(self.test_size * len(rest))
        if len(rest) < 2:
            return self._drawn(rows, None)
        # Too few rows to hold out one of each class: whatever is drawn.
        fits = classes <= min(held_out, len(rest) - held_out)
        train, test = self._drawn(rest, y[~lone] if fits else None)
        return np.concatenate([train, rows[lone]]), test

    def _drawn(self, rows: Any, by_class: Any) -> tuple[Any, Any]:
        try:
            train, test = train_test_split(
                rows, test_size=self.test_size, random_state=self.seed, stratify=by_class
            )
        except ValueError as error:
            raise DataError(
                f"{counted(len(rows), 'row')} cannot be split with {self.test_size:g} of "
                "them held out: "
                f"{reason(error)}"
            ) from error
        return train, test
