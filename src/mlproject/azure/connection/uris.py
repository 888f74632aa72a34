"""The URIs of workspaces and artifacts in Azure ML, and links to the Studio.

The tracking URI of a workspace is ``azureml://HOST/mlflow/v2.0/subscriptions/…/workspaces/NAME``
for Microsoft's own plugin, and the same with the scheme ``azureml3`` for ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from mlproject.base.hosts import host_of

SCHEME = "azureml3"
SERVICE_SCHEME = "azureml"

_SCOPE = re.compile(
    r"(?:/mlflow/v\d\.\d)?(?P<scope>/subscriptions/(?P<subscription>[^/]+)/resourceGroups/"
    r"(?P<group>[^/]+)/providers/Microsoft\.MachineLearningServices/workspaces/(?P<name>[^/]+))"
    r"(?P<rest>/.*)?"
)
_RUN = re.compile(
    r"/experiments/(?P<experiment>[^/]+)/runs/(?P<run>[^/]+)"
    r"(?P<artifacts>/artifacts(/(?P<path>.*))?)?"
)
# Regions and private workspaces, of all clouds.
_SERVICE_HOST = re.compile(r"([a-z0-9-]+\.)+api\.(azureml\.ms|ml\.azure\.us|ml\.azure\.cn)(:443)?")
# Of managed online endpoints, ENDPOINT.REGION.
_SCORING_HOST = re.compile(r"([a-z0-9-]+\.){2,}inference\.ml\.azure\.(com|us|cn)(:443)?")
_UPLOAD = re.compile(r"/artifacts/(?P<origin>[^/]+)/(?P<container>[^/]+)(/(?P<path>.*))?")
# The Studio of each cloud, by the end of the API's host (Azure's documentation on endpoints).
_STUDIOS = {".ml.azure.us": "ml.azure.us", ".ml.azure.cn": "studio.ml.azure.cn"}
_STUDIO = "ml.azure.com"


@dataclass(frozen=True)
class Workspace:
    """A workspace, and the host of its region that answers for it."""

    host: str
    subscription: str
    group: str
    name: str

    @property
    def scope(self) -> str:
        """The workspace's resource id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def api(self) -> str:
        """The path below which the workspace answers MLflow's own requests."""
        return f"/mlflow/v2.0{self.scope}"

    @property
    def uri(self) -> str:
        """The tracking URI of our plugins."""
        return f"{SCHEME}://{self.host}{self.api}"

    @property
    def service_uri(self) -> str:
        """The tracking URI of Microsoft's plugin."""
        return f"{SERVICE_SCHEME}://{self.host}{self.api}"

    def link(self, run_id: str, tenant: str | None = None) -> str:
        """Return the address of a run's page in the Studio."""
        return self._page(f"runs/{quote(run_id)}", tenant)

    def home(self, tenant: str | None = None) -> str:
        """Return the address of the workspace's list of experiments in the Studio."""
        return self._page("experiments", tenant)

    def _page(self, path: str, tenant: str | None) -> str:
        studio = next((name for end, name in _STUDIOS.items() if self.host.endswith(end)), _STUDIO)
        scope = (
            f"/subscriptions/{self.subscription}/resourcegroups/{self.group}/workspaces/{self.name}"
        )
        directory = f"&tid={tenant}" if tenant else ""
        return f"https://{studio}/{path}?wsid={scope}{directory}"


@dataclass(frozen=True)
class Folder:
    """Where artifacts are: those of a run or of an upload, from a path on.

    Attributes
    ----------
    owner : str
        The path of the service below which the run's or the upload's artifacts are.
    store : str
        What the artifact service calls their owner: an origin and a container.
    path : str
        The folder among them; empty for all.
    label : str
        What a message calls the owner.
    is_above : bool
        Whether this is the folder in which ``artifacts`` stands: MLflow cuts the last part off a
        URI to list or download it.
    """

    workspace: Workspace
    owner: str
    store: str
    path: str
    label: str
    run_id: str | None = None
    is_above: bool = False


