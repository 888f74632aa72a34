"""Does the model score its own source? Asked of every model before its run is finished.

Rows are read and typed as scoring reads them, by the signature that is stored with the model, and
predicted by the model as it is read back; the predictions are compared with those of the fitted
estimator for the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.base.errors import ModelError
from mlproject.data import reading, source
from mlproject.data.batches import FEATURE
from mlproject.data.schema import Schema
from mlproject.data.table import columns_of, to_frame
from mlproject.data.types import typed
from training.plan import FirstRows

_TOLERANCE = 1e-6


def check(first: FirstRows, estimator: Any, stored: Any, schema: Schema) -> None:
    """Raise ModelError when a model cannot score the rows that it was made from.

    Parameters
    ----------
    estimator : estimator
        As it was fitted.
    stored : estimator
        As it is read back from what is stored.
    """
    for start, rows in _typed(first, schema):
        expected = np.asarray(estimator.predict(first.X.iloc[start : start + rows.num_rows]))
        scored = np.asarray(stored.predict(to_frame(rows)))
        wrong = _differing(expected, scored)
        if wrong is not None:
            raise ModelError(
                f"Scoring changes what the model predicts for its own data: row "
                f"{start + wrong + 1} is {scored[wrong]} when scored, and {expected[wrong]} "
                "when predicted directly"
            )


def _typed(first: FirstRows, schema: Schema) -> Iterator[tuple[int, pa.Table]]:
    """Yield rows as scoring types them, each time with the number of the first of them."""
    if first.source is None:
        columns = typed(columns_of(first.X, schema.features), schema.features)
        if columns.misfits:
            item = columns.misfits[0]
            raise _refused(f"row {item.row + 1}, column '{item.column}': {item.reason}")
        yield 0, columns.table
        return
    nothing = reading.CopyRequest("none", "csv", frozenset(), rejects=False)
    with source.opened(first.source, first.encoding) as files:
        start = 0
        for task in reading.prepare(files, schema, nothing, first.dialect).tasks():
            parsed = task()
            if parsed.rejects:
                raise _refused(parsed.rejects[0].message)
            names = [name for name in parsed.table.column_names if name.startswith(FEATURE)]
            table = parsed.table.select(names)
            table = table.rename_columns([name[len(FEATURE) :] for name in names])
            few = table.slice(0, len(first.X) - start)
            yield start, few
            start += few.num_rows
            if start >= len(first.X):
                return


def _refused(why: str) -> ModelError:
    return ModelError(
        f"The model refuses its own training data: {why}",
        "This is a fault of the recipe or of this project; nothing was finished",
    )


def _differing(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> int | None:
    """Return the first row of which two predictions differ; None when none does."""
    if ours.dtype.kind == "f" and theirs.dtype.kind == "f":
        same = np.isclose(ours, theirs, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True)
    else:
        same = np.asarray(ours == theirs)
    same = same.reshape(len(ours), -1).all(axis=1)
    return None if same.all() else int(np.argmin(same))
