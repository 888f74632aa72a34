"""What a job writes into datastores: each output a file or a folder, uploaded once it is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlproject.emulator.assets import data_assets
from mlproject.emulator.assets.datastores import DEFAULT
from mlproject.emulator.keeping.state import State
from mlproject.emulator.storage import blobs

KINDS = ("uri_file", "uri_folder")
Outputs = Mapping[str, Mapping[str, Any]]


def uri_of(job: str, name: str, output: Mapping[str, Any]) -> str:
    """Return where an output goes: where it says, or else where the service chooses."""
    chosen = f"azureml://datastores/{DEFAULT}/paths/azureml/{job}/{name}/"
    return str(output.get("uri") or chosen)


def is_possible(state: State, output: Mapping[str, Any]) -> bool:
    uri = output.get("uri")
    is_known = uri is None or data_assets.path_of(state, uri) is not None
    return is_known and output.get("jobOutputType", "uri_folder") in KINDS


def prepared(job: str, outputs: Outputs, folder: Path) -> dict[str, str]:
    """Return the path of each output that a job's command writes to; its folder is there."""
    found = {}
    for name, output in outputs.items():
        path = folder / "outputs" / name
        if _is_file(output):
            path = path / (uri_of(job, name, output).rstrip("/").rpartition("/")[2] or name)
            path.parent.mkdir(parents=True)
        else:
            path.mkdir(parents=True)
        found[name] = str(path)
    return found


def upload(state: State, job: str, outputs: Outputs, paths: Mapping[str, str]) -> None:
    """Put outputs where they belong, and register those that have a name of an asset."""
    for name, output in outputs.items():
        uri, path = uri_of(job, name, output), Path(paths[name])
        target = data_assets.path_of(state, uri)
        for file in _files(path):
            below = file.relative_to(path).as_posix()
            blobs.keep(state, str(target) if file == path else f"{target}/{below}", file)
        if output.get("assetName"):
            kind = output.get("jobOutputType", "uri_folder")
            data_assets.register(state, str(output["assetName"]), kind, uri)


def _is_file(output: Mapping[str, Any]) -> bool:
    return output.get("jobOutputType") == "uri_file"


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    yield from (found for found in sorted(path.rglob("*")) if found.is_file())
