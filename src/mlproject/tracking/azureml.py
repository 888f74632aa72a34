"""The seam for Azure Machine Learning: what the target ``azureml`` needs, said in one place."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from mlproject.errors import TrackingError

EXTRA = "pip install 'mlproject[azureml]'"


def require_extra() -> None:
    """Raise unless Microsoft's MLflow plugin is installed.

    Raises
    ------
    TrackingError
        With the command that installs the extra.
    """
    if find_spec("azureml") is None or find_spec("azureml.mlflow") is None:
        raise TrackingError("Azure ML needs packages that are not installed", EXTRA)


def workspace_uri(folder: Path) -> NoReturn:
    """Return the tracking URI of the workspace of the nearest config.json.

    Raises
    ------
    TrackingError
        When the extra is not installed; and, in this version, always: it does not yet speak to
        workspaces through the name ``azureml``.
    """
    require_extra()
    raise TrackingError(
        f"This version cannot yet record in the Azure ML workspace of {folder}",
        "Record in 'local' or on an MLflow server",
    )
