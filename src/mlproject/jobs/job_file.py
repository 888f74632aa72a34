"""A job as a file that ``az ml job create -f`` and ``load_job`` of azure-ai-ml take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlproject.azure.resources.jobs import AS_USER
from mlproject.base.files import atomic_write

# https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-command
_SCHEMA = "https://azuremlschemas.azureedge.net/latest/{}.schema.json"
_IDENTITIES = {
    "AMLToken": "aml_token",
    "Managed": "managed_identity",
    AS_USER: "user_identity",
}
_OF_INPUTS = {"jobInputType": "type", "uri": "path"}
_OF_OUTPUTS = {"jobOutputType": "type", "uri": "path", "assetName": "name", "mode": "mode"}
_SECONDS = re.compile(r"PT(\d+)S")
_HEAD = "# Written by `mlproject submit … --yaml`. Its code and environment are in the workspace.\n"


def content(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the file says, for what a request says."""
    is_sweep = properties["jobType"] == "Sweep"
    program = properties["trial"] if is_sweep else properties
    found: dict[str, Any] = {
        "$schema": _SCHEMA.format("sweepJob" if is_sweep else "commandJob"),
        "type": "sweep" if is_sweep else "command",
        "name": name,
        "display_name": properties["displayName"],
        "experiment_name": properties["experimentName"],
        "tags": properties["tags"],
    }
    if is_sweep:
        found |= _search(properties) | {"trial": _program(program)}
    else:
        found |= _program(program)
    if "computeId" in properties:  # else it is serverless
        found["compute"] = _reference(properties["computeId"])
    for ours, named in (("inputs", _OF_INPUTS), ("outputs", _OF_OUTPUTS)):
        if properties.get(ours):
            found[ours] = {
                key: {theirs: item[given] for given, theirs in named.items() if given in item}
                for key, item in properties[ours].items()
            }
    if "identity" in properties:
        found["identity"] = {"type": _IDENTITIES[properties["identity"]["identityType"]]}
    limits = _limits(properties.get("limits") or {})
    if limits:
        found["limits"] = limits
    return found


def _program(properties: Mapping[str, Any]) -> dict[str, Any]:
    resources = properties["resources"]
    named = {"instanceCount": "instance_count", "instanceType": "instance_type"}
    found = {
        "command": properties["command"],
        "code": _reference(properties["codeId"]),
        "environment": _reference(properties["environmentId"]),
        "resources": {named[key]: value for key, value in resources.items()},
    }
    if properties["environmentVariables"]:
        found["environment_variables"] = properties["environmentVariables"]
    return found


def _search(properties: Mapping[str, Any]) -> dict[str, Any]:
    objective, algorithm = properties["objective"], properties["samplingAlgorithm"]
    sampling = {"type": algorithm["samplingAlgorithmType"].lower()}
    sampling |= {key: value for key, value in algorithm.items() if key in ("seed", "rule")}
    space = properties["searchSpace"].items()
    return {
        "objective": {"goal": objective["goal"], "primary_metric": objective["primaryMetric"]},
        "sampling_algorithm": sampling,
        "search_space": {name: {"type": "choice", "values": axis[1][0]} for name, axis in space},
    }


def _limits(limits: Mapping[str, Any]) -> dict[str, int]:
    named = {"maxTotalTrials": "max_total_trials", "maxConcurrentTrials": "max_concurrent_trials"}
    found = {theirs: int(limits[ours]) for ours, theirs in named.items() if ours in limits}
    limit = _SECONDS.fullmatch(limits.get("timeout", ""))
    return found | ({"timeout": int(limit[1])} if limit else {})


def write(path: Path, name: str, properties: Mapping[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump(content(name, properties), sort_keys=False, allow_unicode=True, width=100)
    atomic_write(path, f"{_HEAD}{text}".encode())


def _reference(identifier: str) -> str:
    return identifier if identifier.startswith("azureml:") else f"azureml:{identifier}"
