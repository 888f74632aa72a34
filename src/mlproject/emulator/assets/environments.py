"""Environments: those of the workspace, and a few that Microsoft's registry has."""

from __future__ import annotations

import re

from mlproject.emulator.assets import versioned
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import Routes

_CURATED = re.compile(
    r"azureml://registries/azureml/environments/(sklearn-1\.5|minimal-py311-inference)"
    r"/(versions/\d+|labels/latest)"
)


def add_routes(routes: Routes, state: State) -> None:
    versioned.add_routes(routes, state.resources, "environments")


def is_known(state: State, environment: str) -> bool:
    """Whether an id names an environment that a job can have."""
    return bool(_CURATED.fullmatch(environment)) or state.resources.get(environment) is not None
