"""The command line that runs inside a job, made of what a command was asked here."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from mlproject.azure.data_assets import DataAsset
from mlproject.azure.data_sources import how_to_register
from mlproject.azure.data_uris import is_asset
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.base.options import NOT_GIVEN, Argument, Declared, Option, Options, declared
from mlproject.jobs.code import Code

# What a job has from elsewhere: the workspace is its own, and so is its run.
_LEFT_OUT = frozenset({"tracking", "experiment", "run_name"})
# Options that name files: those that are read, and those that are written.
_READ = frozenset({"recipe", "data", "input", "model"})
_WRITTEN = frozenset({"output", "rejects"})
_KEPT = "outputs"
# What the service mounts, and so what our own reading need not know.
_MOUNTED = re.compile(
    r"azureml://(datastores|subscriptions)/.+|(wasbs?|abfss?)://.+"
    r"|https://[^/]+\.(blob|dfs)\.[^/?]+/[^?]+",
    re.IGNORECASE,
)
# Inputs of jobs, by the type of an asset.
_KINDS = frozenset({"uri_file", "uri_folder"})
Assets = Callable[[str], DataAsset]
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_RECIPES = (".yaml", ".yml")


@dataclass
class Words:
    """A command line, and the inputs that it refers to."""

    command: str
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)


def of_request(command: str, request: Options, code: Code, assets: Assets) -> Words:
    """Return ``python src COMMAND …`` for a request; ``assets`` finds the data that it names.

    Raises
    ------
    ConfigurationError, DataError
        When it names a file that the job does not have, or would lose.
    """
    words = Words(f"python {code.launcher} {command}")
    folders = []
    for item in declared(type(request)):
        value = getattr(request, item.name)
        if item.name in _LEFT_OUT or value in NOT_GIVEN or value == item.default:
            continue
        for text in _texts(item, value):
            words.command += f" {_word(item, text, words, code, assets)}"
            if item.name in _WRITTEN and not _URL.match(str(text)):
                folders.append(shlex.quote(str(PurePosixPath(str(text)).parent)))
    if folders:  # which a job does not start with
        words.command = f"mkdir -p {' '.join(dict.fromkeys(folders))} && {words.command}"
    return words


def of_command(text: str, parameters: Mapping[str, str], code: Code, assets: Assets) -> Words:
    """Return the command line of any program; ``parameters`` are the texts that stand in it.

    Each that names data of the workspace becomes an input, which the service mounts.
    """
    words = Words(text)
    for name, value in parameters.items():
        if is_asset(value) or _MOUNTED.fullmatch(value):
            item = Declared(name, Option(), str, (), False, False, None)
            mounted = _read(item, value, words, code, assets)
            words.command = words.command.replace(shlex.quote(value), mounted)
    return words


def _texts(item: Declared, value: Any) -> list[str | None]:
    """Return the values of an option, each as text; None for a flag without one."""
    if item.kind is bool:
        return [None]
    if isinstance(value, Mapping):
        return [f"{name}={_listed(found)}" for name, found in value.items()]
    if item.repeated:
        return [str(found) for found in value]
    if item.option.separator:
        return [item.option.separator.join(value)]
    return [str(value)]


def _listed(value: Any) -> str:
    several = isinstance(value, (list, tuple))
    return ",".join(str(found) for found in value) if several else str(value)


def _word(item: Declared, text: str | None, words: Words, code: Code, assets: Assets) -> str:
    if text is None:
        return item.flag
    if item.name in _READ:
        word = _read(item, text, words, code, assets)
    elif item.name in _WRITTEN:
        word = shlex.quote(_written(item, text))
    else:
        word = shlex.quote(text)
    return word if isinstance(item.option, Argument) else f"{item.flag} {word}"


def _read(item: Declared, text: str, words: Words, code: Code, assets: Assets) -> str:
    """Return what stands for a file inside the job."""
    if is_asset(text):
        asset = assets(text)
        if asset.type not in _KINDS:
            raise ConfigurationError(
                f"{item.flag} {text} is of the type {asset.type}, which jobs do not take yet",
                "Give the address of its files: azureml://datastores/NAME/paths/PATH",
            )
        return _mounted(item, asset.type, asset.id, words)
    if _MOUNTED.fullmatch(text):
        return _mounted(item, "uri_folder" if text.endswith("/") else "uri_file", text, words)
    if _URL.match(text):
        return shlex.quote(text)
    if item.name == "recipe" and Path(text).suffix not in _RECIPES:
        return shlex.quote(text)
    return shlex.quote(_tracked(item, text, code))


def _mounted(item: Declared, kind: str, uri: str, words: Words) -> str:
    words.inputs[item.name] = {"jobInputType": kind, "uri": uri}
    return f"${{{{inputs.{item.name}}}}}"


def _tracked(item: Declared, text: str, code: Code) -> str:
    """Return the path that a file of this machine has inside the job."""
    local = (code.folder / Path(text).expanduser()).absolute()
    try:
        path = local.relative_to(code.folder.absolute()).as_posix()
    except ValueError:
        path = None
    if path is None or not (code.has(path) or any(fnmatch(f.path, path) for f in code.files)):
        what = "--" + item.name if not isinstance(item.option, Argument) else item.name.upper()
        raise DataError(
            f"{what} {text} is on this machine only: git does not track it, and the job gets "
            "what git tracks",
            f"Run git add for it; or {how_to_register(text)}",
        )
    return path


def _written(item: Declared, text: str) -> str:
    """Return where a job writes; a ConfigurationError for a place that ends with the job."""
    if _URL.match(text) and not _MOUNTED.fullmatch(text):
        return text
    if not _URL.match(text) and PurePosixPath(text).parts[:1] == (_KEPT,):
        return text
    raise ConfigurationError(
        f"{item.flag} {text} would be gone with the job",
        f"Write below {_KEPT}/, which the run keeps as artifacts, or to a URL of S3 or the like",
    )
