"""A model's folder, read once, as data: what MLmodel says, and the bytes it speaks of.

Nothing here imports, loads or executes what the folder names, and nothing is read from the folder
afterwards: what is hashed here is what is loaded.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlproject.base.errors import ModelError, reason
from mlproject.data.schema import Schema
from mlproject.models.signature import from_mlmodel, with_metadata
from mlproject.tracking import names

SKOPS, PICKLE = "skops", "pickle"
_FLAVOUR = "sklearn"
# In C where PyYAML was built with it: ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST_EXAMPLE = 50 << 20
_LARGEST_PROFILE = 16 << 20
# With 100,000 columns; a megabyte takes the parser a second.
_LARGEST_MLMODEL = 16 << 20
_LARGEST_CODE = 1 << 30


@dataclass(frozen=True)
class Artifact:
    """A scikit-learn model as MLflow stores it.

    Attributes
    ----------
    data : bytes
        The serialised estimator.
    format : str
        ``skops`` or ``pickle``, as the bytes are, whatever MLmodel calls them.
    signature : mapping
        Texts of JSON, as MLmodel has them.
    example : dict or None
        The input example, split-oriented, when there is a readable one.
    profile : bytes or None
        Of the rows that it was trained on, as JSON.
    code : mapping of str to bytes
        The Python modules that a pickle may need, by their paths in the folder of code.
    sha256 : str
        Of the estimator's file; of the list of all files where there is code beside it.
    size : int
        Bytes of all files.
    run_id, model_id, sklearn_version : str or None
        As MLmodel says.
    """

    data: bytes
    format: str
    schema: Schema
    signature: Mapping[str, Any]
    example: dict[str, Any] | None
    profile: bytes | None
    code: Mapping[str, bytes]
    sha256: str
    size: int
    run_id: str | None
    model_id: str | None
    sklearn_version: str | None


def read(folder: Path, name: str) -> Artifact:
    """Return the artifact in a folder; ``name`` is what messages call the model."""
    content = _mlmodel(folder, name)
    flavours = _mapping(content.get("flavors"), "flavors", name)
    if _FLAVOUR not in flavours:
        raise ModelError(
            f"The model {name} is of the flavour {_named(flavours)}",
            "Only scikit-learn models (mlflow.sklearn) can be scored",
        )
    flavour = _mapping(flavours[_FLAVOUR], "the flavour sklearn", name)
    signature = _mapping(content.get("signature") or {}, "the signature", name)
    metadata = _mapping(content.get("metadata") or {}, "the metadata", name)
    if not all(text is None or isinstance(text, str) for text in signature.values()):
        raise ModelError(f"The model {name} is damaged: its signature is not text")
    file = _inside(folder, flavour.get("pickled_model"), name)
    if not file.is_file():
        raise ModelError(f"The model {name} has no file '{flavour.get('pickled_model')}'")
    code_folder = _inside(folder, flavour["code"], name) if flavour.get("code") else None
    try:
        data = file.read_bytes()
        code = _code(code_folder, name) if code_folder else {}
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        raise ModelError(f"The model {name} cannot be read: {reason(error)}") from error
    sha256 = hashlib.sha256(data).hexdigest()
    if code_folder is not None:
        place = code_folder.relative_to(folder.resolve())
        modules = [((place / path).as_posix(), module) for path, module in code.items()]
        sha256 = _combined([(file.name, data), *modules])
    return Artifact(
        data=data,
        format=_format(data, name),
        schema=with_metadata(from_mlmodel(signature, name), metadata, name),
        signature=signature,
        example=_example(folder / "input_example.json"),
        profile=_profile(folder / names.EXTRA_FOLDER / names.PROFILE_FILE),
        code=code,
        sha256=sha256,
        size=size,
        run_id=_text(content.get("run_id")),
        model_id=_text(content.get("model_id")),
        sklearn_version=_text(flavour.get("sklearn_version")),
    )


def _mlmodel(folder: Path, name: str) -> Mapping[str, Any]:
    path = folder / "MLmodel"
    try:
        if path.stat().st_size > _LARGEST_MLMODEL:
            raise ModelError(f"The file MLmodel of {name} is too large to be one")
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe one
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
    module = _text(loader.get("loader_module")) if isinstance(loader, dict) else None
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


def _format(data: bytes, name: str) -> str:
    try:
        if not zipfile.is_zipfile(io.BytesIO(data)):
            if data.startswith(b"PK\x03\x04"):
                raise ModelError(f"The model {name} is damaged: its file is cut short")
            return PICKLE
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return SKOPS if "schema.json" in archive.namelist() else PICKLE
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ModelError(f"The model {name} cannot be read: {reason(error)}") from error


def _code(folder: Path, name: str) -> dict[str, bytes]:
    """Return the files of a folder of code, but what Python itself leaves there when it imports."""
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.relative_to(folder).parts
    ]
    if sum(path.stat().st_size for path in files) > _LARGEST_CODE:
        raise ModelError(f"The code beside the model {name} has more than {_LARGEST_CODE >> 20} MB")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def _combined(files: list[tuple[str, bytes]]) -> str:
    """Return the SHA-256 of the lines that ``sha256sum`` prints for an estimator and its code."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {path}\n" for path, data in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _example(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _LARGEST_EXAMPLE:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _profile(path: Path) -> bytes | None:
    """Return what stands there, cut short where it is too long for a profile; None for nothing."""
    if not path.is_file():
        return b"" if path.exists() else None  # a folder is no profile either
    with path.open("rb") as stream:
        return stream.read(_LARGEST_PROFILE)


def _text(value: Any) -> str | None:
    """Return a text or a number; what YAML's references make of a list may be of any size."""
    return str(value) if value and isinstance(value, (str, int, float)) else None
