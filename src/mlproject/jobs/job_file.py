"""A job as a file that ``az ml job create -f`` and ``load_job`` of azure-ai-ml take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlproject.base.files import atomic_write

# https://learn.microsoft.com/azure/machine-learning/reference-yaml-job-command
_SCHEMA = "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json"
_IDENTITIES = {"AMLToken": "aml_token", "Managed": "managed_identity"}
_SECONDS = re.compile(r"PT(\d+)S")
_HEAD = "# Written by `mlproject submit … --yaml`. Its code and environment are in the workspace.\n"


def content(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the file says, for what a request says."""
    found: dict[str, Any] = {
        "$schema": _SCHEMA,
        "type": "command",
        "name": name,
        "display_name": properties["displayName"],
        "experiment_name": properties["experimentName"],
        "command": properties["command"],
        "code": _reference(properties["codeId"]),
        "environment": _reference(properties["environmentId"]),
        "compute": _reference(properties["computeId"]),
        "tags": properties["tags"],
        "resources": {"instance_count": properties["resources"]["instanceCount"]},
    }
    if properties["environmentVariables"]:
        found["environment_variables"] = properties["environmentVariables"]
    if properties["inputs"]:
        found["inputs"] = {
            key: {"type": item["jobInputType"], "path": item["uri"]}
            for key, item in properties["inputs"].items()
        }
    if "identity" in properties:
        found["identity"] = {"type": _IDENTITIES[properties["identity"]["identityType"]]}
    limit = _SECONDS.fullmatch((properties.get("limits") or {}).get("timeout", ""))
    if limit:
        found["limits"] = {"timeout": int(limit[1])}
    return found


def write(path: Path, name: str, properties: Mapping[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump(content(name, properties), sort_keys=False, allow_unicode=True, width=100)
    atomic_write(path, f"{_HEAD}{text}".encode())


def _reference(identifier: str) -> str:
    return identifier if identifier.startswith("azureml:") else f"azureml:{identifier}"
