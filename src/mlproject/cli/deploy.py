"""``mlproject deploy``: a model, or rollback, delete."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.options import Argument, Tracking
from mlproject.cli.frame import LazyGroup, command
from mlproject.deployment.options import DeployRequest, DeployResult

_HERE = "mlproject.cli.deploy"
_MODEL = "model"
_Endpoint = Annotated[str, Argument("Name of the endpoint.")]


class _Deploy(LazyGroup):
    """Takes a model in the place of a command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        named = args[0] in self.lazy
        return super().resolve_command(ctx, args if named else [_MODEL, *args])


@click.group(
    cls=_Deploy,
    context_settings={"ignore_unknown_options": True},
    subcommand_metavar="MODEL --endpoint NAME | COMMAND [ARGS]...",
    lazy={
        _MODEL: (f"{_HERE}:model", "Deploy a model; the word itself can be left out."),
        "rollback": (f"{_HERE}:rollback", "Move the traffic back to the deployment before."),
        "delete": (f"{_HERE}:delete", "Delete an endpoint with its deployments."),
    },
)
def deploy() -> None:
    """Deploy a registered model to an online endpoint of an Azure ML workspace.

    \b
    Examples:
      mlproject deploy models:/prices@champion --endpoint prices
      mlproject deploy rollback prices
    """


@command(workspace=True)
def model(reporter: Reporter, request: DeployRequest) -> dict[str, Any]:
    """Deploy MODEL beside the one that answers, call it, and move the traffic to it.

    It is tried on this machine first. The deployment that answered before is kept.
    """
    _ = request.endpoint_name
    from mlproject.api import deploying

    result = deploying.deploy(**vars(request), progress=not reporter.quiet)
    summarise(result, reporter)
    if result.previous is not None:
        reporter.say(f"Back to before: mlproject deploy rollback {result.endpoint}")
    return asdict(result)


@command(workspace=True)
def rollback(reporter: Reporter, endpoint: _Endpoint, tracking: Tracking = None) -> dict[str, Any]:
    """Move the traffic of ENDPOINT back to the deployment that had it before."""
    from mlproject.api import deploying

    progress = not reporter.quiet
    result = deploying.rollback_endpoint(endpoint, tracking=tracking, progress=progress)
    summarise(result, reporter)
    return asdict(result)


@command(workspace=True)
def delete(reporter: Reporter, endpoint: _Endpoint, tracking: Tracking = None) -> dict[str, Any]:
    """Delete ENDPOINT with its deployments."""
    from mlproject.api import deploying

    deploying.delete_endpoint(endpoint, tracking=tracking, progress=not reporter.quiet)
    reporter.emit(f"Deleted: {endpoint}")
    return {"endpoint": endpoint}


def summarise(result: DeployResult, reporter: Reporter) -> None:
    version = f" (version {result.model_version})" if result.model_version else ""
    rows = [
        ("answers", result.deployment),
        ("model", f"{result.model_uri or 'unknown'}{version}"),
        ("kept", result.previous or ""),
        ("scoring URI", result.scoring_uri),
    ]
    reporter.table(f"Endpoint {result.endpoint}", ("", ""), [row for row in rows if row[1]])
