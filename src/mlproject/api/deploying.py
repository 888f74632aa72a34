"""Deploy a model to an online endpoint of an Azure ML workspace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Literal

from mlproject.api import arguments, workspace
from mlproject.api.opening import Method
from mlproject.deployment.options import DeployRequest, DeployResult

if TYPE_CHECKING:
    from mlproject.deployment.deploying import Deployer

Auth = Literal["key", "aml-token", "entra"]


def deploy(
    model: str,
    endpoint: str,
    *,
    instance_type: str = "Standard_DS3_v2",
    instance_count: int = 1,
    auth: Auth = "key",
    method: Method = "predict",
    timeout: int = 60,
    no_code: bool = False,
    preflight: Literal["built", "here"] = "built",
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> DeployResult:
    """Deploy a registered model beside the one that answers, call it, and move the traffic to it.

    The other parameters are those of ``mlproject.score``.

    Parameters
    ----------
    model : str
        ``models:/NAME/VERSION`` or ``models:/NAME@ALIAS`` of the workspace.
    endpoint : str
        Its name; it is made where it is not there.
    instance_type, instance_count : str, int
        Size and number of the machines.
    auth : str
        How callers of a new endpoint sign in: ``key``, ``aml-token`` or ``entra``.
    timeout : int
        Seconds that a request may take.
    no_code : bool
        Leave the scoring to the service's own script.
    preflight : str
        Where the model is tried before anything is made: ``built``, in an environment made of its
        requirements, or ``here``.

    Raises
    ------
    ModelError
        When it does not answer, here or there; the traffic stays where it was.
    ConfigurationError, TrackingError
        When there is no such model or workspace, or no permission.
    """
    from mlproject.models.trust import in_force

    request = DeployRequest(
        model=model,
        endpoint=endpoint,
        instance_type=instance_type,
        instance_count=instance_count,
        auth=auth,
        method=method,
        timeout=timeout,
        no_code=no_code,
        preflight=preflight,
        trust=arguments.several(trust),
        tracking=arguments.text(tracking),
    )
    _ = request.endpoint_name
    policy = in_force(request.trust)
    with _deployer(request.tracking, progress) as deployer:
        return deployer.deploy(request, policy)


def rollback_endpoint(
    endpoint: str,
    *,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> DeployResult:
    """Move the traffic of an endpoint back to the deployment that had it before."""
    with _deployer(arguments.text(tracking), progress) as deployer:
        return deployer.rollback(endpoint)


def delete_endpoint(
    endpoint: str,
    *,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> None:
    """Delete an endpoint with its deployments."""
    with _deployer(arguments.text(tracking), progress) as deployer:
        deployer.delete(endpoint)


@contextmanager
def _deployer(tracking: str | None, progress: bool | None) -> Iterator[Deployer]:
    from mlproject.azure.connection import context
    from mlproject.deployment.deploying import Deployer
    from mlproject.tracking import session as sessions

    target = workspace.target(tracking, "Endpoints are")
    with sessions.opened(target) as session:
        yield Deployer(context.of(target.uri), session, arguments.reporter(progress))
