"""A data frame in, a data frame out: what scoring does, without files."""

from __future__ import annotations

import numpy as np
import pandas as pd

from inference.rows import RowScorer, refuse_names
from inference.scorer import PREDICT
from mlproject.data.table import columns_of
from mlproject.models.loaded import LoadedModel


def predict(
    model: LoadedModel, frame: pd.DataFrame, method: str = PREDICT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scored rows and the rejects of a data frame; see ``mlproject.predict``."""
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    names = [str(name) for name in frame.columns]
    rows = RowScorer.of(model, method, names)
    scores = rows(columns_of(frame, rows.features))
    refuse_names(names, scores.predictions.column_names)
    rejects = scores.rejects
    scored = np.delete(np.arange(len(frame)), [item.row for item in rejects])
    added = scores.predictions.to_pandas()
    predictions = frame.iloc[scored].assign(**{name: added[name].to_numpy() for name in added})
    return predictions, pd.DataFrame(
        {"column": [item.column for item in rejects], "reason": [item.reason for item in rejects]},
        index=frame.index[[item.row for item in rejects]],
        dtype=object,
    )