def workspace_of(uri: str) -> Workspace:
    """Return the workspace of a tracking or artifact URI; ValueError when it names none."""
    return _parts(uri)[0]


def folder_of(uri: str) -> Folder:
    """Return the folder of an artifact URI; ValueError when it names none.

    Two forms are known: the artifacts of a run, ``…/experiments/E/runs/R/artifacts/PATH``, and
    those of an upload, ``…/artifacts/ORIGIN/CONTAINER/PATH``.
    """
    workspace, rest = _parts(uri)
    match = _RUN.fullmatch(rest)
    if match:
        owner = f"/history/v1.0{workspace.scope}/experiments/{match['experiment']}"
        owner = f"{owner}/runs/{match['run']}/artifacts"
        store = f"ExperimentRun/dcid.{match['run']}"
        above, label = match["artifacts"] is None, f"run {match['run']}"
        return Folder(workspace, owner, store, _clean(match["path"]), label, match["run"], above)
    match = _UPLOAD.fullmatch(rest)
    if match:
        return upload(workspace, match["origin"], match["container"], _clean(match["path"]))
    raise ValueError(f"'{uri}' names no artifacts of an Azure ML workspace")


def upload(workspace: Workspace, origin: str, container: str, path: str) -> Folder:
    """Return a folder of files that belong to no run."""
    store = f"{origin}/{container}"
    owner = f"/artifact/v2.0{workspace.scope}/artifacts/{store}"
    return Folder(workspace, owner, store, path, f"upload {container}")


def of_run(workspace: Workspace, run_id: str) -> Folder:
    """Return all artifacts of a run, by the service that need not know its experiment."""
    folder = upload(workspace, "ExperimentRun", f"dcid.{run_id}", "")
    return replace(folder, label=f"run {run_id}", run_id=run_id)


def our_uri(uri: str, workspace: Workspace) -> str:
    """Return our URI for a service URI; any other as it is.

    ``azureml://artifacts/…`` does not say which workspace it is in; our URI does.
    """
    prefix = f"{SERVICE_SCHEME}://"
    if not uri.startswith(prefix):
        return uri
    rest = uri[len(prefix) :]
    if rest.startswith("artifacts/"):
        return f"{workspace.uri}/{rest}"
    return f"{SCHEME}://{rest}"


def service_uri(uri: str) -> str:
    """Return the service URI for one of ours; any other as it is."""
    prefix = f"{SCHEME}://"
    if not uri.startswith(prefix):
        return uri
    match = _SCOPE.fullmatch(urlsplit(uri).path)
    if match and _UPLOAD.fullmatch(match["rest"] or ""):
        return f"{SERVICE_SCHEME}:/{match['rest']}"
    return f"{SERVICE_SCHEME}://{uri[len(prefix) :]}"


def is_service_host(host: str) -> bool:
    """Whether a host, as ``host_of`` returns it, is Azure ML's own."""
    return _SERVICE_HOST.fullmatch(host) is not None


def is_scoring_address(uri: str) -> bool:
    """Whether an address is that of an online endpoint of Azure ML, by TLS."""
    host = host_of(uri)
    return uri.startswith("https://") and bool(host and _SCORING_HOST.fullmatch(host))


def _parts(uri: str) -> tuple[Workspace, str]:
    host = host_of(uri)
    match = _SCOPE.fullmatch(urlsplit(uri).path) if host else None
    if host is None or match is None:
        raise ValueError(
            f"'{uri}' names no Azure ML workspace; it should end in "
            "/subscriptions/ID/resourceGroups/GROUP/providers/"
            "Microsoft.MachineLearningServices/workspaces/NAME"
        )
    workspace = Workspace(host, match["subscription"], match["group"], match["name"])
    return workspace, match["rest"] or ""


def _clean(path: str | None) -> str:
    return (path or "").strip("/")
