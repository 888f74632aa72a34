"""The profile that is kept with a model: its features in the training rows, and its predictions."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pyarrow as pa
from scipy import sparse
from sklearn.utils import _safe_indexing

from mlproject.data.schema import Schema
from mlproject.data.table import columns_of
from mlproject.data.types import typed
from mlproject.drift import profile
from mlproject.drift.profile import Profile
from mlproject.models.predictions import as_columns
from training.plan import Plan
from training.rows import sampled

# A slow model is not asked about more.
_MOST_PREDICTED = 10_000


def written(plan: Plan, estimator: Any, schema: Schema) -> str | None:
    """Return the profile as JSON; None for a model of very many features or of a sparse matrix.

    Rows are typed as scoring types them.
    """
    rows, features = plan.rows, schema.assumed
    if sparse.issparse(rows.X_train) or len(features) > profile.MOST_FEATURES:
        return None
    frame = rows.X_train
    if not isinstance(frame, pd.DataFrame):
        frame = pd.DataFrame(frame, columns=[feature.name for feature in features])
    table = typed(columns_of(frame, features), features).table
    held_out = rows.X_test is not None
    made = Profile(
        rows=table.num_rows,
        features=profile.of_features(table),
        predicted="held-out rows" if held_out else "training rows",
        predictions=profile.of_predictions(
            _predictions(estimator, rows.X_test if held_out else rows.X_train, plan.seed),
            labels=plan.task == "classification",
        ),
    ).dumped()
    return made if len(made.encode()) <= profile.LARGEST else None


def _predictions(estimator: Any, X: Any, seed: int) -> pa.Table:
    places = sampled(X.shape[0], _MOST_PREDICTED, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they have been told when the model was measured
        answers = estimator.predict(_safe_indexing(X, places))
    return pa.table(as_columns(answers, len(places)))
