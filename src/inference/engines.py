"""Where batches are scored: in threads here, or on a Dask or Spark cluster.

Reading, order and writing stay here whatever the engine; so do the guarantees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cloudpickle
import pyarrow as pa

from inference.refusals import Refusal
from inference.scorer import Scorer, Scores
from mlproject import cluster
from mlproject.errors import ConfigurationError, reason
from mlproject.pickling import by_value

LOCAL, DASK = "local", "dask"


@dataclass(frozen=True)
class Engine:
    """A function that scores a batch's features, and how many calls it takes at a time."""

    score: Callable[[pa.Table], Scores]
    at_a_time: int


@contextmanager
def running(name: str, jobs: int | None, scorer: Scorer) -> Iterator[Engine]:
    """Yield an engine for the block.

    Parameters
    ----------
    name : str
        ``local``, ``dask`` or ``spark``.
    jobs : int or None
        Batches at a time; 1 by default, -1 for all cores.
    scorer : Scorer

    Raises
    ------
    ConfigurationError
        When a cluster is not there, or its package is not installed.
    """
    if name == LOCAL:
        with _one_thread_of_algebra():
            yield Engine(scorer, os.cpu_count() or 1 if jobs == -1 else jobs or 1)
        return
    with by_value(["inference", "mlproject"]):  # a cluster has scikit-learn, and nothing of ours
        packed = cloudpickle.dumps(scorer)
        call = cloudpickle.dumps(_score_packed)
    if name == DASK:
        with cluster.dask(jobs) as client:
            shipped = client.scatter(packed, broadcast=True)
            cores = sum(client.ncores().values())
            yield Engine(lambda table: _on_dask(client, call, shipped, table), max(1, cores))
    else:
        with _spark(jobs) as context:
            shipped = context.broadcast((call, packed))
            yield Engine(
                lambda table: _on_spark(context, shipped, table), context.defaultParallelism
            )


@contextmanager
def _one_thread_of_algebra() -> Iterator[None]:
    """Keep linear algebra to one thread: how it splits its work would show in the last digit."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _on_dask(client: Any, call: bytes, shipped: Any, table: pa.Table) -> Scores:
    future = client.submit(_call_packed(), call, shipped, _packed_table(table), pure=False)
    return _scores_of(future.result())


def _on_spark(context: Any, shipped: Any, table: pa.Table) -> Scores:
    def run(data: bytes) -> Any:
        import cloudpickle as pickles

        call, packed = shipped.value
        return pickles.loads(call)(packed, data)

    return _scores_of(context.parallelize([_packed_table(table)], 1).map(run).collect()[0])


def _call_packed() -> Callable[[bytes, bytes, bytes], Any]:
    """Return a function that any worker can unpickle: it needs nothing of this project."""

    def run(call: bytes, packed: bytes, data: bytes) -> Any:
        import cloudpickle as pickles

        return pickles.loads(call)(packed, data)

    return run


def _packed_table(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _score_packed(packed: bytes, data: bytes) -> tuple[bytes, list[tuple[Any, ...]]]:
    """Score on a worker; what goes back is plain data, which needs no class of ours there."""
    from threadpoolctl import threadpool_limits

    found = cloudpickle.loads(packed)
    with pa.ipc.open_stream(data) as stream, threadpool_limits(limits=1, user_api="blas"):
        scores: Scores = found(stream.read_all())
    refusals = [(item.row, item.column, item.reason) for item in scores.refusals]
    return _packed_table(scores.predictions), refusals


def _scores_of(answer: tuple[bytes, list[tuple[Any, ...]]]) -> Scores:
    data, refusals = answer
    with pa.ipc.open_stream(data) as stream:
        return Scores(stream.read_all(), [Refusal(*item) for item in refusals])


@contextmanager
def _spark(jobs: int | None) -> Iterator[Any]:
    """Yield the Spark context that is there, or one as Spark's own settings say."""
    from pyspark.sql import SparkSession

    active = SparkSession.getActiveSession()
    try:
        builder = SparkSession.builder.appName("mlproject score")
        if jobs not in (None, -1):
            builder = builder.master(f"local[{jobs}]")
        session = active or builder.getOrCreate()
    except Exception as error:  # Spark's own, and Java's
        raise ConfigurationError(f"Spark cannot be started: {reason(error)}") from error
    try:
        yield session.sparkContext
    finally:
        if active is None:
            session.stop()
