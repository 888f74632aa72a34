"""A fitted estimator asked for predictions, batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from inference.refusals import Refusal, Refusals
from inference.schema import Schema
from mlproject.data.table import to_frame
from mlproject.errors import ConfigurationError, ModelError, one_line, reason

PREDICT, PREDICT_PROBA = "predict", "predict_proba"
PREDICTION = "prediction"
# The number of rows that every call but the last is a multiple of. Libraries for linear algebra
# treat the rows left over at the end in other code, which rounds otherwise; so a prediction does
# not depend on how the rows are cut into batches.
GRAIN = 64
_LONGEST_REASON = 160


@dataclass(frozen=True)
class Scores:
    """Predictions of the rows that were scored, in order, and the rows that were not."""

    predictions: pa.Table
    refusals: list[Refusal]


class Scorer:
    """Predicts, and says which rows the model refuses.

    Parameters
    ----------
    estimator : estimator
        Fitted.
    schema : Schema
    method : str
        ``predict`` or ``predict_proba``.
    sample : mapping or None
        The artifact's input example, split-oriented; rows that the model is known to take.
    """

    def __init__(
        self, estimator: Any, schema: Schema, method: str, sample: Mapping[str, Any] | None
    ) -> None:
        self.estimator = estimator
        self.schema = schema
        self.method = method
        if method == PREDICT_PROBA and not hasattr(estimator, PREDICT_PROBA):
            raise ConfigurationError(
                f"The model ({type(_last(estimator)).__name__}) has no predict_proba",
                "Use --method predict",
            )
        self.good = self._taken(sample)
        self.columns: pa.Schema | None = None
        if self.good is not None:
            self.columns = self._predict(self.good).schema

    def added(self) -> set[str]:
        """Return the names of the columns that scoring adds, as far as they are known."""
        return set(self.columns.names) if self.columns is not None else {PREDICTION}

    def __call__(self, features: pa.Table) -> Scores:
        """Score the rows of a batch.

        Parameters
        ----------
        features : Table of shape (n_rows, n_features)
        """
        frame = to_frame(features)
        if not len(frame):
            return Scores(self._nothing(), [])
        try:
            return Scores(self._predict(frame), [])
        except MemoryError as error:
            raise ModelError(
                f"There is not enough memory to score {len(frame)} rows at once",
                "Give a smaller --batch-rows",
            ) from error
        except ModelError:
            raise
        except Exception as error:
            refusals = Refusals(self._ask, self.good).find(frame)
            if not refusals:
                raise ModelError(f"The model fails: {reason(error)}") from error
        kept = np.ones(len(frame), bool)
        kept[[item.row for item in refusals]] = False
        if not kept.any():
            return Scores(self._nothing(), refusals)
        # A good row stands in for each refused one, so that the others keep their place.
        rows = np.where(kept, np.arange(len(frame)), np.flatnonzero(kept)[0])
        predictions = self._predict(frame.iloc[rows].reset_index(drop=True))
        return Scores(predictions.filter(pa.array(kept)), refusals)

    def _predict(self, frame: pd.DataFrame) -> pa.Table:
        X = frame.to_numpy() if self.schema.is_tensor else frame
        columns: dict[str, Any] = {}
        if self.method == PREDICT_PROBA:
            probabilities = np.asarray(self.estimator.predict_proba(X))
            classes = list(self.estimator.classes_)
            if probabilities.shape != (len(frame), len(classes)):
                raise ModelError("predict_proba of a model with several targets cannot be written")
            for place, label in enumerate(classes):
                columns[f"probability_{label}"] = np.ascontiguousarray(probabilities[:, place])
        found = self.estimator.predict(X)
        values = np.asarray(found.toarray() if hasattr(found, "toarray") else found)
        if values.shape[:1] != (len(frame),):
            raise ModelError(f"The model made {len(values)} predictions for {len(frame)} rows")
        if values.ndim == 1:
            columns[PREDICTION] = values
        else:
            flat = values.reshape(len(frame), -1)
            for place in range(flat.shape[1]):
                columns[f"{PREDICTION}_{place}"] = np.ascontiguousarray(flat[:, place])
        return pa.table({name: _array(values) for name, values in columns.items()})

    def _ask(self, frame: pd.DataFrame) -> str | None:
        """Return what the model says against a frame; None when it takes it."""
        try:
            self._predict(frame)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - that is the question
            text = one_line(str(error).strip().partition("\n")[0]) or type(error).__name__
            return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
        return None

    def _nothing(self) -> pa.Table:
        schema = self.columns or pa.schema([(PREDICTION, pa.float64())])
        return schema.empty_table()

    def _taken(self, sample: Mapping[str, Any] | None) -> pd.DataFrame | None:
        """Return a row of the input example that the model takes, with the types of the schema."""
        if sample is None or self.schema.is_tensor:
            return None
        try:
            given = pd.DataFrame(sample["data"], columns=sample["columns"])
            arrays = {
                f.name: pa.Array.from_pandas(given[f.name], type=f.type)
                for f in self.schema.features
            }
            frame = to_frame(pa.table(arrays))
        except (KeyError, TypeError, ValueError, pa.ArrowException):
            return None
        for row in range(len(frame)):
            one = frame.iloc[[row]].reset_index(drop=True)
            if not one.isna().to_numpy().any() and self._ask(one) is None:
                return one
        return None


def _array(values: np.ndarray[Any, Any]) -> Any:
    if values.dtype.kind in "OUS":
        return pa.array([None if v is None else str(v) for v in values.tolist()], pa.string())
    return pa.array(values)


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
