"""Experiments: found or made by name, and the one that MLflow's own variables give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from mlproject.base import environ
from mlproject.base.errors import TrackingError
from mlproject.tracking.failures import as_tracking_error

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(client: MlflowClient, name: str) -> str:
    """Return the experiment's id; the experiment is made when it is not there."""
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


def ambient_experiment(client: MlflowClient) -> str | None:
    """Return the experiment's name that MLflow's own variables give, if they give one."""
    name, number = environ.get(environ.EXPERIMENT_NAME), environ.get(environ.EXPERIMENT_ID)
    if name or not number:
        return name
    with as_tracking_error(f"{environ.EXPERIMENT_ID} names no experiment"):
        return str(client.get_experiment(number).name)


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
