"""Where the fits of a search run: on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mlproject.base import clusters
from mlproject.base.pickling import by_value
from training import metrics
from training.pickling import users_own


@contextmanager
def running(
    engine: str, jobs: int | None, planned: Any, imports: Sequence[str] = ()
) -> Iterator[Any]:
    """Yield the search, set up for an engine.

    Parameters
    ----------
    engine : str
        ``local``, or ``dask``: the scheduler of ``DASK_SCHEDULER_ADDRESS``, else a cluster of
        processes on this machine for as long as the block runs.
    jobs : int, optional
        Fits at a time; 1 by default, -1 for all cores. For a Dask cluster of our own, its workers.
    planned : search estimator or pipeline
    imports : sequence of str
        The user's own modules, which travel to the cluster by value.

    Raises
    ------
    ConfigurationError
        When its scheduler cannot be reached.
    """
    searching = hasattr(planned, "cv")
    if engine == "local" or not searching:
        yield planned.set_params(n_jobs=jobs) if searching and jobs is not None else planned
        return
    import joblib

    with (
        by_value(
            [*users_own(imports), metrics.__name__]
        ),  # a cluster has scikit-learn, and nothing of ours
        clusters.dask(jobs),
        joblib.parallel_config(backend="dask"),
    ):
        yield planned.set_params(n_jobs=-1)
