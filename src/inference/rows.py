"""Rows in memory, scored: the one way from a frame or an Arrow batch to predictions and rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from inference.scorer import Scorer, Scores, one_thread_of_algebra
from mlproject.base.errors import ConfigurationError, DataError, ModelError
from mlproject.data.arrays import in_one_piece
from mlproject.data.schema import Feature
from mlproject.data.table import columns_of
from mlproject.data.types import typed

if TYPE_CHECKING:
    from mlproject.models.loaded import LoadedModel

REASON = "reject_reason"
_WHERE = "the data frame"
# What pandas has for columns with gaps; numbers with a point have NaN.
_WITH_GAPS = {
    pa.int8(): pd.Int8Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}


@dataclass(frozen=True)
class RowScorer:
    """Scores rows of frames that have certain columns; it can be pickled.

    Attributes
    ----------
    features : tuple of Feature
        The columns that are scored.
    """

    scorer: Scorer
    features: tuple[Feature, ...]

    @classmethod
    def of(cls, model: LoadedModel, method: str, columns: Sequence[str]) -> RowScorer:
        """Return what scores frames of these columns; refuse those that lack one or repeat one."""
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            raise DataError(f"{_WHERE.capitalize()} has the column '{repeated[0]}' more than once")
        features = model.schema.matched(columns, _WHERE)
        return cls(Scorer(model, method), features)

    def __call__(self, table: pa.Table) -> Scores:
        """Score a table's rows; the rejects have the numbers of their rows."""
        size = self.scorer.rows_at_once()
        starts = range(0, table.num_rows, size)
        with one_thread_of_algebra():
            return self.scorer.joined([(n, self.piece(table.slice(n, size))) for n in starts])

    def piece(self, table: pa.Table) -> Scores:
        """Score as many rows as are scored together, or fewer."""
        columns = typed(table, self.features)
        places = np.delete(np.arange(table.num_rows), [item.row for item in columns.misfits])
        scores = self.scorer(columns.fitting(), places, table.num_rows)
        refused = [replace(item, row=int(places[item.row])) for item in scores.rejects]
        rejects = sorted([*columns.misfits, *refused], key=lambda item: item.row)
        return Scores(scores.predictions, rejects)

    @property
    def added(self) -> pa.Schema:
        """The columns that stand beside each row, scored or not."""
        return self.scorer.expected.append(pa.field(REASON, pa.string()))

    def beside(self, table: pa.Table) -> pa.Table:
        """Return what stands beside each row of a table: predictions, or why there are none."""
        scores, expected = self(table), self.scorer.expected
        predictions = scores.predictions
        if predictions.column_names != expected.names:
            raise ModelError(
                f"The model predicts {', '.join(predictions.column_names)}, where "
                f"{', '.join(expected.names)} was expected",
                "Save it with an input example",
            )
        reasons: list[str | None] = [None] * table.num_rows
        scored = np.ones(table.num_rows, bool)
        for item in scores.rejects:
            reasons[item.row], scored[item.row] = item.message, False
        places = pa.array(np.cumsum(scored) - 1, mask=~scored)
        made = predictions.cast(expected).take(places)
        return made.append_column(REASON, pa.array(reasons, pa.string()))

    def batch(self, batch: pa.RecordBatch, added: pa.Schema) -> pa.RecordBatch:
        """Return a batch with what stands beside its rows, in the types that are wanted."""
        beside = self.beside(pa.Table.from_batches([batch])).cast(added)
        columns = [*batch.columns, *map(in_one_piece, beside.columns)]
        return pa.RecordBatch.from_arrays(columns, [*batch.schema.names, *added.names])

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with what stands beside its rows, in types that have gaps."""
        added = self.beside(columns_of(frame, self.features)).to_pandas(types_mapper=_WITH_GAPS.get)
        return frame.assign(**{name: added[name].array for name in added})


def refuse_names(columns: Sequence[str], added: Sequence[str]) -> None:
    """Refuse a frame that has a column which scoring adds."""
    clash = sorted(set(columns) & set(added))
    if clash:
        raise ConfigurationError(
            f"{_WHERE.capitalize()} already has a column '{clash[0]}', which scoring adds",
            "Rename it, or leave it out",
        )
