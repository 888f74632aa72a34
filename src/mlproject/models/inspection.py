"""What a loaded estimator is made of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

# Modules whose estimators treat each row by itself, number by number: no linear algebra.
_ROW_BY_ROW = (
    "mlproject_features",
    "sklearn.compose._column_transformer",
    "sklearn.dummy",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._hist_gradient_boosting",
    "sklearn.impute._base",
    "sklearn.pipeline",
    "sklearn.preprocessing._data",
    "sklearn.preprocessing._discretization",
    "sklearn.preprocessing._encoders",
    "sklearn.preprocessing._label",
    "sklearn.preprocessing._target_encoder",
    "sklearn.tree",
)


def parts(estimator: Any) -> Iterator[Any]:
    """Yield every object of scikit-learn that an estimator holds, itself included."""
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple, set)):
            waiting.extend(item)
        elif isinstance(item, np.ndarray):
            waiting.extend(item.ravel().tolist() if item.dtype == object else [])
        elif type(item).__module__.startswith("sklearn.") or hasattr(item, "fit"):
            yield item
            waiting.extend(getattr(item, "__dict__", {}).values())


def is_row_by_row(estimator: Any) -> bool:
    """Whether a row's prediction cannot depend, even in its last digit, on the other rows.

    Libraries for linear algebra choose their code by the number of rows.
    """
    return all(
        type(item).__module__.startswith(_ROW_BY_ROW) or _passes_on(item)
        for item in parts(estimator)
        if hasattr(item, "fit")
    )


def _passes_on(item: Any) -> bool:
    function = getattr(item, "func", item)
    return function is None or checks_arrays(function)


def checks_arrays(function: Any) -> bool:
    """Whether a function only checks arrays, as histogram gradient boosting does for numbers."""
    from sklearn.utils.validation import check_array

    return isinstance(function, partial) and function.func is check_array and not function.args


def run_in_one_thread(estimator: Any) -> None:
    """Let every part predict in the calling thread.

    A forest with several jobs adds its trees up in the order in which they are done, which shows
    in the last digit; ``--jobs`` scores whole batches at a time instead.
    """
    for item in parts(estimator):
        if hasattr(item, "fit") and getattr(item, "n_jobs", None) not in (None, 1):
            item.n_jobs = 1
