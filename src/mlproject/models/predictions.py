"""What an estimator predicts, as columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.base.counting import counted
from mlproject.base.errors import ModelError

PREDICTION = "prediction"


def as_columns(predictions: Any, rows: int) -> dict[str, pa.Array]:
    """Return the column ``prediction``; ``prediction_0`` and so on where there are several targets.

    Parameters
    ----------
    predictions : array of shape (n_rows,) or (n_rows, n_targets)
    rows : int
        For how many rows the estimator was asked.
    """
    if hasattr(predictions, "toarray"):  # a sparse matrix, of several labels
        predictions = predictions.toarray()
    values = np.asarray(predictions)
    if values.shape[:1] != (rows,):
        raise ModelError(
            f"The model made {counted(len(values), 'prediction')} for {counted(rows, 'row')}"
        )
    if values.ndim == 1:
        return {PREDICTION: as_array(values)}
    flat = values.reshape(rows, -1)
    return {
        f"{PREDICTION}_{number}": as_array(np.ascontiguousarray(flat[:, number]))
        for number in range(flat.shape[1])
    }


def as_array(values: np.ndarray[Any, Any]) -> Any:
    if values.dtype.kind in "OUS":
        return pa.array([None if v is None else str(v) for v in values.tolist()], pa.string())
    return pa.array(values)
