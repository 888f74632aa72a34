"""The target ``azureml``: from the nearest config.json, or the job, to a tracking URI."""

from __future__ import annotations

from pathlib import Path

from mlproject.azure import plugins
from mlproject.azure.connection import uris, workspace
from mlproject.azure.connection.uris import SCHEME, SERVICE_SCHEME
from mlproject.base.errors import TrackingError

SCHEMES = (SCHEME, SERVICE_SCHEME)


def require_extra() -> None:
    if not plugins.installed():
        raise TrackingError("Azure ML needs packages that are not installed", plugins.HINT)


def check_config(folder: Path) -> None:
    """Raise TrackingError unless a job, or the nearest config.json, names a workspace."""
    require_extra()
    if workspace.job_uri() is None:
        workspace.find(folder)


def workspace_uri(folder: Path) -> str:
    """Return the tracking URI of the job's workspace, or of the nearest config.json's."""
    require_extra()
    of_job = workspace.job_uri()
    if of_job is not None:
        return uris.workspace_of(of_job).uri
    names = workspace.find(folder)
    from mlproject.azure.connection import discovery

    return discovery.tracking_uri(names)


def described(uri: str) -> str:
    workspace = uris.workspace_of(uri)
    return f"the Azure ML workspace '{workspace.name}' at {workspace.host}"


def is_service(uri: str) -> bool:
    """Whether a workspace's URI leads to Azure ML's own host."""
    return uris.is_service_host(uris.workspace_of(uri).host)


def studio_link(uri: str, run_id: str) -> str:
    from mlproject.azure.connection import context

    return uris.workspace_of(uri).link(run_id, context.of(uri).credential.tenant)


def studio_home(uri: str) -> str:
    from mlproject.azure.connection import context

    return uris.workspace_of(uri).home(context.of(uri).credential.tenant)


def checked_uri(uri: str, origin: str) -> str:
    """Return the URI of a workspace that a user gave, under our scheme.

    A job is given Microsoft's own URI by the service; anybody else should mean what they write.
    """
    require_extra()
    if uri.startswith(f"{SERVICE_SCHEME}:"):
        ours = f"{SCHEME}:{uri.partition(':')[2]}"
        if not workspace.in_job():
            raise TrackingError(
                f"'{SERVICE_SCHEME}://' is Microsoft's own plugin, which loses the models of "
                f"MLflow 3 ({origin})",
                f"Write {ours.partition('?')[0]}",
            )
        uri = ours
    try:
        return uris.workspace_of(uri).uri
    except ValueError as error:
        raise TrackingError(
            f"{error} ({origin})", "Or write azureml, with a config.json"
        ) from error
