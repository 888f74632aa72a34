"""What a model takes: the type of each column, from all training rows, and rows that show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from mlproject.data.table import Table

_EXAMPLE_ROWS = 5


def column_types(X: pd.DataFrame, table: Table) -> dict[str, str]:
    """Return MLflow's type of each feature.

    Truth values with gaps are doubles in the frame, and truth values in the next file all the same.
    """
    return {str(name): _column_type(X[name], table.types.get(str(name))) for name in X.columns}


def _column_type(values: pd.Series[Any], stored: pa.DataType | None) -> str:
    if types.is_bool_dtype(values) or (stored is not None and pa.types.is_boolean(stored)):
        return "boolean"
    if types.is_datetime64_any_dtype(values):
        return "datetime"
    if types.is_integer_dtype(values):
        return "long"
    return "double" if types.is_float_dtype(values) else "string"


def example(X: Any) -> Any:
    """Return a few rows in which every column that has a value shows one."""
    if not isinstance(X, pd.DataFrame):
        return X[:_EXAMPLE_ROWS]
    present = X.notna().to_numpy()
    chosen = np.flatnonzero(present.all(axis=1))[:_EXAMPLE_ROWS].tolist()
    if not chosen:
        chosen = list(range(min(_EXAMPLE_ROWS, len(X))))
    while True:
        unseen = np.flatnonzero(~present[chosen].any(axis=0) & present.any(axis=0))
        if not len(unseen):
            break
        gained = present[:, unseen].sum(axis=1)
        chosen.append(int(gained.argmax()))
    return X.iloc[sorted(chosen)].reset_index(drop=True)


def of_model(model: Any, rows: Any, kinds: Mapping[str, str] | None) -> Any:
    """Return a model's signature.

    Parameters
    ----------
    rows : DataFrame or array
        Rows that the model takes; of an array or a frame of a caller's own the types are theirs.
    kinds : mapping of str to str, optional
        Column to MLflow's type. All are required but truth values of which some are missing:
        MLflow takes NaN as a double.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, DataType, Schema

    inferred = infer_signature(rows, np.asarray(model.predict(rows)))
    if kinds is None:
        return inferred
    columns: list[Any] = [
        # A truth value that may be missing is a number to the model, in every row.
        ColSpec(DataType[kind], name=name, required=kind != "boolean" or rows[name].dtype == bool)
        for name, kind in kinds.items()
    ]
    return ModelSignature(inputs=Schema(columns), outputs=inferred.outputs)
