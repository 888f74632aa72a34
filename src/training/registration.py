"""Registering the best model of a run, once the run is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlproject.base.errors import TrackingError, reason
from mlproject.base.redaction import redacted_text
from mlproject.registry import versions
from mlproject.tracking import names

if TYPE_CHECKING:
    from mlflow import MlflowClient


def register(client: MlflowClient, run_id: str, name: str) -> dict[str, str]:
    """Register a run's best model; a refusal says that the run is complete all the same."""
    try:
        version = versions.register(client, run_id, names.BEST_MODEL, name)
    except Exception as error:  # each store has errors of its own
        why = reason(error)
        if isinstance(error, TrackingError):
            why = error.what.partition(": ")[2] or error.what
        failed = TrackingError(
            f"The run {run_id} is complete, but its model cannot be registered as '{name}': "
            f"{redacted_text(why)}"
        )
        failed.run_id = run_id
        raise failed from error
    return {"name": version.name, "version": str(version.number)}
