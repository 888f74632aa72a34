"""Features of dates, for scikit-learn's pipelines.

This file stands by itself: a copy of it travels with every model that uses it, so that the model
can be loaded where nothing else of the project is installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

PARTS = ("elapsed", "year", "month", "weekday", "hour")
_DAY = pd.Timedelta(days=1)


class DateFeatures(TransformerMixin, BaseEstimator):
    """Turn dates into numbers.

    Parameters
    ----------
    parts : sequence of str, optional
        Of ``elapsed`` (days since 1970, with a fraction), ``year``, ``month`` (1 to 12),
        ``weekday`` (0 is Monday) and ``hour`` (0 to 24, with a fraction). By default all that
        vary in the rows of ``fit``.

    Attributes
    ----------
    parts_ : list of list of str
        The parts of each column.
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    Notes
    -----
    Takes a data frame of datetime columns, in UTC where they have a zone. A missing date is NaN in
    all its parts.
    """

    def __init__(self, parts: Any = None) -> None:
        self.parts = parts

    def fit(self, X: pd.DataFrame, y: Any = None) -> DateFeatures:
        unknown = set(self.parts or ()) - set(PARTS)
        if unknown:
            raise ValueError(f"No part {sorted(unknown)} of a date; there are {', '.join(PARTS)}")
        self.n_features_in_ = X.shape[1]
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        self.parts_ = []
        for name in X.columns:
            values = _parts(X[name])
            varying = [part for part in PARTS if np.unique(_present(values[part])).size > 1]
            self.parts_.append(list(self.parts or varying or ["elapsed"]))
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray[Any, Any]:
        """Return the parts of each column, shape (n_rows, n_parts)."""
        check_is_fitted(self, "parts_")
        columns = []
        for name, parts in zip(self.feature_names_in_, self.parts_, strict=True):
            values = _parts(X[name])
            columns += [values[part] for part in parts]
        return np.column_stack(columns)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        """Return names such as ``date_month``."""
        check_is_fitted(self, "parts_")
        pairs = zip(self.feature_names_in_, self.parts_, strict=True)
        return np.asarray([f"{n}_{part}" for n, parts in pairs for part in parts], dtype=object)


def _parts(dates: pd.Series[Any]) -> dict[str, np.ndarray[Any, Any]]:
    dates = pd.to_datetime(dates)
    if dates.dt.tz is not None:
        dates = dates.dt.tz_convert("UTC").dt.tz_localize(None)
    elapsed = ((dates - pd.Timestamp(0)) / _DAY).to_numpy(dtype=np.float64)
    return {
        "elapsed": elapsed,
        "year": dates.dt.year.to_numpy(dtype=np.float64),
        "month": dates.dt.month.to_numpy(dtype=np.float64),
        "weekday": dates.dt.weekday.to_numpy(dtype=np.float64),
        "hour": np.mod(elapsed, 1.0) * 24,
    }


def _present(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(values[~np.isnan(values)])
