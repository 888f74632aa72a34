"""Where batches are scored: in threads here, or on a Dask or Spark cluster.

Reading, order and writing stay here whatever the engine; so do the guarantees.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from textwrap import shorten
from typing import Any

import cloudpickle
import pyarrow as pa
from threadpoolctl import threadpool_limits

from inference.scorer import Scorer, Scores
from mlproject.base import clusters
from mlproject.base.errors import ConfigurationError, ModelError, one_line, reason
from mlproject.base.pickling import by_value
from mlproject.data.types import Misfit

LOCAL, DASK = "local", "dask"


@dataclass(frozen=True)
class Engine:
    """A function that scores a batch's features, and how many calls it takes at a time."""

    score: Callable[[pa.Table], Scores]
    at_a_time: int


@contextmanager
def started(name: str, jobs: int | None, scorer: Scorer) -> Iterator[Engine]:
    """Yield the engine ``local``, ``dask`` or ``spark`` for the block.

    ``jobs`` are batches at a time: 1 by default, -1 for all cores.
    """
    if name == LOCAL:
        with _one_thread_of_algebra():
            yield Engine(scorer, os.cpu_count() or 1 if jobs == -1 else jobs or 1)
        return
    with by_value(["inference", "mlproject"]):  # a cluster has scikit-learn, and nothing of ours
        packed = cloudpickle.dumps(partial(_score_packed, scorer))
    ask = _asker(hashlib.sha256(packed).hexdigest())
    if name == DASK:
        with clusters.dask(jobs) as client:
            shipped = client.scatter(packed, broadcast=True)
            cores = sum(client.ncores().values())

            def on_dask(data: bytes) -> Any:
                return client.submit(ask, shipped, data, pure=False).result()

            try:
                yield Engine(partial(_remote, name, on_dask), max(1, cores))
            finally:
                shipped.release()
    else:
        with clusters.spark(jobs) as context:
            broadcast = context.broadcast(packed)

            def on_spark(data: bytes) -> Any:
                rows = context.parallelize([data], 1)
                return rows.map(lambda item: ask(broadcast.value, item)).collect()[0]

            yield Engine(partial(_remote, name, on_spark), context.defaultParallelism)


@contextmanager
def _one_thread_of_algebra() -> Iterator[None]:
    """Keep linear algebra to one thread: how it splits its work would show in the last digit."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield


def _remote(name: str, ask: Callable[[bytes], Any], table: pa.Table) -> Scores:
    """Return a cluster's scores of a batch; what the model raises there is raised here."""
    try:
        data, rejects, failure = ask(_packed_table(table))
    except Exception as error:  # the cluster's own
        raise ConfigurationError(
            f"The {name.capitalize()} cluster cannot score: {_last_words(error)}",
            "Its workers need Python and the packages that this process has",
        ) from error
    if failure is not None:
        raise ModelError(*failure)
    with pa.ipc.open_stream(data) as stream:
        return Scores(stream.read_all(), [Misfit(*item) for item in rejects])


def _last_words(error: Exception) -> str:
    """Return the error at the root of a cluster's, whose text may be the traces of two machines."""
    named = re.findall(r"^\s*(?:\w+\.)*(\w*(?:Error|Exception): .+)$", str(error), re.MULTILINE)
    return shorten(one_line(named[0]) if named else reason(error), 300)


def _asker(digest: str) -> Callable[[bytes, bytes], Any]:
    """Return what a worker runs: it needs nothing of this project, and unpickles a model once."""

    def ask(packed: bytes, data: bytes) -> Any:
        import sys
        from types import ModuleType

        import cloudpickle as pickles

        kept = sys.modules.setdefault("_mlproject_scorer", ModuleType("_mlproject_scorer"))
        score = vars(kept).get(digest)
        if score is None:
            score = pickles.loads(packed)
            for name in [name for name in vars(kept) if not name.startswith("__")]:
                vars(kept).pop(name, None)
            vars(kept)[digest] = score
        return score(data)

    return ask


def _packed_table(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _score_packed(
    scorer: Scorer, data: bytes
) -> tuple[bytes | None, list[tuple[Any, ...]], tuple[str, str | None] | None]:
    """Score on a worker; what goes back is plain data, which needs no class of ours here."""
    with pa.ipc.open_stream(data) as stream, _one_thread_of_algebra():
        table = stream.read_all()
        try:
            scores = scorer(table)
        except ModelError as error:
            return None, [], (error.what, error.hint)
    rejects = [(item.row, item.column, item.reason) for item in scores.rejects]
    return _packed_table(scores.predictions), rejects, None
