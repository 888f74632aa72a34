"""What a job is, as Resource Manager words it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlproject.azure.resources.jobs import AS_USER, TAG
from mlproject.jobs.options import JobOptions
from mlproject.jobs.sweeps import Sweep
from mlproject.jobs.words import Words
from mlproject.tracking import names

_IDENTITIES = {"job": "AMLToken", "managed": "Managed", "user": AS_USER}


@dataclass(frozen=True)
class Parts:
    """What a job is made of; ``compute`` is None for one that is serverless."""

    command: str
    display_name: str
    experiment: str
    line: Words
    code: str
    environment: str
    compute: str | None
    variables: Mapping[str, str] = field(default_factory=dict)


def of_command(parts: Parts, options: JobOptions) -> dict[str, Any]:
    """Return the properties of a job that runs one command."""
    return _shared("Command", parts, options) | _program(parts, options)


def of_sweep(parts: Parts, sweep: Sweep, options: JobOptions, nodes: int | None) -> dict[str, Any]:
    """Return the properties of a job that tries candidates, each as a command of its own."""
    properties = _shared("Sweep", parts, options)
    properties["tags"] |= {names.SWEEP_METRIC: sweep.metric, names.SWEEP_GOAL: sweep.goal}
    limits = {
        "maxTotalTrials": sweep.trials,
        "maxConcurrentTrials": sweep.trials_at_a_time(nodes),
    }
    return properties | {
        "trial": _program(parts, options),
        "objective": {"goal": sweep.goal, "primaryMetric": sweep.metric},
        "samplingAlgorithm": sweep.sampling,
        "searchSpace": sweep.search_space,
        "limits": {"jobLimitsType": "Sweep"} | properties.get("limits", {}) | limits,
    }


def _program(parts: Parts, options: JobOptions) -> dict[str, Any]:
    """Return what runs, and on what."""
    resources: dict[str, Any] = {"instanceCount": options.instance_count or 1}
    if options.instance_type:
        resources["instanceType"] = options.instance_type
    return {
        "command": parts.line.command,
        "codeId": parts.code,
        "environmentId": parts.environment,
        "environmentVariables": {**parts.variables, **options.variables},
        "resources": resources,
    }


def _shared(kind: str, parts: Parts, options: JobOptions) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "jobType": kind,
        "displayName": parts.display_name,
        "experimentName": parts.experiment,
        "inputs": parts.line.inputs,
        "tags": {TAG: parts.command},
    }
    if parts.line.outputs:
        properties["outputs"] = parts.line.outputs
    if parts.compute is not None:
        properties["computeId"] = parts.compute
    if options.seconds is not None:
        properties["limits"] = {"jobLimitsType": kind, "timeout": f"PT{options.seconds}S"}
    if options.identity is not None:
        properties["identity"] = {"identityType": _IDENTITIES[options.identity]}
    return properties
