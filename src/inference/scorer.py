"""A fitted estimator asked for predictions, batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from threadpoolctl import threadpool_limits

from inference.rejects import RejectFinder
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError, ModelError, one_line, reason
from mlproject.data.table import columns_of, to_frame
from mlproject.data.types import Misfit, typed
from mlproject.models import inspection
from mlproject.models.predictions import PREDICTION, as_array, as_columns

if TYPE_CHECKING:
    from mlproject.models.loaded import LoadedModel

PREDICT, PREDICT_PROBA = "predict", "predict_proba"
PROBABILITY = "probability_"  # and the class
# How many rows the model is asked at once, always but at the end of a split: libraries for linear
# algebra choose their code by the number of rows, and round differently. So a prediction does not
# depend on how the rows are cut into batches. Of wide rows they are fewer. Models without linear
# algebra are asked about whole batches, of any multiple of _GRAIN.
_CALL, _CALL_OF_WIDE_ROWS = 1 << 15, 1 << 13
_WIDE = 64
_GRAIN = 64
_MOST_CELLS = 1 << 21
_MOST_ROWS = 1 << 15
_LONGEST_REASON = 160


@contextmanager
def one_thread_of_algebra() -> Iterator[None]:
    """Keep linear algebra to one thread: how it splits its work would show in the last digit."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def keep_algebra_to_one_thread() -> None:
    """Do so for as long as this process lives: threads that begin and end would undo each other."""
    threadpool_limits(limits=1, user_api="blas")


@dataclass(frozen=True)
class Scores:
    """Predictions of the rows that were scored, in order, and the rows that were not."""

    predictions: pa.Table
    rejects: list[Misfit]


