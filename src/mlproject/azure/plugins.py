"""What the entry points of MLflow name. MLflow imports this module; it imports nothing itself."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

HINT = "Install the extra 'azureml': pip install -e '.[azureml]' in the checkout"


def installed() -> bool:
    return all(map(find_spec, ("azureml", "azureml.mlflow", "azureml.core")))


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Return the tracking store of a workspace; the service says where artifacts go."""
    _require()
    from mlproject.azure.connection import context
    from mlproject.azure.stores.tracking_store import TrackingStore

    return TrackingStore(context.of(store_uri))


def registry_store(store_uri: str) -> Any:
    _require()
    from mlproject.azure.connection import context
    from mlproject.azure.stores.registry_store import RegistryStore

    return RegistryStore(context.of(store_uri))


def artifacts(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """Return the artifact repository of a run, an upload, or a folder in one."""
    _require()
    from mlproject.azure.stores.artifacts import Artifacts

    return Artifacts(artifact_uri, tracking_uri, registry_uri)


def _require() -> None:
    from mlflow.exceptions import MlflowException

    if not installed():
        raise MlflowException(f"Azure ML needs packages that are not installed: {HINT}")
