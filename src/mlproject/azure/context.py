"""A workspace with its cloud and its credential, one for each URI in a process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlproject import environ
from mlproject.azure import credentials
from mlproject.azure.credentials import Credential
from mlproject.azure.places import Workspace, workspace_of

# Named, the cloud is not asked for over the network.
_CLOUDS = {".ml.azure.us": "AzureUSGovernment", ".ml.azure.cn": "AzureChinaCloud"}
_CLOUD = "AzureCloud"
_LOCK = threading.Lock()
_KNOWN: dict[Workspace, Context] = {}


@dataclass(frozen=True)
class Context:
    """What requests to a workspace need.

    Attributes
    ----------
    workspace : Workspace
    credential : Credential
    """

    workspace: Workspace
    credential: Credential

    @cached_property
    def service(self) -> Any:
        """The same, as azureml-mlflow's classes take it."""
        from azureml.mlflow._internal.utils import ServiceContext

        workspace = self.workspace
        return ServiceContext(
            host_url=f"https://{workspace.host}",
            subscription_id=workspace.subscription,
            workspace_name=workspace.name,
            resource_group_name=workspace.group,
            auth=self.credential,
            cloud=cloud(workspace.host),
        )


def of(uri: str) -> Context:
    """Return the context of a tracking or artifact URI.

    Raises
    ------
    MlflowException
        When the URI names no workspace.
    """
    from mlflow.exceptions import MlflowException

    try:
        workspace = workspace_of(uri)
    except ValueError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error
    with _LOCK:
        if workspace not in _KNOWN:
            _KNOWN[workspace] = Context(workspace, _credential(workspace))
        return _KNOWN[workspace]


def adopt(uri: str, credential: Credential) -> None:
    """Have a workspace's requests use a credential that has just been used to find it."""
    with _LOCK:
        workspace = workspace_of(uri)
        _KNOWN[workspace] = Context(workspace, credential)


def cloud(host: str | None = None) -> Any:
    """Return the cloud as azureml-mlflow describes it: ``AZUREML_CURRENT_CLOUD``, or the host's."""
    from azureml.mlflow._common._cloud.cloud import _get_cloud_or_default

    name = environ.get(environ.AZUREML_CLOUD)
    if name is None and host is not None:
        name = next((cloud for end, cloud in _CLOUDS.items() if host.endswith(end)), None)
    return _get_cloud_or_default(name or _CLOUD)


def user_credential(host: str | None = None) -> Credential:
    """Return the credential of whoever runs this process, for the cloud in force."""
    found = cloud(host)
    return credentials.of_user(found._get_default_scope(), found._get_authority())


def _credential(workspace: Workspace) -> Credential:
    found = cloud(workspace.host)
    scope = str(found._get_default_scope())
    given = _given(workspace, scope)
    if given is not None:
        return given
    of_job = credentials.of_job(workspace, scope)
    return of_job or credentials.of_user(scope, found._get_authority())


def _given(workspace: Workspace, scope: str) -> Credential | None:
    """Return what ``Workspace.get_mlflow_tracking_uri`` of azureml-core has left for the URI."""
    from azureml.mlflow._internal.service_context_loader import _AzureMLServiceContextLoader

    if not _AzureMLServiceContextLoader.has_service_context(workspace.service_uri):
        return None
    auth = _AzureMLServiceContextLoader.get_service_context(workspace.service_uri).auth
    return Credential(lambda: auth, scope)
