"""Where calls run: in threads here, or on a Dask or Spark cluster.

An engine gets a task and its items, and knows nothing of scoring; workers read and write
themselves, and what comes back is small.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inference.engines.engine import Engine
from inference.engines.local import LocalEngine
from mlproject.base import clusters

LOCAL, DASK, SPARK = "local", "dask", "spark"


@contextmanager
def started(name: str, jobs: int | None) -> Iterator[Engine]:
    """Yield the engine ``local``, ``dask`` or ``spark`` for the block.

    ``jobs`` are calls at a time: all cores here, and what a cluster has, by default and for -1.
    """
    if name == LOCAL:
        yield LocalEngine(jobs)
    elif name == DASK:
        from inference.engines.dask import DaskEngine

        with clusters.dask(jobs) as client:
            yield DaskEngine(client)
    else:
        from inference.engines.spark import SparkEngine

        with clusters.spark(jobs) as context:
            yield SparkEngine(context)
