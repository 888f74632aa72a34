"""A workspace with its cloud and its credential, one for each URI in a process."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlproject.azure.connection import credentials
from mlproject.azure.connection.credentials import Credential
from mlproject.azure.connection.uris import Workspace, is_service_host, workspace_of
from mlproject.base import environ
from mlproject.base.errors import TrackingError
from mlproject.base.hosts import host_of

# Named, the cloud is not asked for over the network.
_CLOUDS = {".ml.azure.us": "AzureUSGovernment", ".ml.azure.cn": "AzureChinaCloud"}
_CLOUD = "AzureCloud"
_LOCK = threading.Lock()
_KNOWN: dict[Workspace, Context] = {}


@dataclass(frozen=True)
class Context:
    """What requests to a workspace need."""

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
    """Return the context of a tracking or artifact URI; MlflowException when it names none."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    from mlproject.azure.connection.failures import AzureMLException

    try:
        workspace = workspace_of(uri)
    except ValueError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error
    if not _is_trusted(workspace.host):
        raise AzureMLException(
            f"'{workspace.host}' is not a host of Azure ML, so no token is sent there",
            error_code=INVALID_PARAMETER_VALUE,
        )
    with _LOCK:
        if workspace not in _KNOWN:
            _KNOWN[workspace] = Context(workspace, _credential(workspace))
        return _KNOWN[workspace]


def _is_trusted(host: str) -> bool:
    """Whether a token may be sent to a host: Azure ML's own, or the one that the user has named.

    Artifact URIs come from data, such as the source of a model version.
    """
    if is_service_host(host):
        return True
    named = (environ.get(environ.TRACKING_URI), environ.get(environ.REGISTRY_URI))
    return any(host_of(uri) == host for uri in named if uri)


def adopt(uri: str, credential: Credential) -> None:
    """Have a workspace's requests use a credential that has just been used to find it."""
    with _LOCK:
        workspace = workspace_of(uri)
        _KNOWN[workspace] = Context(workspace, credential)


def cloud(host: str | None = None) -> Any:
    """Return the cloud as azureml-mlflow describes it: ``AZUREML_CURRENT_CLOUD``, or the host's."""
    from azureml.mlflow._common._cloud.cloud import KNOWN_CLOUDS, _get_cloud_or_default

    name = environ.get(environ.AZUREML_CLOUD)
    if name is not None and name not in KNOWN_CLOUDS:
        raise TrackingError(
            f"{environ.AZUREML_CLOUD} is '{name}', which is not a known cloud",
            f"Known clouds: {', '.join(KNOWN_CLOUDS)}",
        )
    if name is None and host is not None:
        name = next((cloud for end, cloud in _CLOUDS.items() if host.endswith(end)), None)
    return _get_cloud_or_default(name or _CLOUD)


def user_credential(host: str | None = None) -> Credential:
    """Return the credential of whoever runs this process, for the cloud in force."""
    in_force = cloud(host)
    return credentials.of_user(in_force._get_default_scope(), in_force._get_authority())


def _credential(workspace: Workspace) -> Credential:
    in_force = cloud(workspace.host)
    scope = str(in_force._get_default_scope())
    return (
        _of_azureml_core(workspace, scope)
        or credentials.of_job(workspace, scope)
        or credentials.of_user(scope, in_force._get_authority())
    )


def _of_azureml_core(workspace: Workspace, scope: str) -> Credential | None:
    """Return what ``Workspace.get_mlflow_tracking_uri`` of azureml-core has left for the URI."""
    from azureml.mlflow._internal.service_context_loader import _AzureMLServiceContextLoader

    if not _AzureMLServiceContextLoader.has_service_context(workspace.service_uri):
        return None
    auth = _AzureMLServiceContextLoader.get_service_context(workspace.service_uri).auth
    return Credential(lambda: auth, scope)
