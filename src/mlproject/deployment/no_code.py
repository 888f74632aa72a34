"""Deployments without a score script: the service runs its own, for models of MLflow.

That script imports packages that the model's conda.yaml has to list. So a copy of the model that
lists them is registered.
https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models-online-endpoints
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from mlproject.azure.resources.codes import CodeFile
from mlproject.base.errors import ModelError, reason
from mlproject.deployment.package import Package, code_file
from mlproject.registry import versions
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session

# Some of the server's versions before 1.4 lack a module that the service's script imports.
_NEEDED = ("azureml-ai-monitoring", "azureml-inference-server-http>=1.4")
_COPY_OF = "mlproject.copy_of"
_SCRIPT = Path(__file__).with_name("pyfunc_score.py")


@dataclass(frozen=True)
class NoCodePackage(Package):
    """A model that is asked as the service's own script asks it."""

    @cached_property
    def files(self) -> tuple[CodeFile, ...]:
        return (code_file(_SCRIPT),)

    @property
    def lacking(self) -> list[str]:
        """The packages that the model's own requirements lack."""
        listed = "\n".join(self.own_requirements)
        return [line for line in _NEEDED if line.partition(">")[0] not in listed]

    @cached_property
    def requirements(self) -> list[str]:
        return [*self.own_requirements, *self.lacking]


def registered(package: NoCodePackage, name: str, session: Session) -> tuple[str, str]:
    """Return name and version of the model with all packages: itself, or a copy."""
    version = str(package.model.version)
    if not package.lacking:
        return name, version
    copied, original = f"{name}-no-code", f"models:/{name}/{version}"
    with as_tracking_error(f"The model '{copied}' cannot be registered"):
        known = [item for item in _versions(session, copied) if item.tags.get(_COPY_OF) == original]
        if known:
            return copied, str(known[-1].number)
        with TemporaryDirectory(prefix="mlproject-") as scratch:
            folder = Path(scratch) / "model"
            shutil.copytree(package.folder, folder)
            _list_packages(folder, package.lacking, package.model.uri)
            made = session.client.create_model_version(
                copied, folder.as_uri(), tags={_COPY_OF: original}
            )
    return copied, str(made.version)


def _versions(session: Session, name: str) -> list[versions.Version]:
    """Return the versions of a registered model, which is made where it is not there."""
    from mlflow.exceptions import MlflowException

    try:
        session.client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return versions.all_versions(session.client, name)
    return []


def _list_packages(folder: Path, packages: Sequence[str], name: str) -> None:
    """Add packages to the files that say what a model needs."""
    conda = folder / "conda.yaml"
    try:
        content: Any = yaml.safe_load(conda.read_text(encoding="utf-8"))
        pip = next(item["pip"] for item in content["dependencies"] if isinstance(item, dict))
        pip += packages
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, StopIteration) as error:
        raise ModelError(
            f"The conda.yaml of the model {name} lists no packages of pip: {reason(error)}",
            "Log it again, or deploy it without --no-code",
        ) from error
    conda.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    with (folder / "requirements.txt").open("a", encoding="utf-8") as stream:
        stream.write("\n".join(["", *packages, ""]))