class Scorer:
    """Predicts, and says which rows the model refuses."""

    def __init__(self, model: LoadedModel, method: str) -> None:
        estimator = self.estimator = model.estimator
        self.schema = model.schema
        self.method = method
        if method == PREDICT_PROBA and not hasattr(estimator, PREDICT_PROBA):
            raise ConfigurationError(
                f"The model ({type(_last(estimator)).__name__}) has no predict_proba",
                "Use --method predict",
            )
        inspection.run_in_one_thread(estimator)
        self._width = self.schema.width or len(self.schema.features) or 1
        call = _CALL if self._width <= _WIDE else _CALL_OF_WIDE_ROWS
        self._call = None if inspection.is_row_by_row(estimator) else call
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.good = self._good_row(model.example)
            self.columns = self._predict(self.good).schema if self.good is not None else None
        self._finder = RejectFinder(self._ask, self.good)

    @property
    def is_row_by_row(self) -> bool:
        """Whether a prediction cannot depend on the rows beside it, even in its last digit."""
        return self._call is None

    @property
    def one_call(self) -> int:
        """The most rows that the model is asked at once."""
        return self._call or _MOST_ROWS

    @property
    def grain(self) -> int:
        """The number of rows that every batch but the last has a multiple of."""
        return self._call or _GRAIN

    def rows_at_once(self, wanted: int | None = None) -> int:
        """Return how many rows are typed and scored together: a multiple of the grain.

        Predictions do not depend on it.
        """
        rows = wanted or min(_MOST_ROWS, max(self.grain, _MOST_CELLS // self._width))
        return -(-rows // self.grain) * self.grain

    @property
    def expected(self) -> pa.Schema:
        """The columns that scoring adds, as far as they are known without a row."""
        if self.columns is not None:
            return self.columns
        labels: Any = getattr(self.estimator, "classes_", [])
        flat = isinstance(labels, np.ndarray) and labels.ndim == 1
        kind = as_array(labels[:0]).type if flat else pa.float64()
        named = labels if self.method == PREDICT_PROBA else []
        columns = [(f"{PROBABILITY}{label}", pa.float64()) for label in named]
        return pa.schema([*columns, (PREDICTION, kind)])

    def __call__(
        self, features: pa.Table, places: np.ndarray[Any, Any] | None = None, count: int = 0
    ) -> Scores:
        """Score rows.

        Parameters
        ----------
        features : Table of shape (n_rows, n_features)
        places : ndarray of shape (n_rows,), optional
            Where the rows stand among ``count`` rows of which the others are rejected already.
            What the model is asked at once is counted in places.
        """
        if not features.num_rows:
            return Scores(self._nothing(), [])
        if self._call is None:
            return self._one_call(features)
        if places is None:
            places, count = np.arange(features.num_rows), features.num_rows
        calls, first = [], 0
        for start in range(0, count, self._call):
            stop = int(np.searchsorted(places, start + self._call))
            if stop > first:
                size = min(self._call, count - start)
                rows = features.slice(first, stop - first)
                calls.append((first, self._in_place(rows, places[first:stop] - start, size)))
            first = stop
        if len(calls) == 1:
            return calls[0][1]
        return self.joined(calls)

    def joined(self, pieces: Sequence[tuple[int, Scores]]) -> Scores:
        """Return the scores of consecutive pieces of rows, of which the first rows are known."""
        rejects = [
            replace(item, row=first + item.row) for first, made in pieces for item in made.rejects
        ]
        return Scores(_joined([made.predictions for _, made in pieces], self._nothing()), rejects)

    def _in_place(self, features: pa.Table, places: np.ndarray[Any, Any], size: int) -> Scores:
        """Score rows of one call in which others, rejected already, have their places too."""
        if len(places) == size:
            return self._one_call(features)
        # The first of the rows stands in for them.
        rows = np.zeros(size, int)
        rows[places] = np.arange(len(places))
        scores = self._one_call(features.take(rows))
        refused = {item.row for item in scores.rejects}
        left = np.array([row for row in range(size) if row not in refused], int)
        kept = np.isin(left, places)
        numbers = dict(zip(places.tolist(), range(len(places)), strict=True))
        own = [
            replace(item, row=numbers[item.row]) for item in scores.rejects if item.row in numbers
        ]
        return Scores(scores.predictions.filter(pa.array(kept)), own)

    def _one_call(self, features: pa.Table) -> Scores:
        """Score rows that the model is asked together.

        Whole numbers and truth values with a gap become floats, and that in every row of a frame.
        So rows are asked apart by which of these they lack: what a row gets is up to itself.
        """
        kinds = _gaps(features)
        if len(kinds) == 1:
            return self._scored(features)
        tables, order, rejects = [], [], []
        for rows in kinds:
            own = np.zeros(features.num_rows, bool)
            own[rows] = True
            # The others keep their place, with the values of a row of this kind.
            scores = self._scored(features.take(np.where(own, np.arange(len(own)), rows[0])))
            refused = {item.row for item in scores.rejects}
            left = np.array([row for row in range(len(own)) if row not in refused], int)
            tables.append(scores.predictions.filter(pa.array(own[left])))
            order.append(left[own[left]])
            rejects += [item for item in scores.rejects if own[item.row]]
        back = np.argsort(np.concatenate(order), kind="stable")
        rejects.sort(key=lambda item: item.row)
        return Scores(_joined(tables, self._nothing()).take(back), rejects)

    def _scored(self, features: pa.Table) -> Scores:
        return self.of_frame(to_frame(features))

    def of_frame(self, frame: pd.DataFrame) -> Scores:
        """Score the rows of one call, which have the types of the schema and are not empty."""
        try:
            return Scores(self._predict(frame), [])
        except MemoryError as error:
            raise ModelError(
                f"There is not enough memory to score {counted(len(frame), 'row')} at once",
                "Give a smaller --batch-rows",
            ) from error
        except ModelError:
            raise
        except Exception as error:
            rejects = self._finder.find(frame)
            if not rejects:
                raise ModelError(f"The model fails: {reason(error)}") from error
        kept = np.ones(len(frame), bool)
        kept[[item.row for item in rejects]] = False
        if not kept.any():
            return Scores(self._nothing(), rejects)
        # A good row stands in for each refused one, so that the others keep their place.
        rows = np.where(kept, np.arange(len(frame)), np.flatnonzero(kept)[0])
        predictions = self._predict(frame.iloc[rows].reset_index(drop=True))
        return Scores(predictions.filter(pa.array(kept)), rejects)

    def _predict(self, frame: pd.DataFrame) -> pa.Table:
        X = frame.to_numpy() if self.schema.is_tensor else frame
        columns: dict[str, Any] = {}
        if self.method == PREDICT_PROBA:
            probabilities = np.asarray(self.estimator.predict_proba(X))
            classes = list(self.estimator.classes_)
            if probabilities.shape != (len(frame), len(classes)):
                raise ModelError("predict_proba of a model with several targets cannot be written")
            for number, label in enumerate(classes):
                values = np.ascontiguousarray(probabilities[:, number])
                columns[f"{PROBABILITY}{label}"] = as_array(values)
        columns |= as_columns(self.estimator.predict(X), len(frame))
        return pa.table(columns)

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
        return self.expected.empty_table()

    def _good_row(self, sample: Mapping[str, Any] | None) -> pd.DataFrame | None:
        """Return a row that the model takes, with the types of the schema.

        One of the input example, or one of zeros and empty texts.
        """
        example, why = self._example(sample), None
        for row in range(len(example)):
            one = example.iloc[[row]].reset_index(drop=True)
            if one.isna().to_numpy().any():
                continue
            why = self._ask(one)
            if why is None:
                return one
        if why is not None:
            raise ModelError(f"The model fails on its own input example: {why}")
        zeros = self._zeros()
        return zeros if len(zeros) and self._ask(zeros) is None else None

    def _example(self, sample: Mapping[str, Any] | None) -> pd.DataFrame:
        if sample is None or self.schema.is_tensor:
            return pd.DataFrame()
        try:
            rows = pd.DataFrame(sample["data"], columns=sample["columns"])
            features = self.schema.matched([str(name) for name in rows], "the example")
            return to_frame(typed(columns_of(rows, features), features).fitting())
        except (KeyError, TypeError, ValueError, OverflowError, pa.ArrowException, DataError):
            return pd.DataFrame()

    def _zeros(self) -> pd.DataFrame:
        names = [str(number) for number in range(self.schema.width or 0)]
        kinds = dict.fromkeys(names, self.schema.type) or {
            f.name: f.frame_type for f in self.schema.features
        }
        arrays = {
            name: pa.array([""]) if pa.types.is_string(kind) else pa.array([0]).cast(kind)
            for name, kind in kinds.items()
        }
        return to_frame(pa.table(arrays)) if arrays else pd.DataFrame()


def _gaps(features: pa.Table) -> list[np.ndarray[Any, Any]]:
    """Return the rows by which of their whole numbers and truth values are missing."""
    exact = [
        np.asarray(column.is_null())
        for column in features.columns
        if column.null_count
        and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type))
    ]
    if not exact:
        return [np.arange(features.num_rows)]
    _, kinds = np.unique(np.column_stack(exact), axis=0, return_inverse=True)
    kinds = kinds.ravel()
    return [np.flatnonzero(kinds == kind) for kind in range(kinds.max() + 1)]


def _joined(tables: list[pa.Table], empty: pa.Table) -> pa.Table:
    filled = [table for table in tables if table.num_rows]
    return pa.concat_tables(filled, promote_options="permissive") if filled else empty


def _last(estimator: Any) -> Any:
    return estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
