"""The data assets that a job is given."""

from __future__ import annotations

from collections.abc import Callable

from mlproject.azure import data_assets, data_uris
from mlproject.azure.arm import Arm
from mlproject.azure.context import Context
from mlproject.azure.data_assets import DataAsset
from mlproject.base.errors import ConfigurationError
from mlproject.tracking.failures import as_tracking_error


def asset_of(context: Callable[[], Context], source: str) -> DataAsset:
    """Return the asset that a source names, in the workspace or in the one that it names itself."""
    named = data_uris.asset_of(source)
    if named is None:
        raise ConfigurationError(
            f"'{source}' names no data asset",
            "Write azureml:NAME, azureml:NAME:VERSION or azureml:NAME@latest",
        )
    found = context()
    with as_tracking_error(f"The data asset '{named.name}' cannot be read"):
        arm = Arm(named.workspace or found.workspace, found.credential)
        return data_assets.get(arm, named.name, named.version)
