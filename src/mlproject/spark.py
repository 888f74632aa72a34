"""Score a Spark data frame where its rows are: ``mlproject.spark.score(df, model)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from mlproject.api import arguments
from mlproject.api.opening import Method, opened
from mlproject.base import clusters
from training.request import TrainResult

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from inference.rows import RowScorer


def score(
    df: DataFrame,
    model: str | TrainResult,
    *,
    method: Method = "predict",
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    allow_versions: bool = False,
) -> DataFrame:
    """Return a Spark data frame with predictions beside its rows; nothing is computed yet.

    The executors need the packages that the model needs, and none of this project: it travels with
    the model, which each of them gets once. With Spark Connect both are part of the query, which
    has at most 128 MB by default.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
        Has the columns that the model takes, in any order; others are kept. It may be a stream.
    model : str or TrainResult
        As for :func:`mlproject.score`. It is opened here, not by the executors.
    method : str
        ``predict``, or ``predict_proba`` for a column for each class too.
    allow_versions : bool
        Score on executors that have other versions of packages.

    Returns
    -------
    pyspark.sql.DataFrame
        Every row of ``df``, with its columns, the predictions as in a scored file (``prediction``,
        ``probability_…``), and ``reject_reason``. That is null where the row was scored; else it
        says why not, and the predictions are null.

    Raises
    ------
    ConfigurationError
        When a column has a name that scoring adds; when the model has no such method.
    DataError
        When a column is missing that the model takes.

    The other parameters, and errors, are those of :func:`mlproject.predict`.
    """
    clusters.check_installed("spark")
    if not hasattr(df, "mapInArrow"):
        raise arguments.other_frame("Spark", df)
    from inference.engines.probing import versions
    from inference.engines.shipping import Cargo, loader
    from inference.rows import RowScorer

    rows = RowScorer.of(opened(model, method, trust, tracking), method, df.columns)
    added = _signed(rows.added)
    schema = _schema(df.schema, added)
    cargo = Cargo.of(rows).content
    load = loader(None if allow_versions else versions())
    if type(df).__module__.startswith("pyspark.sql.connect"):
        return df.mapInArrow(_scoring(load, lambda: cargo, added), schema)
    held = df.sparkSession.sparkContext.broadcast(cargo)
    return df.mapInArrow(_scoring(load, lambda: held.value, added), schema)


def _scoring(
    load: Callable[[Any], RowScorer], cargo: Callable[[], Any], added: pa.Schema
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what an executor runs: pickled by value, so that it needs nothing that is here."""

    def scored(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = None
        for batch in batches:
            rows = rows or load(cargo())
            yield rows.batch(batch, added)

    return scored


def _schema(given: StructType, added: pa.Schema) -> StructType:
    """Return the types of a result: those of the frame, and of what is added."""
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructType

    from inference.rows import refuse_names

    # Spark takes names that differ in case for the same.
    refuse_names([name.lower() for name in given.names], [name.lower() for name in added.names])
    return StructType([*given.fields, *from_arrow_schema(added).fields])


def _signed(schema: pa.Schema) -> pa.Schema:
    """Return a schema without the unsigned numbers, which Spark has not."""
    import pyarrow as pa

    wider = {
        pa.uint8(): pa.int16(),
        pa.uint16(): pa.int32(),
        pa.uint32(): pa.int64(),
        pa.uint64(): pa.int64(),
        pa.float16(): pa.float32(),
    }
    return pa.schema([field.with_type(wider.get(field.type, field.type)) for field in schema])
