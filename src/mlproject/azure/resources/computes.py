"""Computes of a workspace: those that can run jobs, and how busy they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlproject.azure.connection.arm import Arm
from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean

CLUSTER = "AmlCompute"
# Those that jobs can run on; the others are notebooks' services, warehouses and the like.
_RUNS_JOBS = frozenset({CLUSTER, "ComputeInstance", "Kubernetes", "AKS"})


@dataclass(frozen=True)
class Compute:
    """A compute.

    Attributes
    ----------
    nodes, most_nodes : int or None
        How many it has now, and may have; None where that is not told.
    busy : int or None
        Nodes that run a job.
    problem : str or None
        Why it gets no nodes, such as a quota.
    """

    id: str
    name: str
    nodes: int | None = None
    most_nodes: int | None = None
    busy: int | None = None
    problem: str | None = None


def get(arm: Arm, name: str | None) -> Compute:
    """Return a compute; ConfigurationError when none of this name can run jobs."""
    found = arm.find(f"/computes/{name}") if name else None
    if found is not None:
        kind = str(found["properties"].get("computeType"))
        if kind not in _RUNS_JOBS:
            clusters = ", ".join(_names(arm)) or "no clusters"
            raise ConfigurationError(
                f"The compute '{name}' is of the kind {kind}, which runs no jobs",
                f"The workspace has {clusters}",
            )
        return _compute(found)
    names = _names(arm)
    if name is None:
        raise ConfigurationError(
            "--compute is missing",
            f"The workspace has {', '.join(names) or 'no computes'}; or give serverless, or local "
            "for a process here",
        )
    hint = did_you_mean(name, names, noun="computes")
    raise ConfigurationError(f"The workspace has no compute '{name}'", hint)


def find(arm: Arm, name: str) -> Compute | None:
    """Return a compute as it is now; None when there is none."""
    found = arm.find(f"/computes/{name}")
    return None if found is None else _compute(found)


def _names(arm: Arm) -> list[str]:
    return sorted(
        str(item["name"])
        for item in arm.listed("/computes")
        if item["properties"].get("computeType") in _RUNS_JOBS
    )


def _compute(resource: Mapping[str, Any]) -> Compute:
    inner = resource["properties"].get("properties") or {}
    errors = inner.get("errors") or []
    states = inner.get("nodeStateCounts") or {}
    return Compute(
        str(resource["id"]),
        str(resource["name"]),
        inner.get("currentNodeCount"),
        (inner.get("scaleSettings") or {}).get("maxNodeCount"),
        states.get("runningNodeCount"),
        str(_message(errors[0])) if errors else None,
    )


def _message(error: Mapping[str, Any]) -> object:
    return (error.get("error") or error).get("message") or error
