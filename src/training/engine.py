"""Where the fits of a search run: on this machine, or on a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from mlproject import environ
from mlproject.errors import ConfigurationError, reason
from mlproject.redact import redacted
from training import metrics
from training.pickling import by_value, users_own

_CONNECT_SECONDS = 10


def check_installed(engine: str) -> None:
    """Raise ConfigurationError when an engine's packages are not installed."""
    if engine == "dask" and not (find_spec("dask") and find_spec("distributed")):
        raise ConfigurationError(
            "The engine 'dask' needs packages that are not installed",
            "pip install 'mlproject[dask]', or in a checkout: pip install -e '.[dask]'",
        )


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
    import distributed
    import joblib

    address = environ.get(environ.DASK_SCHEDULER)
    with (
        by_value(
            [*users_own(imports), metrics.__name__]
        ),  # a cluster has scikit-learn, and nothing of ours
        _client(distributed, address, jobs),
        joblib.parallel_config(backend="dask"),
    ):
        yield planned.set_params(n_jobs=-1)


@contextmanager
def _client(distributed: Any, address: str | None, jobs: int | None) -> Iterator[None]:
    try:
        if address:
            client = distributed.Client(address, timeout=_CONNECT_SECONDS)
        else:
            workers = None if jobs in (None, -1) else jobs
            client = distributed.Client(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            )
    except (OSError, TimeoutError, ValueError) as error:
        where = f" at {redacted(address)}" if address else ""
        raise ConfigurationError(f"No Dask scheduler answers{where}: {reason(error)}") from error
    with client:
        try:
            yield
        finally:
            if not address:
                client.cluster.close()
