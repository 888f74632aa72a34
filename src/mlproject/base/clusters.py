"""Dask, at ``DASK_SCHEDULER_ADDRESS`` or on this machine, and Spark as it is set up."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from mlproject.base import environ
from mlproject.base.console import quiet_loggers
from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.redaction import redacted

_CONNECT_SECONDS = 10
_NO_WORKERS = "60s"
# A terminal sends Ctrl-C to all processes; the driver ends its workers in order.
_CTRL_C_IS_NOT_FOR_WORKERS = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"


def check_installed(engine: str) -> None:
    needed = {"dask": ("dask", "distributed"), "spark": ("pyspark",)}.get(engine, ())
    if not all(find_spec(name) for name in needed):
        raise ConfigurationError(
            f"The engine '{engine}' needs packages that are not installed",
            f"Install the extra '{engine}': pip install -e '.[{engine}]' in the checkout",
        )


@contextmanager
def dask(jobs: int | None) -> Iterator[Any]:
    """Yield a client of the cluster; one of our own lasts as long as the block.

    ``jobs`` are the workers of a cluster of our own; all cores by default and for -1.
    """
    distributed: Any = import_module("distributed")
    address = environ.get(environ.DASK_SCHEDULER)
    where = f" at {redacted(address)}" if address else ""
    try:
        if address:
            client = distributed.Client(address, timeout=_CONNECT_SECONDS)
        else:
            workers = None if jobs in (None, -1) else jobs
            config: Any = import_module("dask.config")
            # A worker that is killed while it starts is not started again.
            with config.set({"distributed.scheduler.no-workers-timeout": _NO_WORKERS}):
                client = distributed.Client(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=None,
                    silence_logs=logging.CRITICAL,  # what goes wrong is told as our own error
                    preload=[_CTRL_C_IS_NOT_FOR_WORKERS],
                )
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigurationError(f"No Dask scheduler answers{where}: {reason(error)}") from error
    with client:  # which closes a cluster of our own too, after everybody has left it
        if not client.ncores():
            try:
                client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
            except TimeoutError as error:
                raise ConfigurationError(
                    f"The Dask scheduler{where} has no workers", "Start one: dask worker ADDRESS"
                ) from error
        yield client


@contextmanager
def spark(jobs: int | None) -> Iterator[Any]:
    """Yield the Spark context that is there, or one as Spark's own settings say.

    ``jobs`` are the cores of a Spark on this machine; its settings decide by default and for -1.
    """
    with _without_py4j(), _spark(jobs) as context:
        yield context


@contextmanager
def _spark(jobs: int | None) -> Iterator[Any]:
    session_of: Any = import_module("pyspark.sql").SparkSession
    active = session_of.getActiveSession()
    try:
        builder = session_of.builder.appName("mlproject score")
        builder = builder.config("spark.ui.showConsoleProgress", "false")
        builder = builder.config("spark.log.level", "ERROR")
        if jobs not in (None, -1):
            builder = builder.master(f"local[{jobs}]")
        session = active or builder.getOrCreate()
        context = session.sparkContext
        if context.master.startswith("local") and not environ.get(environ.SPARK_PYTHON):
            context.pythonExec = sys.executable  # and not whatever "python3" is
    except Exception as error:  # Spark's own, Java's, and that Spark Connect has no context
        raise ConfigurationError(
            f"Spark cannot be started: {reason(error)}",
            "It needs Java 17 or newer, on PATH or in JAVA_HOME",
        ) from error
    try:
        yield context
    finally:
        if active is None:
            session.stop()


@contextmanager
def _without_py4j() -> Iterator[None]:
    """Keep py4j from printing where Ctrl-C has struck: we say that it has."""

    def is_others(record: logging.LogRecord) -> bool:
        return "py4j" not in record.pathname

    root = logging.getLogger()  # which py4j uses, too
    root.addFilter(is_others)
    try:
        with quiet_loggers("py4j", level=logging.CRITICAL):
            yield
    finally:
        root.removeFilter(is_others)
