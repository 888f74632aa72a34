"""A session: a client whose store has answered, and the target that it belongs to.

MLflow keeps its tracking URI in the process and its environment. A session sets them for its block
and puts back what was there.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlproject.base import environ
from mlproject.base.errors import MlprojectError, TrackingError, reason
from mlproject.tracking.failures import as_tracking_error, few_retries
from mlproject.tracking.first_use import first_use
from mlproject.tracking.target import AZUREML, Target, from_text

if TYPE_CHECKING:
    from mlflow import MlflowClient

_TOLD_SECONDS = 3.0
_ONE_AT_A_TIME = threading.RLock()


@dataclass(frozen=True)
class Session:
    """A target and a client of it, which connects when it is first used."""

    target: Target
    moved: bool = False
    """Whether MLflow was led to another server before."""

    @cached_property
    def client(self) -> MlflowClient:
        """A client whose store has answered once, within seconds and without a storm of retries."""
        return _connected(self.target)


@contextmanager
def opened(target: Target) -> Iterator[Session]:
    """Lead MLflow to a target for the block, whether or not it has been imported before.

    MLflow's variables and tracking URI are afterwards what they were. They are the process's own,
    so sessions of several threads follow one another.
    """
    with _ONE_AT_A_TIME:
        yield from _opened(target)


def _opened(target: Target) -> Iterator[Session]:
    before = _variables()
    moved = _is_elsewhere(target)
    if moved:
        os.environ.pop(environ.EXPERIMENT_ID, None)  # which is the other server's
    os.environ.update(target.environment)
    os.environ.setdefault(environ.SUPPRESS_URLS, "true")
    os.environ.setdefault(environ.UV_AUTO_DETECT, "false")
    logging.getLogger().addFilter(_is_of_this_store)
    try:
        yield Session(target, moved)
    finally:
        logging.getLogger().removeFilter(_is_of_this_store)
        if "mlflow" in sys.modules:
            import mlflow

            # MLflow has written what it was given into the environment, and reads it from there.
            mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
        for name in _variables().keys() - before.keys():
            os.environ.pop(name, None)
        os.environ.update(before)


def _is_of_this_store(record: logging.LogRecord) -> bool:
    """Leave out what the FileStore says of folders that are no experiments of its own.

    Beside an SQLite file MLflow keeps artifacts in ./mlruns too, without a meta.yaml.
    """
    text = record.getMessage()
    return not (text.startswith("Malformed experiment '") and "does not exist" in text)


def _variables() -> dict[str, str]:
    """Return the variables that a session, or MLflow inside of it, sets or takes away."""
    return {k: v for k, v in os.environ.items() if k.startswith(("MLFLOW_", "MLPROJECT_"))}


def _is_elsewhere(target: Target) -> bool:
    """Whether MLflow was led to another server before, by the caller or the environment."""
    uri = environ.get(environ.TRACKING_URI)
    if "mlflow" in sys.modules:
        import mlflow

        if uri is not None or mlflow.active_run() is not None:
            uri = str(mlflow.get_tracking_uri())
    if uri is None:
        return False
    try:
        return from_text(uri, environ.TRACKING_URI, Path.cwd()).uri != target.uri
    except MlprojectError:
        return True


def _connected(target: Target) -> MlflowClient:
    import mlflow

    _quieten()
    what = (
        target.described if target.name == AZUREML else f"the tracking server at {target.printable}"
    )
    failing = f"{what[0].upper()}{what[1:]} cannot be used"
    with as_tracking_error(failing), few_retries(), first_use(target.uri):
        mlflow.set_tracking_uri(target.uri)
        try:
            client = mlflow.MlflowClient()
            client.search_experiments(max_results=1)
        except (KeyError, TypeError, ValueError) as error:  # a store that holds something else
            raise TrackingError(f"{failing}: it is damaged: {reason(error)}") from error
    return client


class _Waiting(logging.Handler):
    """Says now and then that a server is asked again: MLflow does so for minutes, in silence."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if "Retrying" not in record.getMessage() or time.monotonic() - self._told < _TOLD_SECONDS:
            return
        if self._told:
            sys.stderr.write("The server does not answer; it is asked again. Ctrl-C gives up.\n")
        self._told = time.monotonic()


def _is_not_raised(record: logging.LogRecord) -> bool:
    """Leave out the tracebacks of errors of a database: they are raised too, and told then."""
    return record.exc_info is None


def _quieten() -> None:
    """Keep the log of databases away from a user's terminal."""
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("mlflow.store.db.utils").addFilter(_is_not_raised)
    pool = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(handler, _Waiting) for handler in pool.handlers):
        pool.addHandler(_Waiting())
