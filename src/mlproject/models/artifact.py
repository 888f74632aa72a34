"""A model's folder, read as data: what MLmodel says, and which bytes it speaks of.

Nothing here imports, loads or executes what the folder names.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlproject.base.errors import ModelError, reason
from mlproject.data.schema import Schema
from mlproject.data.source import file_sha256
from mlproject.models.signature import from_mlmodel

SKOPS, PICKLE = "skops", "pickle"
_FLAVOUR = "sklearn"
_LARGEST_EXAMPLE = 50 << 20
_LARGEST_MLMODEL = 50 << 20


@dataclass(frozen=True)
class Artifact:
    """A scikit-learn model as MLflow stores it.

    Attributes
    ----------
    folder : Path
    file : Path
        The serialised estimator, inside the folder.
    format : str
        ``skops`` or ``pickle``, as the file's bytes are, whatever MLmodel calls them.
    schema : Schema
        The columns that the signature names.
    code : Path or None
        The folder of Python modules that a pickle may need.
    sha256 : str
        Of the estimator's file; of the list of all files where there is code beside it.
    run_id, model_id, sklearn_version : str or None
        As MLmodel says.
    """

    folder: Path
    file: Path
    format: str
    schema: Schema
    signature: Mapping[str, Any]
    code: Path | None
    sha256: str
    run_id: str | None
    model_id: str | None
    sklearn_version: str | None

    def example(self) -> dict[str, Any] | None:
        """Return the input example as the artifact has it, or None without a readable one."""
        path = self.folder / "input_example.json"
        try:
            if path.stat().st_size > _LARGEST_EXAMPLE:
                return None
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None


def read(folder: Path, name: str) -> Artifact:
    """Return the artifact in a folder.

    Parameters
    ----------
    folder : Path
    name : str
        What messages call the model.

    Raises
    ------
    ModelError
        When there is no MLmodel, it is broken or hostile, it is of another flavour, or it has no
        signature.
    """
    content = _mlmodel(folder, name)
    flavours = _mapping(content.get("flavors"), "flavors", name)
    if _FLAVOUR not in flavours:
        raise ModelError(
            f"The model {name} is of the flavour {_named(flavours)}",
            "Only scikit-learn models (mlflow.sklearn) can be scored",
        )
    flavour = _mapping(flavours[_FLAVOUR], "the flavour sklearn", name)
    file = _inside(folder, flavour.get("pickled_model"), name)
    if not file.is_file():
        raise ModelError(f"The model {name} has no file '{flavour.get('pickled_model')}'")
    code = flavour.get("code")
    signature = _mapping(content.get("signature") or {}, "the signature", name)
    if not all(text is None or isinstance(text, str) for text in signature.values()):
        raise ModelError(f"The model {name} is damaged: its signature is not text")
    code_folder = _inside(folder, code, name) if code else None
    return Artifact(
        folder=folder,
        file=file,
        format=_format(file, name),
        schema=from_mlmodel(signature, name),
        signature=signature,
        code=code_folder,
        sha256=_combined(folder, file, code_folder),
        run_id=_text(content.get("run_id")),
        model_id=_text(content.get("model_id")),
        sklearn_version=_text(flavour.get("sklearn_version")),
    )


def _mlmodel(folder: Path, name: str) -> Mapping[str, Any]:
    path = folder / "MLmodel"
    try:
        if path.stat().st_size > _LARGEST_MLMODEL:
            raise ModelError(f"The file MLmodel of {name} is too large to be one")
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"There is no model at {name}: the file MLmodel is missing") from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ModelError(f"The file MLmodel of {name} cannot be read: {reason(error)}") from error
    return _mapping(content, "the file MLmodel", name)


def _mapping(value: Any, what: str, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"The model {name} is damaged: {what} is not a mapping")
    return value


def _named(flavours: Mapping[str, Any]) -> str:
    others = sorted(str(key) for key in flavours if key != "python_function")
    if others:
        return ", ".join(f"'{key}'" for key in others)
    loader = flavours.get("python_function") or {}
    module = loader.get("loader_module") if isinstance(loader, dict) else None
    return f"'python_function' (loaded by {module})" if module else "'python_function'"


def _inside(folder: Path, relative: Any, name: str) -> Path:
    """Return a path of the artifact; one that leads out of its folder is refused."""
    if not isinstance(relative, str) or not relative:
        raise ModelError(f"The model {name} is damaged: MLmodel does not name its file")
    try:
        path = (folder / relative).resolve()
        path.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # no name, or a loop of links
        raise ModelError(f"The model {name} is damaged: {reason(error)}") from error
    if not path.is_relative_to(folder.resolve()):
        raise ModelError(f"The model {name} is refused: '{relative}' leads out of its folder")
    return path


def _format(file: Path, name: str) -> str:
    try:
        if not zipfile.is_zipfile(file):
            with file.open("rb") as stream:
                if stream.read(4) == b"PK\x03\x04":
                    raise ModelError(f"The model {name} is damaged: its file is cut short")
            return PICKLE
        with zipfile.ZipFile(file) as archive:
            return SKOPS if "schema.json" in archive.namelist() else PICKLE
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(f"The model {name} cannot be read: {reason(error)}") from error


def _combined(folder: Path, file: Path, code: Path | None) -> str:
    digest = file_sha256(file)
    if code is None:
        return digest
    lines = [f"{digest}  {file.name}\n"]
    for path in sorted(item for item in code.rglob("*") if item.is_file()):
        lines.append(f"{file_sha256(path)}  {path.relative_to(folder.resolve()).as_posix()}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _text(value: Any) -> str | None:
    return str(value) if value else None
