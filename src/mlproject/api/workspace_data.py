"""Data assets of the Azure ML workspace in force: list, show, register, get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlproject.api import arguments
from mlproject.azure.workspace_data import data_sources, data_uris
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.base.redaction import redacted
from mlproject.data import remote, transfer

if TYPE_CHECKING:
    from mlproject.azure.workspace_data.data_assets import AssetSummary, DataAsset

Kind = Literal["uri_file", "uri_folder", "mltable"]
_TABLE = "MLTable"


@dataclass(frozen=True)
class Registered:
    """What registering came to.

    Attributes
    ----------
    uploaded : int
        Files that had not been uploaded before.
    """

    asset: DataAsset
    uploaded: int


def list_data() -> list[AssetSummary]:
    """Return the data assets of the workspace: name, type, latest version.

    Raises
    ------
    ConfigurationError
        When no workspace is named.
    TrackingError
        When the workspace cannot be asked.
    """
    from mlproject.azure.workspace_data import data_assets, storage

    arm = storage.arm_of(data_sources.in_force())
    return storage.as_one_line(lambda: data_assets.all_names(arm))


def show_data(name: str) -> list[DataAsset]:
    """Return the versions of a data asset, the last one first.

    Parameters
    ----------
    name : str
        ``NAME`` for all versions; ``azureml:NAME:VERSION`` or ``azureml:NAME@latest`` for one.

    Raises
    ------
    ConfigurationError, DataError, TrackingError
        When it is not a name, there is no such asset, or the workspace cannot be asked.
    """
    from mlproject.azure.workspace_data import data_assets, storage

    asset = _named(name)
    arm = storage.arm_of(asset.workspace or data_sources.in_force())
    if asset.version is None and "@" not in name:
        return storage.as_one_line(lambda: data_assets.versions(arm, asset.name))
    return [storage.as_one_line(lambda: data_assets.get(arm, asset.name, asset.version))]


def register_data(
    name: str,
    source: str | PathLike[str],
    *,
    version: str | int | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Registered:
    """Register a file or a folder as a version of a data asset.

    What is on this machine is uploaded to the default datastore, under a name by its content, so
    that what is there is not uploaded again. Data that the latest version has already is not
    registered again.

    Parameters
    ----------
    name : str
        Of the asset.
    source : str or path
        A file or a folder of this machine, or data in a datastore or storage account.
    version : str or int, optional
        By default the next number.

    Raises
    ------
    ConfigurationError, DataError, TrackingError
        When nothing can be registered.
    """
    from mlproject.azure.workspace_data import data_assets, storage

    asset = _named(name)
    if asset.version is not None or asset.workspace is not None or "@" in name:
        raise ConfigurationError(f"'{name}' is not a plain name", "Give NAME, and --version N")
    kind, uri, uploaded = _registrable(asset.name, arguments.text(source) or "")
    content: dict[str, Any] = {
        "dataType": kind,
        "dataUri": uri,
        "description": description or "",
        "isAnonymous": False,
        "isArchived": False,
        "tags": dict(tags or {}),
        "properties": {},
    }
    arm = storage.arm_of(data_sources.in_force())
    number = str(version) if version is not None else None
    made = storage.as_one_line(lambda: data_assets.register(arm, asset.name, content, number))
    return Registered(made, uploaded)


def get_data(
    source: str, folder: str | PathLike[str] = ".", *, overwrite: bool = False
) -> list[Path]:
    """Download a data asset, or data of a datastore or a storage account, as it is.

    Parameters
    ----------
    source : str
        ``NAME``, ``azureml:NAME[:VERSION|@latest]``, ``azureml://datastores/…``, ``abfss://…``,
        ``wasbs://…`` or the URL of a blob.
    folder : str or path
        Where it goes.
    overwrite : bool
        Replace files that are there.

    Raises
    ------
    ConfigurationError, DataError, TrackingError
        When it cannot be had.
    """
    if not data_uris.is_service_data(source):
        source = _named(source).text
    address = data_sources.address_of(source)
    return transfer.download(
        address, source, Path(arguments.text(folder) or "."), overwrite=overwrite
    )


def _registrable(name: str, source: str) -> tuple[Kind, str, int]:
    """Return type and URI of data, and how many files were uploaded for it."""
    if remote.is_url(source):
        if data_uris.is_asset(source) or not data_uris.is_service_data(source):
            raise ConfigurationError(
                f"'{redacted(source)}' cannot be registered",
                "Give a file or a folder of this machine, or a path in a datastore or a storage "
                "account, without a signature",
            )
        address = remote.output_address(source)
        kind: Kind = "uri_folder" if transfer.is_folder(address, source) else "uri_file"
        return kind, address if data_uris.path_of(address) else source, 0
    path = transfer.existing(source)
    files = transfer.files_in(path)
    if not files:
        raise DataError(f"The folder {source} holds no files")
    from mlproject.azure.workspace_data import datastores, storage

    home = data_sources.in_force()
    datastore = storage.as_one_line(lambda: datastores.default(storage.arm_of(home)))
    place = f"mlproject/{name}/{transfer.content_name(files)}/"
    folder = data_uris.DatastorePath(datastore.name, place, home)
    uploaded = transfer.upload(files, folder.address)
    if path.is_file():
        return "uri_file", f"{folder.address}{path.name}", uploaded
    return ("mltable" if _TABLE in files else "uri_folder"), folder.address, uploaded


def _named(name: str) -> data_uris.AssetName:
    asset = data_uris.asset_of(name) or data_uris.asset_of(f"azureml:{name}")
    if asset is None:
        raise ConfigurationError(
            f"'{redacted(name)}' is not the name of a data asset",
            "Write NAME, azureml:NAME:VERSION or azureml:NAME@latest",
        )
    return asset
