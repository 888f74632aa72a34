"""Columns that give the target away, which is rarely what a model will have when it is used."""

from __future__ import annotations

from shlex import quote
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from training.columns import is_row_number
from training.recipe import Task
from training.rows import sampled

_MOST_ROWS = 2000
_FEWEST_ROWS = 30
_MOST_COLUMNS = 300
_FOLDS = 3
# Of a quantity R², of classes the balanced accuracy.
_LEAST_R2, _LEAST_ACCURACY = 0.9, 0.98
_LEAVES = 256
_COPIES = 1 - 1e-9


def warnings_of(X: pd.DataFrame, y: pd.Series[Any], task: Task, seed: int) -> list[str]:
    """Return what should be told of features that number the rows, or tell the target."""
    found = [
        f"Column '{name}' numbers the rows: a model learns their order from it. To leave it out, "
        f"give --drop {quote(str(name))}"
        for name in X.columns
        if is_row_number(X[name])
    ]
    if len(X) < _FEWEST_ROWS:
        return found
    rows = sampled(len(X), _MOST_ROWS, seed)
    sample, target = X.iloc[rows], y.iloc[rows].reset_index(drop=True)
    for name in list(X.columns)[:_MOST_COLUMNS]:
        told = _told(sample[name].reset_index(drop=True), target, task)
        if told is not None:
            found.append(
                f"Column '{name}' {told}: if it is not known when the model is used, give "
                f"--drop {quote(str(name))}"
            )
    return found


def _told(values: pd.Series[Any], y: pd.Series[Any], task: Task) -> str | None:
    """Return how far a column alone tells the target, or None when it does not nearly do so."""
    if _is_copy(values, y):
        return "copies the target"
    codes = _numbers(values)
    distinct = np.unique(codes).size
    if distinct < 2 or (not types.is_numeric_dtype(values) and distinct > len(values) / 2):
        return None
    if task == "regression":
        score, least, name = _r2(codes, y), _LEAST_R2, "R²"
    else:
        score, least, name = _balanced_accuracy(codes, y), _LEAST_ACCURACY, "balanced accuracy"
    return f"alone predicts the target ({name} {score:.2f})" if score > least else None


def _r2(codes: np.ndarray[Any, Any], y: pd.Series[Any]) -> float:
    """Return the R² of a straight line or of a tree, whichever is better."""
    tree = DecisionTreeRegressor(min_samples_leaf=2, max_leaf_nodes=_LEAVES, random_state=0)
    straight, known = 0.0, np.isfinite(codes)
    if known.mean() > 1 / 2 and np.ptp(codes[known]) > 0 and y[known].nunique() > 1:
        straight = float(np.corrcoef(codes[known], y[known])[0, 1] ** 2)
    folds = KFold(_FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(tree, codes.reshape(-1, 1), y, cv=folds)
    return max(straight, float(r2_score(y, predicted)))


def _balanced_accuracy(codes: np.ndarray[Any, Any], y: pd.Series[Any]) -> float:
    """Return the balanced accuracy of a tree; classes too rare for the folds are left out."""
    kept = (y.map(y.value_counts()) >= _FOLDS).to_numpy()
    if y[kept].nunique() < 2:
        return 0.0
    tree = DecisionTreeClassifier(min_samples_leaf=2, max_leaf_nodes=_LEAVES, random_state=0)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(tree, codes[kept].reshape(-1, 1), y[kept], cv=folds)
    return float(balanced_accuracy_score(y[kept], predicted))


def _is_copy(values: pd.Series[Any], y: pd.Series[Any]) -> bool:
    if values.isna().any():
        return False
    if not (types.is_numeric_dtype(values) and types.is_numeric_dtype(y)):
        return bool((values.astype(str) == y.astype(str)).all())
    first, second = values.to_numpy(dtype=float), y.to_numpy(dtype=float)
    if np.ptp(first) == 0 or np.ptp(second) == 0 or len(np.unique(second)) < 3:
        return bool((first == second).all())
    return bool(abs(np.corrcoef(first, second)[0, 1]) > _COPIES)


def _numbers(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    if types.is_datetime64_any_dtype(values):
        return values.astype("int64").to_numpy(dtype=np.float64)
    if types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=np.float64)
        limit = float(np.finfo(np.float32).max) / 2  # of scikit-learn's trees
        return np.asarray(np.clip(numbers, -limit, limit))
    codes, _ = pd.factorize(values)
    return codes.astype(np.float64)
