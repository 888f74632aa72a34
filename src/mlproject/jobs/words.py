"""The command line that runs inside a job, made of what a command was asked here."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from mlproject.azure.workspace_data.data_assets import DataAsset
from mlproject.azure.workspace_data.data_sources import how_to_register
from mlproject.azure.workspace_data.data_uris import asset_of, is_asset
from mlproject.base import environ
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
Assets = Callable[[str], DataAsset]
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_RECIPES = (".yaml", ".yml")


@dataclass
class Words:
    """A command line, and the inputs and outputs that it refers to.

    Attributes
    ----------
    mounted : dict of str to str
        Source of an input to what the service replaces by its path. Sources stay as they are on the
        command line, so that they are recorded as what they are.
    written : dict of str to str
        What the service replaces by the path of an output, to where that goes.
    folders : list of str
        What has to be there before.
    """

    line: str
    inputs: dict[str, dict[str, str]] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    mounted: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """The command line of a job on a cluster."""
        paths = shlex.quote(json.dumps(self.mounted))
        return self._after_folders(
            f"{environ.MOUNTED}={paths} {self.line}" if self.mounted else self.line
        )

    @property
    def here(self) -> str:
        """The command line of a process here, which reads and writes by itself."""
        line = self.line
        for reference, uri in self.written.items():
            line = line.replace(reference, shlex.quote(uri))
        return self._after_folders(line)

    def _after_folders(self, line: str) -> str:
        folders = " ".join(map(shlex.quote, dict.fromkeys(self.folders)))
        return f"mkdir -p {folders} && {line}" if folders else line


def of_request(command: str, request: Options, code: Code, assets: Assets) -> Words:
    """Return ``python src COMMAND …`` for a request; ``assets`` finds the data that it names.

    Raises
    ------
    ConfigurationError, DataError
        When it names a file that the job does not have, or would lose.
    """
    words = Words(f"python {code.launcher} {command}")
    for item in declared(type(request)):
        value = getattr(request, item.name)
        if item.name in _LEFT_OUT or value in NOT_GIVEN or value == item.default:
            continue
        for text in _texts(item, value):
            words.line += f" {_word(item, text, words, code, assets)}"
            if item.name in _WRITTEN and not _URL.match(str(text)):
                words.folders.append(str(PurePosixPath(str(text)).parent))
    return words


def of_command(text: str, parameters: Mapping[str, str], code: Code, assets: Assets) -> Words:
    """Return the command line of any program; ``parameters`` are the texts that stand in it.

    Each that names data of the workspace becomes an input, which the service mounts.
    """
    words = Words(text)
    for name, value in parameters.items():
        if is_asset(value) or _MOUNTED.fullmatch(value):
            item = Declared(name, Option(), str, (), False, False, None)
            source = _read(item, value, words, code, assets)
            words.line = words.line.replace(shlex.quote(value), words.mounted[source])
    return replace(words, mounted={})


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
        word = shlex.quote(_read(item, text, words, code, assets))
    elif item.name in _WRITTEN:
        word = _written(item, text, words)
    else:
        word = shlex.quote(text)
    return word if isinstance(item.option, Argument) else f"{item.flag} {word}"


def _read(item: Declared, text: str, words: Words, code: Code, assets: Assets) -> str:
    """Return what stands for a file inside the job."""
    if is_asset(text):
        asset = assets(text)
        return _mounted(item, _pinned(text, asset), asset.type, asset.id, words)
    if _MOUNTED.fullmatch(text):
        return _mounted(item, text, _kind(text), text, words)
    if _URL.match(text) or (item.name == "recipe" and Path(text).suffix not in _RECIPES):
        return text
    return _tracked(item, text, code)


def _mounted(item: Declared, source: str, kind: str, uri: str, words: Words) -> str:
    words.inputs[item.name] = {"jobInputType": kind, "uri": uri}
    words.mounted[source] = f"${{{{inputs.{item.name}}}}}"
    return source


def _kind(uri: str) -> str:
    return "uri_folder" if uri.endswith("/") else "uri_file"


def _pinned(text: str, asset: DataAsset) -> str:
    """Return an asset with its version; one of another workspace has it already."""
    named = asset_of(text)
    return text if named is not None and named.workspace is not None else asset.text


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


def _written(item: Declared, text: str, words: Words) -> str:
    """Return where a job writes; a ConfigurationError for a place that ends with the job.

    What goes to the workspace is written on the node's disk and uploaded when the command has
    completed: a mounted blob store cannot rename, by which outputs appear whole or not at all.
    """
    if is_asset(text):
        named = asset_of(text)
        if named is None or named.version is not None or named.workspace is not None:
            raise ConfigurationError(
                f"{item.flag} {text} is not the name of a data asset",
                "Write azureml:NAME, which gets a new version",
            )
        # A folder, as a name says nothing of a format.
        words.outputs[item.name] = {
            "jobOutputType": "uri_folder",
            "mode": "Upload",
            "assetName": named.name,
        }
        return _reference(item, text, words, "/")
    if _MOUNTED.fullmatch(text):
        kind = _kind(text)
        words.outputs[item.name] = {"jobOutputType": kind, "mode": "Upload", "uri": text}
        return _reference(item, text, words, "/" if kind == "uri_folder" else "")
    if _URL.match(text) or PurePosixPath(text).parts[:1] == (_KEPT,):
        return shlex.quote(text)
    raise ConfigurationError(
        f"{item.flag} {text} would be lost when the job ends",
        f"Write below {_KEPT}/, which the run keeps as artifacts; to azureml:NAME, a data asset; "
        "or to a URL",
    )


def _reference(item: Declared, uri: str, words: Words, end: str) -> str:
    """Return what the service replaces by a path; a folder's ends in a slash, as is asked of it."""
    reference = f"${{{{outputs.{item.name}}}}}{end}"
    words.written[reference] = uri
    return reference
