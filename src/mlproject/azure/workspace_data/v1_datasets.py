"""Data sets of version 1 of the service: what ``Workspace.datasets`` of azureml-core names.

They are no data assets, and Resource Manager does not know them; the dataset service has their
definitions. One that only names files is read where these are; any other as the MLTable that the
service makes of its steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlflow.exceptions import MlflowException

from mlproject.azure.connection import discovery
from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.calls import Calls, error_text
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.credentials import Credential
from mlproject.azure.connection.failures import NotOffered
from mlproject.azure.connection.uris import Workspace
from mlproject.base.errors import DataError


@dataclass(frozen=True)
class V1Dataset:
    """A version of a data set.

    Attributes
    ----------
    uri : str or None
        Where its files are, where it has no steps.
    table : str or None
        Its definition as an MLTable, where it has.
    """

    name: str
    version: str
    uri: str | None = None
    table: str | None = None

    @property
    def text(self) -> str:
        """How commands name it."""
        return f"azureml:{self.name}:{self.version}"


class V1Datasets:
    """The data sets of one workspace."""

    def __init__(self, home: Workspace, credential: Credential) -> None:
        host = home.host or discovery.host(Arm(home, credential))
        workspace = Workspace(host, home.subscription, home.group, home.name)
        self._scope = workspace.scope
        self._calls = Calls(Context(workspace, credential))

    def find(self, name: str, version: str | None) -> V1Dataset | None:
        """Return a version, by default the latest; None when there is none.

        Raises
        ------
        DataError
            When its definition names no files.
        """
        query = {"includeLatestDefinition": "true"}
        if version is not None:
            query["versionId"] = version
        found = self._get(f"/dataset/v1.0{self._scope}/datasets/query/name={quote(name)}", query)
        if found is None:
            return None
        latest = found.get("latest") or {}
        number = str(latest.get("versionId") or version or "1")
        if not latest.get("dataflow"):
            return V1Dataset(name, number, uri=_place(name, latest.get("dataPath") or {}))
        saved = f"unregistered-{latest.get('savedDatasetId')}"
        path = f"/data/v1.0{self._scope}/dataversion/{saved}/versions/1"
        definition = self._get(path, {"includeSavedDatasets": "true"}) or {}
        if not definition.get("legacyDataflow"):
            raise _unreadable(name, "the service gives no definition of it")
        return V1Dataset(name, number, table=str(definition["legacyDataflow"]))

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            response = self._calls.send("GET", path, params=query)
        except NotOffered:
            return None
        if response.status_code == 404:
            return None
        if response.status_code >= 400:
            raise MlflowException(error_text(response))
        return dict(response.json())


def _place(name: str, path: Mapping[str, Any]) -> str:
    """Return where the files of a data set without steps are."""
    if path.get("httpUrl"):
        return str(path["httpUrl"])
    if path.get("datastoreName") and path.get("relativePath"):
        below = str(path["relativePath"]).lstrip("/")
        return f"azureml://datastores/{path['datastoreName']}/paths/{below}"
    raise _unreadable(name, f"it names {', '.join(sorted(path)) or 'no files'}")


def _unreadable(name: str, why: str) -> DataError:
    return DataError(
        f"The data set '{name}' of version 1 cannot be read: {why}",
        "Register its files as a data asset: mlproject data register NAME PATH",
    )
