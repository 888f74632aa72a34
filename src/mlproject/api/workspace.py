"""The Azure ML workspace that jobs and endpoints are of."""

from __future__ import annotations

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.tracking.target import AZUREML, Target, resolve


def target(tracking: str | None, what: str) -> Target:
    """Return the workspace: the one that is named, or tracked to, or the nearest config.json's.

    Raises
    ------
    ConfigurationError
        When another server is named; ``what`` says what needs a workspace.
    """
    given = tracking or environ.get(environ.TRACKING_URI)
    found = resolve(given if given and given.startswith("azureml") else tracking or AZUREML)
    if found.name != AZUREML:
        raise ConfigurationError(
            f"{what} in an Azure ML workspace, and not at {found.printable}",
            "Give --tracking azureml, or leave it out",
        )
    return found
