"""Registering the best model of a run, once the run is complete."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from mlproject.errors import ConfigurationError, TrackingError, reason
from mlproject.redact import redacted_text
from training.model import NAME

# What a URI models:/NAME/VERSION or models:/NAME@ALIAS cannot hold.
_FORBIDDEN = "/:@"


def check_name(name: str | None) -> None:
    """Raise ConfigurationError for a name that no registry takes."""
    if name is not None and (not name.strip() or any(letter in name for letter in _FORBIDDEN)):
        raise ConfigurationError(
            f"'{name}' cannot be the name of a registered model",
            "Use letters, digits, dashes and underscores",
        )


def register(run_id: str, name: str) -> dict[str, str]:
    """Register a run's best model and return its name and version.

    Raises
    ------
    TrackingError
        When the registry refuses. The run is complete all the same; the message says so.
    """
    import mlflow

    try:
        with redirect_stderr(io.StringIO()):  # MLflow prints its success there
            version = mlflow.register_model(f"runs:/{run_id}/{NAME}", name)
    except Exception as error:  # each store has errors of its own
        failed = TrackingError(
            f"The run {run_id} is complete, but its model cannot be registered as '{name}': "
            f"{redacted_text(reason(error))}"
        )
        failed.run_id = run_id
        raise failed from error
    return {"name": str(version.name), "version": str(version.version)}
