"""The folds of cross-validation, and what makes them impossible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from mlproject.base.counting import counted
from mlproject.base.errors import DataError
from training import metrics
from training.checks import plain
from training.recipe import Recipe


class LoneInTraining(StratifiedKFold):
    """Stratified folds in which a row that is alone in its class is always trained on."""

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[Any, Any]]:
        """Yield the positions of the training rows and of the others."""
        _, of_row, counts = np.unique(np.asarray(y), return_inverse=True, return_counts=True)
        lone = counts[of_row] == 1
        rest = np.flatnonzero(~lone)
        for train, test in super().split(rest, np.asarray(y)[rest]):
            yield np.sort(np.concatenate([rest[train], np.flatnonzero(lone)])), rest[test]


def cross_validation(recipe: Recipe) -> BaseCrossValidator:
    folds = recipe.search.folds
    if recipe.split_kind == "group":
        return GroupKFold(n_splits=folds)
    if recipe.split_kind == "time":
        return TimeSeriesSplit(n_splits=folds)
    if recipe.task == "classification":
        kind = LoneInTraining if recipe.classes.rare == "folds" else StratifiedKFold
        return kind(n_splits=folds, shuffle=True, random_state=recipe.seed)
    return KFold(n_splits=folds, shuffle=True, random_state=recipe.seed)


def possible(
    recipe: Recipe, y_train: pd.Series[Any], groups: pd.Series[Any] | None
) -> tuple[Recipe, list[str]]:
    """Return the recipe with as many folds as its rarest class allows, where it wants that so.

    Else raise DataError when cross-validation cannot make its folds. The second item is what
    should be told.
    """
    notices: list[str] = []
    if recipe.search.kind == "none":
        return recipe, notices
    by_class = recipe.task == "classification" and recipe.split_kind not in ("group", "time")
    if by_class and recipe.classes.rare == "folds":
        recipe, notices = _fewer(recipe, y_train)
    _check(recipe, y_train, groups)
    if by_class and recipe.classes.rare != "folds":
        counts = y_train.value_counts()
        if int(counts.min()) < recipe.search.folds:
            raise DataError(
                f"The class {plain(counts.idxmin())!r} has {int(counts.min())} training rows, "
                f"fewer than {recipe.search.folds} folds",
                "Add more rows of it, lower --folds, or say what becomes of it: "
                "classes.rare in the recipe",
            )
    return recipe, notices


def _fewer(recipe: Recipe, y_train: pd.Series[Any]) -> tuple[Recipe, list[str]]:
    counts = y_train.value_counts()
    repeated = counts[counts > 1]
    notices = []
    if len(repeated) < len(counts):
        alone = [repr(plain(label)) for label in counts.index[counts == 1]]
        shown = ", ".join(alone[:5]) + (f" and {len(alone) - 5} more" if len(alone) > 5 else "")
        notices.append(f"Classes with one training row are learnt but never measured: {shown}")
    if repeated.empty:
        raise DataError(
            f"Each class of the target '{recipe.data.target}' has one training row",
            "Choose another target, or add more rows",
        )
    folds = max(2, min(recipe.search.folds, int(repeated.min())))
    if folds < recipe.search.folds:
        rarest = plain(repeated.idxmin())
        notices.append(
            f"The class {rarest!r} has {int(repeated.min())} training rows, so there are {folds} "
            f"folds instead of {recipe.search.folds}"
        )
    search = recipe.search.model_copy(update={"folds": folds})
    return recipe.model_copy(update={"search": search}), notices


def _check(recipe: Recipe, y_train: pd.Series[Any], groups: pd.Series[Any] | None) -> None:
    folds = recipe.search.folds
    needed = folds + 1 if recipe.split_kind == "time" else folds
    if len(y_train) < needed:
        raise DataError(
            f"{counted(len(y_train), 'training row')} cannot make {counted(folds, 'fold')}",
            "Add more rows, or lower --folds (in a recipe: folds)",
        )
    undefined = [name for name in recipe.scoring if name in metrics.OF_TWO_ROWS]
    if undefined and len(y_train) < 2 * folds:
        raise DataError(
            f"{len(y_train)} training rows make {folds} folds of fewer than 2 rows, "
            f"on which the metric '{undefined[0]}' is not defined",
            "Add more rows, or lower --folds (in a recipe: folds)",
        )
    if groups is not None and groups.nunique() < folds:
        raise DataError(
            f"{counted(groups.nunique(), 'group')} in the training rows cannot make "
            f"{counted(folds, 'fold')}",
            "Add more groups, or give fewer --folds",
        )
