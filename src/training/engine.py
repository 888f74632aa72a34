"""Where the fits of a search run: on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import joblib

from mlproject.base import clusters
from mlproject.base.pickling import by_value
from training import metrics, requirements
from training.plan import Plan


@contextmanager
def running(plan: Plan, engine: str, jobs: int | None) -> Iterator[None]:
    """Let the search of a plan run on an engine inside the block.

    Parameters
    ----------
    engine : str
        ``local``, or ``dask``: the scheduler of ``DASK_SCHEDULER_ADDRESS``, else a cluster of
        processes on this machine for as long as the block runs.
    jobs : int, optional
        Fits at a time; 1 by default, -1 for all cores. For a Dask cluster of our own, its workers.
    """
    if engine == "local" or not plan.searches:
        with _jobs(plan, jobs):
            yield
        return
    with (
        # A cluster has scikit-learn, and nothing of ours.
        by_value([*requirements.users_own(plan.imports), metrics.__name__]),
        clusters.dask(jobs),
        joblib.parallel_config(backend="dask"),
        _jobs(plan, -1),
    ):
        yield


@contextmanager
def _jobs(plan: Plan, count: int | None) -> Iterator[None]:
    """Let a search fit so many at a time inside the block; None is what it says itself."""
    if count is None or not plan.searches:
        yield
        return
    before = plan.search.n_jobs
    plan.search.set_params(n_jobs=count)
    try:
        yield
    finally:
        plan.search.set_params(n_jobs=before)
