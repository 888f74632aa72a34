"""Which columns are to blame when a pipeline cannot be fitted: found by replacing their values."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import clone
from sklearn.utils import _safe_indexing

# Of more, each alone would take too many fits.
_MOST_ALONE = 50
_MOST_NAMED = 3
_DIFFERENT = 7
_ROWS = 100

Replace = Callable[["pd.Series[Any]"], Any]


def hint(estimator: Any, X: Any, y: Any) -> str | None:
    """Return which columns of the rows of a failed fit are to blame; None where it is not found."""
    if not isinstance(X, pd.DataFrame) or not X.columns.is_unique:
        return None
    rows = some_rows(X, y)
    X, y = _safe_indexing(X, rows), _safe_indexing(y, rows)

    def fits(other: pd.DataFrame) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                clone(estimator).fit(other, y)
            except (Exception, SystemExit):  # noqa: BLE001 - any estimator may raise anything
                return False
        return True

    columns = {} if fits(X) else to_blame(X, fits)
    if not columns:
        return None
    shown = ", ".join(f"'{name}' ({held})" for name, held in list(columns.items())[:_MOST_NAMED])
    more = f" and {len(columns) - _MOST_NAMED} more" if len(columns) > _MOST_NAMED else ""
    if len(columns) == 1:
        return f"The cause is the column {shown}: leave it out, or preprocess it in the pipeline"
    remedy = "leave them out, or preprocess them in the pipeline"
    return f"The causes are the columns {shown}{more}: {remedy}"


def some_rows(X: pd.DataFrame, y: Any) -> Any:
    """Return the positions of about a hundred rows in which what makes a fit fail occurs.

    Classes in equal numbers, of what has so few different values; and of each column the first
    value that is missing or no number.
    """
    values = pd.Series(np.asarray(y) if np.ndim(y) == 1 else np.arange(len(X)))
    shuffled = values.sample(frac=1, random_state=0)
    if values.nunique() <= _ROWS:
        shuffled = shuffled.iloc[shuffled.groupby(shuffled).cumcount().argsort(kind="stable")]
    odd = [_no_number(X[name]) for name in X.columns]
    first = [int(column.argmax()) for column in odd if column.any()]
    return np.unique([*shuffled.index[:_ROWS], *first])


def to_blame(X: pd.DataFrame, fits: Callable[[pd.DataFrame], bool]) -> Mapping[str, str]:
    """Return the fewest columns whose replacement lets a fit succeed, and what each holds.

    Columns keep their names and places, so that a pipeline that selects them by either still does.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_features)
        Rows that cannot be fitted.
    fits : callable
        Takes other features for the same rows, and returns whether they can be fitted.
    """
    for columns, replace in _attempts(X):

        def without(names: Sequence[str], replace: Replace = replace) -> bool:
            return fits(pd.DataFrame({k: replace(v) if k in names else v for k, v in X.items()}))

        if columns and without(columns):
            needed = set(_needed(without, [], columns, changed=False))
            missing = "missing values" if replace is _filled else None
            return {name: missing or _held(X[name]) for name in X.columns if name in needed}
    return {}


def _attempts(X: pd.DataFrame) -> Iterator[tuple[list[str], Replace]]:
    """Yield columns that may be to blame together, likelier ones first, and what replaces them."""
    yield [name for name in X.columns if X[name].isna().any()], _filled
    kinds = {name: _held(X[name]).partition(" such as ")[0] for name in X.columns}
    for kind in ("dates", "text", "truth values", "numbers"):
        yield [name for name, held in kinds.items() if held == kind], _numbers
    yield list(kinds), _numbers
    if len(kinds) <= _MOST_ALONE:
        for name in kinds:
            yield [name], _numbers


def _needed(
    without: Callable[[Sequence[str]], bool],
    replaced: list[str],
    columns: list[str],
    *,
    changed: bool,
) -> list[str]:
    """Return the fewest of some columns to replace as well; Junker's QuickXplain (2004)."""
    if changed and without(replaced):
        return []
    if len(columns) == 1:
        return columns
    left, right = columns[: len(columns) // 2], columns[len(columns) // 2 :]
    of_right = _needed(without, replaced + left, right, changed=True)
    of_left = _needed(without, replaced + of_right, left, changed=bool(of_right))
    return of_left + of_right


def _numbers(values: pd.Series[Any]) -> Any:
    """Return a few different positive numbers, which every estimator of tables takes."""
    return 1.0 + np.arange(len(values)) % _DIFFERENT


def _filled(values: pd.Series[Any]) -> Any:
    present = values.dropna()
    return values.fillna(present.iloc[0]) if len(present) else _numbers(values)


def _held(values: pd.Series[Any]) -> str:
    if types.is_datetime64_any_dtype(values):
        return "dates"
    if types.is_bool_dtype(values):
        return "truth values"
    if types.is_numeric_dtype(values):
        return "numbers"
    texts = values[_no_number(values) & values.notna()]
    return f"text such as {str(texts.iloc[0])[:40]!r}" if len(texts) else "text"


def _no_number(values: pd.Series[Any]) -> Any:
    try:
        return pd.to_numeric(values, errors="coerce").isna().to_numpy()
    except (TypeError, ValueError):  # of objects that are no texts
        return np.zeros(len(values), bool)
