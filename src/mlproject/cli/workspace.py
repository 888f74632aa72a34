"""The two options of every command that may talk to Azure ML."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from mlproject.base.errors import ConfigurationError


def in_workspace(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--workspace`` and ``--interactive``; it does not see them itself."""

    @click.option(
        "--workspace",
        metavar="PATH",
        help="config.json of the Azure ML workspace, or its folder; the nearest one by default.",
    )
    @click.option(
        "--interactive",
        is_flag=True,
        help="Sign in to Azure with a browser or a device code where nothing else works.",
    )
    @functools.wraps(function)
    def wrapper(*, workspace: str | None, interactive: bool, **options: Any) -> Any:
        if workspace or interactive:
            from mlproject.azure import credentials
            from mlproject.azure import workspace as workspaces

            if interactive and not credentials.somebody_is_there():
                raise ConfigurationError(
                    "--interactive needs somebody at a terminal",
                    "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET instead",
                )
            workspaces.use(workspace, interactive=interactive)
        return function(**options)

    return wrapper
