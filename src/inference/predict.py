"""A data frame in, a data frame out: what scoring does, without files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from inference.scorer import PREDICT, Scorer, one_thread_of_algebra
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data.table import columns_of
from mlproject.data.types import typed
from mlproject.models.loaded import LoadedModel

_WHERE = "the data frame"


def predict(
    model: LoadedModel, frame: pd.DataFrame, method: str = PREDICT
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scored rows and the rejects of a data frame; see ``mlproject.predict``."""
    frame = frame if isinstance(frame, pd.DataFrame) else pd.DataFrame(frame)
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{_WHERE.capitalize()} has the column '{repeated[0]}' more than once")
    features = model.schema.matched(names, _WHERE)
    scorer = Scorer(model, method)
    columns = typed(columns_of(frame, features), features)
    misfits = columns.misfits
    with one_thread_of_algebra():
        scores = scorer(columns.fitting())
    clash = sorted(set(names) & set(scores.predictions.column_names))
    if clash:
        raise ConfigurationError(
            f"{_WHERE.capitalize()} already has a column '{clash[0]}', which scoring adds",
            "Rename it, or leave it out",
        )
    rows = np.delete(np.arange(len(frame)), [item.row for item in misfits])
    refused = [replace(item, row=int(rows[item.row])) for item in scores.rejects]
    scored = np.delete(rows, [item.row for item in scores.rejects])
    added = scores.predictions.to_pandas()
    predictions = frame.iloc[scored].assign(**{name: added[name].to_numpy() for name in added})
    rejects = sorted([*misfits, *refused], key=lambda item: item.row)
    return predictions, pd.DataFrame(
        {"column": [item.column for item in rejects], "reason": [item.reason for item in rejects]},
        index=frame.index[[item.row for item in rejects]],
        dtype=object,
    )
