"""The data that a job is given by name: a data asset, or a data set of version 1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.credentials import Credential
from mlproject.azure.connection.uris import Workspace
from mlproject.azure.workspace_data import data_assets, data_uris
from mlproject.azure.workspace_data.data_assets import DataAsset
from mlproject.azure.workspace_data.data_uris import AssetName
from mlproject.azure.workspace_data.v1_datasets import V1Datasets
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.tracking.failures import as_tracking_error

_EVERYTHING = "/**"


def asset_of(context: Callable[[], Context], source: str) -> DataAsset:
    """Return the asset that a source names, in the workspace or in the one that it names itself."""
    named = data_uris.asset_of(source)
    if named is None:
        raise ConfigurationError(
            f"'{source}' names no data asset",
            "Write azureml:NAME, azureml:NAME:VERSION or azureml:NAME@latest",
        )
    found = context()
    home, credential = named.workspace or found.workspace, found.credential
    with as_tracking_error(f"The data asset '{named.name}' cannot be read"):
        try:
            return data_assets.get(Arm(home, credential), named.name, named.version)
        except DataError:
            old = _of_version_1(named, home, credential)
            if old is None:
                raise
            return old


def _of_version_1(named: AssetName, home: Workspace, credential: Credential) -> DataAsset | None:
    """Return a data set of version 1 as an asset without an id: jobs take the place of its files.

    Raises
    ------
    ConfigurationError
        When it is more than files.
    """
    found = V1Datasets(home, credential).find(named.name, named.version)
    if found is None:
        return None
    if found.uri is None:
        raise ConfigurationError(
            f"{named.text} is a table of version 1, which jobs do not take",
            "Register its files as a data asset: mlproject data register NAME PATH",
        )
    is_folder = found.uri.endswith(("/", _EVERYTHING)) or not PurePosixPath(found.uri).suffix
    uri = found.uri.removesuffix(_EVERYTHING)
    kind = "uri_folder" if is_folder else "uri_file"
    return DataAsset(found.name, found.version, kind, uri, id=uri)
