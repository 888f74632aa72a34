"""Errors of the plugins, as MLflow programs expect them, and how often something is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED

from mlproject.base.visible import visible

T = TypeVar("T")
# A service that is gone is given up after a minute. Pauses grow slowly and not for long: where half
# of all requests fail, some need ten attempts, and to be asked every two seconds burdens nobody.
_PAUSES = (*[0.02 * 1.5**number for number in range(12)], *[2.0] * 27)
ATTEMPTS = len(_PAUSES) + 1
_LONGEST_SECONDS = 30.0


class AzureMLException(MlflowException):
    """An error that says what is wrong, where, and what to do; its causes add nothing to that."""

    explained = True

    def __init__(self, message: str, *arguments: Any, **options: Any) -> None:
        super().__init__(visible(message), *arguments, **options)


class NotOffered(AzureMLException):
    """The service has no such call: 404 without a body."""


class Unanswered(MlflowException):
    """A request was not answered, or with an error that may pass; it may have been carried out.

    ``seconds`` is how long the service asks to wait.
    """

    def __init__(self, message: str, *, seconds: float = 0.0, **options: Any) -> None:
        self.seconds = seconds
        super().__init__(visible(message), **options)


def if_offered(call: Callable[[], T], otherwise: str) -> T:
    """Make a call; say what to do instead where the service has none such."""
    try:
        return call()
    except NotOffered as error:
        raise AzureMLException(otherwise, error_code=NOT_IMPLEMENTED) from error


def retry_after(response: Any) -> float:
    """Return the seconds that a response asks to wait, within reason; 0 when it says nothing."""
    text = str(getattr(response, "headers", {}).get("Retry-After", ""))
    return min(float(text), _LONGEST_SECONDS) if text.isdigit() else 0.0


def pauses() -> tuple[float, ...]:
    """Return the seconds to wait after each failed attempt.

    Where ``MLFLOW_HTTP_REQUEST_MAX_RETRIES`` is set there are four times as many: MLflow's own
    first pause is 2 s, and twelve of these take as long as two of those.
    """
    if not MLFLOW_HTTP_REQUEST_MAX_RETRIES.is_set():
        return _PAUSES
    return _PAUSES[: 4 * max(0, int(MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() or 0))]


def repeat(
    send: Callable[[], T],
    pause_after: Callable[[Exception], float | None],
    find: Callable[[], T | None] = lambda: None,
) -> T:
    """Try until there is a result, with longer and longer pauses.

    ``pause_after`` returns the least seconds to wait after an error, None for one that will not
    pass; ``find`` the result of an earlier attempt that was carried out after all, else None.
    """
    for pause in pauses():
        try:
            return send()
        except Exception as error:
            seconds = pause_after(error)
            if seconds is None:
                raise
        # Several clients that were turned away together do not come back together.
        time.sleep(max(seconds, pause * random.uniform(0.5, 1.0)))  # noqa: S311 - no secret
        result = find()
        if result is not None:
            return result
    return send()


def create(send: Callable[[], T], find: Callable[[], T | None]) -> T:
    """Have something made exactly once, although answers get lost.

    ``send`` makes it, or raises ``Unanswered``; ``find`` returns what that may have made, or None.
    """
    return repeat(send, pause_after_silence, find)


def settle(send: Callable[[], T], *already: str) -> T | None:
    """Have something deleted or restored, although answers get lost.

    ``already`` is what MLflow calls the error of doing it again, which then says that it is done.
    """
    lost = False

    def attempt() -> T | None:
        nonlocal lost
        try:
            return send()
        except Unanswered:
            lost = True
            raise
        except MlflowException as error:
            if lost and error.error_code in already:
                return None
            raise

    return repeat(attempt, pause_after_silence)


def pause_after_silence(error: Exception) -> float | None:
    """Let what was not answered be tried again, after as long as the service asks to wait."""
    return error.seconds if isinstance(error, Unanswered) else None
