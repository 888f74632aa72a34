"""Data assets of a workspace: names with versions, each of which stays as it was registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_ALREADY_EXISTS, ErrorCode

from mlproject.azure.connection.arm import Arm
from mlproject.base.errors import DataError
from mlproject.base.suggestions import did_you_mean

Kind = Literal["uri_file", "uri_folder", "mltable"]
_TAKEN = {ErrorCode.Name(RESOURCE_ALREADY_EXISTS), ErrorCode.Name(INVALID_PARAMETER_VALUE)}
_ATTEMPTS = 20


@dataclass(frozen=True)
class DataAsset:
    """A version of a data asset.

    Attributes
    ----------
    type : str
        ``uri_file``, ``uri_folder`` or ``mltable``.
    uri : str
        Where the data is.
    created : str
        When it was registered, as the service writes times.
    id : str
        The service's own, by which jobs take it.
    """

    name: str
    version: str
    type: str
    uri: str
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    created: str = ""
    id: str = ""

    @property
    def text(self) -> str:
        """How commands name it."""
        return f"azureml:{self.name}:{self.version}"


@dataclass(frozen=True)
class AssetSummary:
    """A name, and the version that was registered last."""

    name: str
    type: str
    latest: str


def all_names(arm: Arm) -> list[AssetSummary]:
    """Return the names that are in use."""
    found = []
    for item in arm.listed("/data"):
        properties = item.get("properties") or {}
        if not properties.get("isArchived"):
            latest = str(properties.get("latestVersion") or "")
            found.append(AssetSummary(str(item["name"]), str(properties.get("dataType")), latest))
    return sorted(found, key=lambda item: item.name)


def get(arm: Arm, name: str, version: str | None = None) -> DataAsset:
    """Return a version, by default the latest.

    Raises
    ------
    DataError
        When there is none; it names those that there are.
    """
    wanted = version if version is not None else _latest(arm, name)
    found = arm.find(f"/data/{name}/versions/{wanted}")
    if found is not None:
        return _asset(name, found)
    known = [item.version for item in versions(arm, name)]
    raise DataError(f"The data asset '{name}' has no version {wanted}", _those("versions", known))


def versions(arm: Arm, name: str) -> list[DataAsset]:
    """Return all versions of a name, the last one first. DataError when there are none."""
    found = [_asset(name, item) for item in arm.listed(f"/data/{name}/versions")]
    if not found:
        raise _unknown(arm, name)
    return found


def register(arm: Arm, name: str, asset: Mapping[str, Any], version: str | None) -> DataAsset:
    """Register where data is as a new version, or return the latest where it is the same.

    Raises
    ------
    DataError
        When the version that is asked for already exists, with other data.
    """
    wanted = (asset["dataType"], asset["dataUri"])
    if version is not None:
        return _put(arm, name, version, asset)
    for _ in range(_ATTEMPTS):
        found = arm.find(f"/data/{name}")
        if found is None:
            number = "1"
        else:
            latest = get(arm, name)
            if (latest.type, latest.uri) == wanted:
                return latest
            number = str(found["properties"]["nextVersion"])
        try:
            return _put(arm, name, number, asset)
        except DataError:  # somebody else has just registered this version
            continue
    raise DataError(f"'{name}' was registered by others again and again", "Try again")


def _put(arm: Arm, name: str, version: str, asset: Mapping[str, Any]) -> DataAsset:
    path = f"/data/{name}/versions/{version}"
    try:
        return _asset(name, arm.put(path, {"properties": dict(asset)}))
    except MlflowException as error:
        if error.error_code not in _TAKEN or arm.find(path) is None:
            raise
        raise DataError(
            f"Version {version} of the data asset '{name}' already exists, with other data",
            "Versions cannot be changed: leave --version out for the next one",
        ) from error


def _latest(arm: Arm, name: str) -> str:
    found = arm.find(f"/data/{name}")
    latest = ((found or {}).get("properties") or {}).get("latestVersion")
    if not latest:
        raise _unknown(arm, name)
    return str(latest)


def _unknown(arm: Arm, name: str) -> DataError:
    known = [item.name for item in all_names(arm)]
    hint = did_you_mean(name, known, noun="data assets")
    if known and not hint.startswith("Known"):
        hint = f"{hint} {_those('data assets', sorted(known))}"
    return DataError(f"The workspace has no data asset '{name}'", hint)


def _those(noun: str, known: list[str]) -> str:
    more = f" and {len(known) - 12} more" if len(known) > 12 else ""
    return f"Known {noun}: {', '.join(known[:12])}{more}"


def _asset(name: str, found: Mapping[str, Any]) -> DataAsset:
    properties = found["properties"]
    return DataAsset(
        name,
        str(found["name"]),
        str(properties["dataType"]),
        str(properties["dataUri"]),
        str(properties.get("description") or ""),
        {str(key): str(value) for key, value in (properties.get("tags") or {}).items()},
        str((found.get("systemData") or {}).get("createdAt") or ""),
        str(found.get("id") or ""),
    )
