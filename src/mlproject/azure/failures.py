"""Errors of the plugins, as MLflow programs expect them."""

from __future__ import annotations

from typing import Any

from mlflow.exceptions import MlflowException


class AzureMLException(MlflowException):
    """An error that says what is wrong, where, and what to do; its causes add nothing to that."""

    explained = True


class NotOffered(AzureMLException):
    """The service has no such call: 404 without a body."""


class Unanswered(MlflowException):
    """A request was not answered, or with an error that may pass; it may have been carried out.

    Parameters
    ----------
    message : str
    seconds : float
        How long the service asks to wait.
    """

    def __init__(self, message: str, *, seconds: float = 0.0, **options: Any) -> None:
        self.seconds = seconds
        super().__init__(message, **options)
