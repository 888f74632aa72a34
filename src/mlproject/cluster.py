"""The Dask cluster of ``DASK_SCHEDULER_ADDRESS``, or one on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from mlproject import environ
from mlproject.errors import ConfigurationError, reason
from mlproject.redact import redacted

_CONNECT_SECONDS = 10


def check_installed(engine: str) -> None:
    """Raise ConfigurationError when an engine's packages are not installed."""
    needed = {"dask": ("dask", "distributed"), "spark": ("pyspark",)}.get(engine, ())
    if not all(find_spec(name) for name in needed):
        raise ConfigurationError(
            f"The engine '{engine}' needs packages that are not installed",
            f"pip install 'mlproject[{engine}]', or in a checkout: pip install -e '.[{engine}]'",
        )


@contextmanager
def dask(jobs: int | None) -> Iterator[Any]:
    """Yield a client of the cluster; one of our own lasts as long as the block.

    Parameters
    ----------
    jobs : int, optional
        The workers of a cluster of our own; all cores by default and for -1.

    Raises
    ------
    ConfigurationError
        When the scheduler cannot be reached.
    """
    from importlib import import_module

    distributed: Any = import_module("distributed")
    address = environ.get(environ.DASK_SCHEDULER)
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
            yield client
        finally:
            if not address:
                client.cluster.close()
