"""What goes into the container of a deployment."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from mlproject.azure.resources.codes import CodeFile
from mlproject.base import environ
from mlproject.base.errors import ModelError, reason
from mlproject.jobs import code
from mlproject.models.loaded import LoadedModel

SCRIPT = "score.py"
_SCRIPT = Path(__file__).with_name(SCRIPT)
SERVER = "azureml-inference-server-http>=1.5"
# What this project imports to score, beside what it shares with the model; where the inference
# server asks for a version of its own, which is that of pydantic, it is left to it.
_OWN = (
    *("charset-normalizer", "cloudpickle", "filelock", "fsspec", "pandas", "pyarrow"),
    *("pyyaml", "rich", "skops", "threadpoolctl"),
)
_OWN_ANY_VERSION = ("pydantic>=2.7",)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Package:
    """A model, and what it needs to be asked somewhere else.

    Attributes
    ----------
    folder : Path
        The model's files, on this machine.
    """

    model: LoadedModel
    folder: Path
    method: str

    @cached_property
    def files(self) -> tuple[CodeFile, ...]:
        """The score script, and this project's packages beside it."""
        return (code_file(_SCRIPT), *code.carried())

    @property
    def variables(self) -> dict[str, str]:
        """What the score script is told."""
        return {
            environ.SERVED_MODEL: self.model.uri,
            environ.SERVED_VERSION: str(self.model.version or ""),
            environ.SERVED_SHA256: self.model.sha256,
            environ.SERVED_METHOD: self.method,
        }

    @cached_property
    def python(self) -> str:
        """The version of Python that the model was made with."""
        path = self.folder / "python_env.yaml"
        try:
            found = yaml.safe_load(path.read_text(encoding="utf-8"))["python"]
        except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
            raise ModelError(
                f"The model {self.model.uri} does not say which Python it needs: {reason(error)}",
                "Log it again with MLflow 2 or later, which writes python_env.yaml",
            ) from error
        return ".".join(str(found).split(".")[:2])

    @cached_property
    def own_requirements(self) -> list[str]:
        """The lines of the model's requirements.txt that name packages."""
        try:
            text = (self.folder / "requirements.txt").read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(
                f"The model {self.model.uri} does not say what it needs: {reason(error)}",
                "Log it again with pip_requirements=",
            ) from error
        lines = map(str.strip, text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    @cached_property
    def requirements(self) -> list[str]:
        """The model's own requirements, and those of the score script that it lacks."""
        own = self.own_requirements
        known = {_normal(line) for line in own}
        more = [pin for name in _OWN if name not in known and (pin := _pinned(name))]
        more += [line for line in (*_OWN_ANY_VERSION, SERVER) if _normal(line) not in known]
        return [*own, *more]

    @property
    def conda(self) -> str:
        """The environment as conda.yaml."""
        content = {
            "name": "mlproject-serving",
            "channels": ["conda-forge"],
            "dependencies": [f"python={self.python}", "pip", {"pip": self.requirements}],
        }
        return yaml.safe_dump(content, sort_keys=False)

    @property
    def body(self) -> bytes:
        """A request with the model's input example."""
        return json.dumps({"input_data": _split(self.model)}).encode()

    def lay_out(self, folder: Path) -> Path:
        """Put the script, and what lies beside it, into a folder; return the script."""
        for file in self.files:
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.local, target)
        return folder / SCRIPT


def code_file(local: Path) -> CodeFile:
    """Return a score script, under the one name that they have in a container."""
    return CodeFile(SCRIPT, local, local.stat().st_size)


def _split(model: LoadedModel) -> Mapping[str, Any]:
    example = model.example
    if example is None or "columns" not in example or "data" not in example:
        raise ModelError(
            f"The model {model.uri} has no input example, and is not deployed without a call",
            "Log it again with input_example=X.head(5)",
        )
    rows = list(example["data"])
    return {"columns": example["columns"], "index": list(range(len(rows))), "data": rows}


def _pinned(name: str) -> str | None:
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return None


def _normal(line: str) -> str:
    match = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else ""
