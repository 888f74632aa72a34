"""What a loaded estimator is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

# Modules whose estimators treat each row by itself, number by number: no linear algebra.
_ROW_BY_ROW = (
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
        type(item).__module__.startswith(_ROW_BY_ROW)
        for item in parts(estimator)
        if hasattr(item, "fit")
    )


def run_in_one_thread(estimator: Any) -> None:
    """Let every part predict in the calling thread.

    A forest with several jobs adds its trees up in the order in which they are done, which shows
    in the last digit; ``--jobs`` scores whole batches at a time instead.
    """
    for item in parts(estimator):
        if hasattr(item, "fit") and getattr(item, "n_jobs", None) not in (None, 1):
            item.n_jobs = 1
