"""Datastores of a workspace: which container each stands for, and what opens it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlflow.exceptions import MlflowException

from mlproject.azure.connection.arm import Arm
from mlproject.azure.workspace_data.data_uris import STORAGE_SUFFIXES
from mlproject.base.errors import DataError
from mlproject.base.suggestions import did_you_mean

_CONTAINERS = {"AzureBlob": "containerName", "AzureDataLakeGen2": "filesystem"}
_NAMES = {
    "AzureFile": "an Azure file share",
    "AzureDataLakeGen1": "Data Lake Gen1",
    "OneLake": "OneLake of Microsoft Fabric",
}
_BY_IDENTITY = "None"
_HOURS = 1


@dataclass(frozen=True)
class Datastore:
    """A container under a name.

    Attributes
    ----------
    has_secret : bool
        Whether it is opened with a secret that the workspace keeps; else by who has signed in.
    """

    name: str
    account: str
    container: str
    suffix: str
    has_secret: bool


@dataclass(frozen=True)
class Secret:
    """What opens a container: a signature for an hour, or the account's key."""

    signature: str | None
    key: str | None


def get(arm: Arm, name: str) -> Datastore:
    """Return a datastore.

    Raises
    ------
    DataError
        When there is none of this name, or none that holds blobs.
    """
    found = arm.find(f"/datastores/{name}")
    if found is None:
        known = [str(item["name"]) for item in arm.listed("/datastores")]
        hint = did_you_mean(name, known, noun="datastores")
        raise DataError(f"The workspace has no datastore '{name}'", hint)
    return _datastore(found)


def default(arm: Arm) -> Datastore:
    """Return the datastore in which what users register goes."""
    for found in _all(arm, isDefault="true"):
        return _datastore(found)
    raise DataError("The workspace has no default datastore", "Set one in the Studio")


def secret(arm: Arm, name: str) -> Secret | None:
    """Return what the workspace keeps to open a datastore; None where it gives nothing."""
    try:
        body = {"expirableSecret": True, "expireAfterHours": _HOURS}
        content = arm.post(f"/datastores/{name}/listSecrets", body)
    except MlflowException:  # who may not ask for it may have a role on the storage account
        return None
    found = Secret(content.get("sasToken"), content.get("key"))
    return found if found.signature or found.key else None


def _all(arm: Arm, **query: str) -> Iterator[dict[str, Any]]:
    return arm.listed("/datastores", **query)


def _datastore(found: dict[str, Any]) -> Datastore:
    name, properties = str(found["name"]), found["properties"]
    kind = str(properties.get("datastoreType"))
    if kind not in _CONTAINERS:
        what = _NAMES.get(kind, kind)
        raise DataError(
            f"The datastore '{name}' is {what} ({kind}), which cannot be read here",
            f"Copy the data to {' or '.join(_CONTAINERS)}",
        )
    suffix = str(properties.get("endpoint") or STORAGE_SUFFIXES[0])
    if suffix not in STORAGE_SUFFIXES:
        raise DataError(f"The datastore '{name}' is at '{suffix}', which is not an Azure cloud")
    credentials = properties.get("credentials") or {}
    return Datastore(
        name,
        str(properties["accountName"]),
        str(properties[_CONTAINERS[kind]]),
        suffix,
        credentials.get("credentialsType", _BY_IDENTITY) != _BY_IDENTITY,
    )
