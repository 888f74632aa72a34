"""What stores and servers raise, as one line; and how long they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError, TrackingError, of_files, one_line, remedy
from mlproject.base.redaction import redacted_text

FIRST_ANSWER_SECONDS = 10
FIRST_ANSWER_RETRIES = 3
FIRST_ANSWER_BACKOFF = 1
_LONGEST_REASON = 300
_SQLITE = {
    "unable to open database file": "Name a file in a folder that you may write to",
    "attempt to write a readonly database": "Change its permissions, or name another file",
    "database or disk is full": "Make room, or name another place",
}


class StoreFilesError(ConfigurationError):
    """The files of a store cannot be used as they lie: a folder is read-only, a disk is full."""


@contextmanager
def as_tracking_error(what: str, hint: str | None = None) -> Iterator[None]:
    """Turn whatever a store raises into one line with the store's own reason, and a hint.

    What keeps a store from its files is a StoreFilesError, anything else a TrackingError.
    """
    try:
        yield
    except _errors_of_stores() as error:
        if (local := _of_files(error, what)) is not None:
            raise local from error
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

    others = (MlflowException, requests.RequestException, OSError)
    return (CommandError, SQLAlchemyError, yaml.YAMLError, *others)


def _of_files(error: Exception, what: str) -> StoreFilesError | None:
    """Return what keeps a store from its files, as far as a user can change that."""
    if isinstance(error, OSError):
        hint = remedy(error)
        return StoreFilesError(f"{what}: {of_files(error)}", hint) if hint else None
    said = str(getattr(error, "orig", None) or error)  # SQLite has no numbers for its errors
    known = next((text for text in _SQLITE if text in said), None)
    return StoreFilesError(f"{what}: {known}", _SQLITE[known]) if known else None


def is_raised_by_store(error: BaseException) -> bool:
    """Whether an error is one that stores raise."""
    return isinstance(error, _errors_of_stores())


def is_of_store(error: BaseException) -> bool:
    """Whether a store has failed, so that it need not be asked much more."""
    return isinstance(error, (TrackingError, StoreFilesError))


def is_unanswered(error: BaseException) -> bool:
    """Whether a server was asked again and again without an answer, by MLflow's own wording."""
    text = str(error)
    return text.startswith("API request to ") and (" failed with exception " in text)


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


@contextmanager
def few_retries() -> Iterator[None]:
    """Ask for the first answer with a short timeout; a user's own settings win."""
    chosen = {
        environ.HTTP_TIMEOUT: str(FIRST_ANSWER_SECONDS),
        environ.HTTP_RETRIES: str(FIRST_ANSWER_RETRIES),
        environ.HTTP_BACKOFF: str(FIRST_ANSWER_BACKOFF),
    }
    with environ.defaults(chosen):
        yield


@contextmanager
def at_most_retries(count: int | None) -> Iterator[None]:
    """Repeat requests so many times inside the block; None leaves MLflow's own number."""
    with environ.defaults({environ.HTTP_RETRIES: str(count)} if count is not None else {}):
        yield


def _inside(error: BaseException) -> BaseException | None:
    """Return the network error that an error wraps: libraries keep it in four places."""
    from urllib3.exceptions import HTTPError

    wrapped: list[Any] = [error.__cause__, getattr(error, "reason", None), *error.args[:1]]
    if isinstance(error.__context__, (OSError, HTTPError)):
        wrapped.append(error.__context__)
    return next((item for item in wrapped if isinstance(item, BaseException)), None)
