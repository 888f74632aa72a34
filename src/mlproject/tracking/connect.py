"""From a target to a connection: the store answers, and the experiment is there."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlproject import environ
from mlproject.errors import ConfigurationError, TrackingError, one_line, reason
from mlproject.redact import redacted_text
from mlproject.tracking.target import AZUREML, Target

if TYPE_CHECKING:
    from mlflow import MlflowClient

FIRST_ANSWER_SECONDS = 10
FIRST_ANSWER_RETRIES = 3
FIRST_ANSWER_BACKOFF = 1
_LONGEST_REASON = 300
_TOLD_SECONDS = 3.0


def prepare(target: Target) -> None:
    """Set the environment that MLflow reads, before or after it is imported."""
    os.environ.update(target.environment)
    os.environ.setdefault(environ.SUPPRESS_URLS, "true")
    os.environ.setdefault(environ.UV_AUTO_DETECT, "false")


def connect(target: Target) -> MlflowClient:
    """Point MLflow at the target and return a client whose store has answered once.

    Raises
    ------
    TrackingError
        When the server does not answer, within seconds and without a storm of retries.
    """
    prepare(target)
    import mlflow

    _quieten()
    what = (
        target.described if target.name == AZUREML else f"the tracking server at {target.printable}"
    )
    failing = f"{what[0].upper()}{what[1:]} cannot be used"
    with as_tracking_error(failing), few_retries():
        mlflow.set_tracking_uri(target.uri)
        try:
            client = mlflow.MlflowClient()
            client.search_experiments(max_results=1)
        except (KeyError, TypeError, ValueError) as error:  # a store that holds something else
            raise TrackingError(f"{failing}: it is damaged: {reason(error)}") from error
    return client


def experiment_id(client: MlflowClient, name: str) -> str:
    """Return the experiment's id; the experiment is made when it is not there.

    Raises
    ------
    TrackingError
        When the experiment was deleted, or the server refuses.
    """
    from mlflow.exceptions import MlflowException

    with as_tracking_error(f"The experiment '{name}' cannot be used"):
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(client.create_experiment(name, _artifact_location(client, name)))
            except MlflowException:  # somebody else has just made it
                found = client.get_experiment_by_name(name)
                if found is None:
                    raise
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"The experiment '{name}' was deleted",
            f"Restore it with 'mlflow experiments restore -x {found.experiment_id}', "
            "or record in another with --experiment NAME",
        )
    return str(found.experiment_id)


def _artifact_location(client: MlflowClient, name: str) -> str | None:
    """Return where the artifacts of a new experiment go, where MLflow's own choice does harm.

    Beside an SQLite file MLflow puts them into ./mlruns, where the FileStore of the same folder
    takes each experiment for a broken one of its own, and says so at length.
    """
    uri = str(client.tracking_uri)
    if not uri.startswith("sqlite:///"):
        return None
    folder = Path(uri.removeprefix("sqlite:///")).parent
    return (folder / "mlartifacts" / quote(name, safe=" ")).as_uri()


def ambient_experiment(client: MlflowClient) -> str | None:
    """Return the experiment's name that MLflow's own variables give, if they give one.

    Raises
    ------
    TrackingError
        When they give the id of an experiment that is not there.
    """
    name, number = environ.get(environ.EXPERIMENT_NAME), environ.get(environ.EXPERIMENT_ID)
    if name or not number:
        return name
    with as_tracking_error(f"{environ.EXPERIMENT_ID} names no experiment"):
        return str(client.get_experiment(number).name)


@contextmanager
def as_tracking_error(what: str, hint: str | None = None) -> Iterator[None]:
    """Turn whatever a store raises into one line with the store's own reason, and a hint."""
    try:
        yield
    except _errors_of_stores() as error:
        raise TrackingError(f"{what}: {short_reason(error)}", hint) from error
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"{what}: the package '{error.name}' is not installed", f"pip install {error.name}"
        ) from error


def _errors_of_stores() -> tuple[type[Exception], ...]:
    """Return what stores raise; called when something is raised, as the imports take 0.4 s."""
    import requests
    import yaml
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    mine = (MlflowException, requests.RequestException, OSError)
    return (CommandError, SQLAlchemyError, yaml.YAMLError, *mine)


def is_unanswered(error: BaseException) -> bool:
    """Whether a server was asked again and again without an answer, by MLflow's own wording."""
    text = str(error)
    return text.startswith("API request to ") and (" failed with exception " in text)


class _Waiting(logging.Handler):
    """Says now and then that a server is asked again: MLflow does so for minutes, in silence."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line for many."""
        if "Retrying" not in record.getMessage() or time.monotonic() - self._told < _TOLD_SECONDS:
            return
        if self._told:
            sys.stderr.write("The server does not answer; it is asked again. Ctrl-C gives up.\n")
        self._told = time.monotonic()


def short_reason(error: BaseException) -> str:
    """Return the innermost thing that a chain of network errors says."""
    if getattr(error, "explained", False):  # it says more than what it came from
        return one_line(redacted_text(str(error)))
    innermost = error
    seen = {id(error)}
    while (nested := _inside(innermost)) is not None and id(nested) not in seen:
        seen.add(id(nested))
        innermost = nested
    text = one_line(redacted_text(str(innermost)))
    if text.startswith(("HTTPConnection", "HTTPSConnection")):
        text = text.partition("): ")[2] or text
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 3] + "..."


def _inside(error: BaseException) -> BaseException | None:
    """Return the network error that an error wraps: libraries keep it in four places."""
    from urllib3.exceptions import HTTPError

    wrapped: list[Any] = [error.__cause__, getattr(error, "reason", None), *error.args[:1]]
    if isinstance(error.__context__, (OSError, HTTPError)):
        wrapped.append(error.__context__)
    return next((item for item in wrapped if isinstance(item, BaseException)), None)


@contextmanager
def few_retries() -> Iterator[None]:
    """Ask for the first answer with a short timeout; a user's own settings win."""
    chosen = {
        environ.HTTP_TIMEOUT: str(FIRST_ANSWER_SECONDS),
        environ.HTTP_RETRIES: str(FIRST_ANSWER_RETRIES),
        environ.HTTP_BACKOFF: str(FIRST_ANSWER_BACKOFF),
    }
    ours = {name: value for name, value in chosen.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _quieten() -> None:
    """Keep the log of database migrations away from a user's terminal."""
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    pool = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(handler, _Waiting) for handler in pool.handlers):
        pool.addHandler(_Waiting())
