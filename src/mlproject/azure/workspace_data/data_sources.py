"""Where the data is that a source names, in the workspace in force."""

from __future__ import annotations

import re
import shlex
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlproject.azure import plugins
from mlproject.azure.connection import workspace
from mlproject.azure.connection.uris import SCHEME, SERVICE_SCHEME, Workspace, workspace_of
from mlproject.azure.workspace_data.data_uris import (
    AssetName,
    BlobPath,
    DatastorePath,
    asset_of,
    blob_of,
    path_of,
    scheme_of,
)
from mlproject.base import environ
from mlproject.base.errors import ConfigurationError, DataError, TrackingError
from mlproject.base.redaction import redacted

if TYPE_CHECKING:
    from mlproject.azure.workspace_data.v1_datasets import V1Dataset

_FORMS = (
    "Write azureml:NAME, azureml:NAME:VERSION, azureml:NAME@latest or "
    "azureml://datastores/NAME/paths/PATH"
)
# What makes a folder an MLTable.
_TABLE = "MLTable"
_TRACKING = (f"{SCHEME}://", f"{SERVICE_SCHEME}://")
_SECONDS = 20.0
_LOCK = threading.Lock()
# Versions stay as they were registered.
_KNOWN: dict[tuple[Workspace, str, str], Located] = {}


@dataclass(frozen=True)
class Located:
    """A source, found.

    Attributes
    ----------
    source : str
        As it is written down: an asset with its version.
    address : str
        Where its data is: what ``BlobFiles`` opens.
    type : str
        Of an asset: ``uri_file``, ``uri_folder`` or ``mltable``; empty for other sources.
    is_mounted : bool
        Whether a job has it, so that its address is a path of this machine.
    table : str or None
        An MLTable that is not in a file: the definition of a data set of version 1.
    """

    source: str
    address: str
    type: str = ""
    table: str | None = None
    is_mounted: bool = False


def located(source: str) -> Located:
    """Return where a source's data is; of an asset without a version, the latest.

    Raises
    ------
    ConfigurationError
        When it names none, or there is no workspace that it could be in.
    DataError
        When there is no such asset.
    """
    mounted = environ.mounted(source)
    if mounted is not None:
        kind = "mltable" if (Path(mounted) / _TABLE).is_file() else ""
        return Located(source, mounted, kind, is_mounted=True)
    asset = asset_of(source)
    if asset is not None:
        return _of_asset(asset)
    return Located(source, _address(source))


def address_of(source: str) -> str:
    return located(source).address


def output_address(source: str) -> str:
    """Return where an output goes. Nothing is asked of the service."""
    if asset_of(source) is not None:
        raise ConfigurationError(
            f"{source} is a data asset, whose versions cannot be changed",
            "Write to azureml://datastores/NAME/paths/FOLDER/, then register it: "
            "mlproject data register",
        )
    return _address(source)


def how_to_register(path: str) -> str:
    """Return what brings a file of this machine to where a job of a workspace reads it."""
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(path.rstrip("/")).stem).strip("-.") or "NAME"
    return f"mlproject data register {name} {shlex.quote(path)}, and give azureml:{name}@latest"


def in_force() -> Workspace:
    """Return the workspace that short names are in: chosen, the job's, tracked to, or the nearest.

    Raises
    ------
    ConfigurationError
        When there is none.
    """
    _require()
    uri = environ.get(environ.TRACKING_URI) or ""
    if environ.get(environ.WORKSPACE) is None and uri.startswith(_TRACKING):
        try:
            found = workspace_of(uri)
        except ValueError as error:
            raise ConfigurationError(f"{error} ({environ.TRACKING_URI})") from error
        return Workspace("", found.subscription, found.group, found.name)
    try:
        names = workspace.find(Path.cwd())
    except TrackingError as error:
        raise ConfigurationError(error.what, error.hint) from error
    return Workspace("", names.subscription, names.group, names.name)


def _of_asset(asset: AssetName) -> Located:
    home = asset.workspace or in_force()
    _require()
    from mlproject.azure.workspace_data import data_assets, storage

    key = home, asset.name, asset.version or ""
    with _LOCK:
        if key in _KNOWN:
            return _KNOWN[key]
    arm = storage.arm_of(home)
    try:
        found = storage.as_one_line(lambda: data_assets.get(arm, asset.name, asset.version))
    except DataError:
        result = _of_version_1(asset, home)
        if result is None:
            raise
        return result
    source = found.text
    if asset.workspace is not None and asset.workspace != _or_none():
        source = (
            f"azureml://subscriptions/{home.subscription}/resourcegroups/{home.group}"
            f"/workspaces/{home.name}/data/{found.name}/versions/{found.version}"
        )
    result = Located(source, _address(found.uri, home), found.type)
    with _LOCK:
        _KNOWN[home, asset.name, found.version] = result
    return result


def _of_version_1(asset: AssetName, home: Workspace) -> Located | None:
    """Return where a data set of version 1 is; None when there is none of this name."""
    from mlproject.azure.connection import context
    from mlproject.azure.workspace_data import storage
    from mlproject.azure.workspace_data.v1_datasets import V1Datasets

    def find() -> V1Dataset | None:
        return V1Datasets(home, context.user_credential()).find(asset.name, asset.version)

    found = storage.as_one_line(find)
    if found is None:
        return None
    if found.table is not None:
        return Located(found.text, found.text, "mltable", found.table)
    return Located(found.text, _address(str(found.uri), home))


def _address(source: str, home: Workspace | None = None) -> str:
    _require()
    if scheme_of(source) in ("http", "https") and (blob_of(source) is None or _is_public(source)):
        return source
    path: DatastorePath | BlobPath | None = path_of(source)
    if isinstance(path, DatastorePath):
        return DatastorePath(
            path.datastore, path.path, path.workspace or home or in_force()
        ).address
    path = blob_of(source)
    if path is not None:
        return path.address
    raise ConfigurationError(f"'{redacted(source)}' names no data of a workspace", _FORMS)


def _is_public(url: str) -> bool:
    """Whether a file of a storage account may be read by anybody; then it is, over plain HTTP."""
    import requests

    if url.endswith("/"):
        return False
    try:
        return requests.head(url, timeout=_SECONDS).status_code == requests.codes.ok
    except requests.RequestException:
        return False


def _or_none() -> Workspace | None:
    try:
        return in_force()
    except ConfigurationError:
        return None


def _require() -> None:
    if not plugins.installed():
        raise ConfigurationError("Azure ML needs packages that are not installed", plugins.HINT)
