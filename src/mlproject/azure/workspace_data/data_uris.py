"""The URIs of a workspace's data: assets, paths in datastores, and blobs.

Data is read from one of two addresses, whichever way it was written:

- ``azureml://subscriptions/…/workspaces/W/datastores/D/paths/PATH``, opened as the datastore says
- ``wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PATH``, opened by whoever has signed in
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from mlproject.azure.connection.uris import SERVICE_SCHEME, Workspace

LATEST = "latest"
# Of all clouds; no token is sent to another host.
STORAGE_SUFFIXES = ("core.windows.net", "core.usgovcloudapi.net", "core.chinacloudapi.cn")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_VERSION = rf"(?::(?P<version>{_NAME})|@(?P<label>{_NAME}))?"
_ASSET = re.compile(rf"azureml:(?://)?(?P<name>{_NAME}){_VERSION}")
_WORKSPACE = (
    r"/?subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/Microsoft\.MachineLearningServices)?/workspaces/(?P<workspace>[^/]+)/"
)
_LONG_ASSET = re.compile(
    rf"(?:azureml:(?://)?)?{_WORKSPACE}data/(?P<name>{_NAME})/versions/(?P<version>{_NAME})",
    re.IGNORECASE,
)
_PATH = re.compile(
    rf"azureml://(?:{_WORKSPACE})?datastores/(?P<datastore>[^/]+)/(?:paths(?:/(?P<path>.*))?"
    r"|(?P<run>ExperimentRun/.*))",
    re.IGNORECASE | re.DOTALL,
)
_HOST = "|".join(map(re.escape, STORAGE_SUFFIXES))
_ACCOUNT = rf"(?P<account>[a-z0-9]{{3,24}})\.(?P<service>blob|dfs)\.(?P<suffix>{_HOST})"
_BLOB = re.compile(
    rf"(?:wasbs?|abfss?)://(?P<container>[a-z0-9$-]+)@{_ACCOUNT}(?:/(?P<path>.*))?",
    re.IGNORECASE | re.DOTALL,
)
_HTTPS = re.compile(
    rf"https://{_ACCOUNT}/(?P<container>[a-z0-9$-]+)(?:/(?P<path>[^?#]*))?", re.IGNORECASE
)


@dataclass(frozen=True)
class AssetName:
    """A data asset; of the workspace in force, where no other is named."""

    name: str
    version: str | None = None
    workspace: Workspace | None = None

    @property
    def text(self) -> str:
        """How users write it."""
        return f"azureml:{self.name}{f':{self.version}' if self.version else ''}"


@dataclass(frozen=True)
class DatastorePath:
    """A path in a datastore; of the workspace in force, where no other is named."""

    datastore: str
    path: str
    workspace: Workspace | None = None

    @property
    def short(self) -> str:
        return f"azureml://datastores/{self.datastore}/paths/{self.path}"

    @property
    def address(self) -> str:
        """The whole URI; the workspace has to be known."""
        found = self.workspace
        assert found is not None  # noqa: S101 - it was asked for
        return (
            f"azureml://subscriptions/{found.subscription}/resourcegroups/{found.group}"
            f"/workspaces/{found.name}/datastores/{self.datastore}/paths/{self.path}"
        )


@dataclass(frozen=True)
class BlobPath:
    """A path in a container of a storage account; also of Data Lake Gen2, which has both APIs."""

    account: str
    container: str
    path: str
    suffix: str = STORAGE_SUFFIXES[0]

    @property
    def host(self) -> str:
        return f"{self.account}.blob.{self.suffix}"

    @property
    def address(self) -> str:
        return f"wasbs://{self.container}@{self.host}/{self.path}"


def is_service_data(source: str) -> bool:
    """Whether a source is data of Azure, whichever way it is written."""
    written = source.lower().startswith(f"{SERVICE_SCHEME}:") or is_asset(source)
    return written or blob_of(source) is not None


def is_asset(source: str) -> bool:
    """Whether a source names a data asset, also one that cannot be."""
    if not source.lower().startswith(f"{SERVICE_SCHEME}:"):
        return _LONG_ASSET.fullmatch(source) is not None
    return path_of(source) is None


def asset_of(source: str) -> AssetName | None:
    """Return the asset that a source names: ``azureml:NAME[:VERSION|@LABEL]``, or a long id."""
    long = _LONG_ASSET.fullmatch(source)
    if long:
        return AssetName(long["name"], long["version"], _workspace(long))
    match = _ASSET.fullmatch(source)
    if match is None or (match["label"] or LATEST) != LATEST:
        return None
    return AssetName(match["name"], match["version"])


def path_of(source: str) -> DatastorePath | None:
    """Return the path in a datastore that a source names."""
    match = _PATH.fullmatch(source)
    if match is None:
        return None
    path = match["path"] if match["run"] is None else match["run"]
    return DatastorePath(match["datastore"], path or "", _workspace(match))


def blob_of(source: str) -> BlobPath | None:
    """Return the path in a storage account that a source names; None with a signature in it."""
    match = _BLOB.fullmatch(source) or _HTTPS.fullmatch(source)
    if match is None:
        return None
    path = match["path"] or ""
    if source.lower().startswith("https:"):
        path = unquote(path)
    return BlobPath(match["account"].lower(), match["container"], path, match["suffix"].lower())


def short(address: str) -> str:
    """Return an address as messages call it: without the workspace."""
    found = path_of(address)
    return found.short if found is not None else address


def short_name(source: str) -> str | None:
    """Return the name of an asset, or None."""
    asset = asset_of(source)
    return asset.name if asset is not None else None


def scheme_of(address: str) -> str:
    return urlsplit(address).scheme.lower()


def _workspace(match: re.Match[str]) -> Workspace | None:
    if match["workspace"] is None:
        return None
    return Workspace("", match["subscription"], match["group"], match["workspace"])
