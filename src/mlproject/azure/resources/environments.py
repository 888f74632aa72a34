"""Environments of jobs: made from a conda.yaml, or one that is there, by its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from mlproject.azure.connection.arm import Arm
from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean

IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
NAME = "mlproject"
_REGISTRY = re.compile(r"azureml://registries/[^/]+/environments/[^/]+/(versions|labels)/[^/]+")
_LATEST = "latest"


def version_of(conda: str, image: str = IMAGE) -> str:
    """Return the version that a conda.yaml gets: the service builds an image once for each."""
    return hashlib.sha256(f"{image}\n{conda}".encode()).hexdigest()[:16]


def from_conda(arm: Arm, conda: str, image: str = IMAGE) -> str:
    """Return the id of the environment of a conda.yaml, which is made where it is not there."""
    path = f"/environments/{NAME}/versions/{version_of(conda, image)}"
    found = arm.find(path)
    if found is None:
        properties = {"image": image, "condaFile": conda, "isAnonymous": False, "isArchived": False}
        found = arm.put(path, {"properties": properties})
    return str(found["id"])


def planned_id(arm: Arm, conda: str, image: str = IMAGE) -> str:
    """Return the id that the environment of a conda.yaml has, or would get."""
    return f"{arm.scope}/environments/{NAME}/versions/{version_of(conda, image)}"


def named(arm: Arm, reference: str) -> str:
    """Return the id of an environment: ``NAME``, ``NAME:VERSION``, or a registry's URI.

    Raises
    ------
    ConfigurationError
        When the workspace has none such.
    """
    if _REGISTRY.fullmatch(reference):
        return reference
    name, _, version = reference.removeprefix("azureml:").replace("@", ":").partition(":")
    versions = f"/environments/{name}/versions"
    if version not in ("", _LATEST):
        found = arm.find(f"{versions}/{version}")
    else:
        order = {"$orderBy": "createdtime desc", "$top": "1"}
        found = next(arm.listed(versions, **order), None)
    if found is None:
        raise _unknown(arm, reference, name)
    return str(found["id"])


def _unknown(arm: Arm, reference: str, name: str) -> ConfigurationError:
    versions = [str(item["name"]) for item in arm.listed(f"/environments/{name}/versions")]
    hint = did_you_mean(name, _names(arm), noun="environments")
    if versions:
        hint = f"'{name}' has the versions {', '.join(versions[-10:])}"
    end = "" if hint.endswith("?") else "."
    return ConfigurationError(
        f"The workspace has no environment '{reference}'",
        f"{hint}{end} A curated one is azureml://registries/azureml/environments/NAME/versions/N",
    )


def _names(arm: Arm) -> Iterator[str]:
    return (str(item["name"]) for item in arm.listed("/environments"))
