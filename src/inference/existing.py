"""What already stands where an output goes, and whether it may be replaced or finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference import manifest
from inference.job import Job
from inference.outputs import OutputFile, OutputPaths
from inference.part import PartFiles
from inference.request import REJECT, ScoreRequest
from inference.state import State, first_difference, is_part
from inference.tally import Written
from mlproject.base.errors import ConfigurationError
from mlproject.base.files import sha256_of_stream
from mlproject.data import formats
from mlproject.data.source import SourceFile, combined

_REPLACE = "Replace it with --overwrite"


def refuse(request: ScoreRequest, paths: OutputPaths) -> None:
    """Refuse to replace files, but those that an interrupted run has begun to publish."""
    _refuse_odd_files(paths)
    state = State(paths.work)
    if paths.file is None:
        _refuse_folder(request, paths, state)
        return
    for file in files_of(paths):
        if not file.exists():
            continue
        ours = request.resume and (state.is_publishing or paths.file.exists())
        if not (request.overwrite or ours):
            raise ConfigurationError(f"{file.shown} already exists", _REPLACE)


def _refuse_odd_files(paths: OutputPaths) -> None:
    """Refuse to read, or to replace, what is no file: who opens a named pipe waits for ever."""
    for file in files_of(paths):
        path = file.store.path / file.name if file.store.is_local else None
        if path is not None and path.exists() and not path.is_file():
            raise ConfigurationError(
                f"{file.shown} is not a regular file", "Move it, or give another --output"
            )


def _refuse_folder(request: ScoreRequest, paths: OutputPaths, state: State) -> None:
    folder = paths.folder
    if folder.is_local and folder.path.exists() and not folder.path.is_dir():
        raise ConfigurationError(f"{paths.given} is a file, not a folder")
    complete, before = paths.manifest.exists(), state.read()
    known = parts_of_before(paths, before) | {"_scoring"}
    if complete or before is not None:
        known |= {paths.manifest.name, "_rejects"}
    odd = [name for name in [*folder.names(), *folder.folders()] if name not in known]
    if odd:
        raise ConfigurationError(
            f"{paths.given} holds other files, such as {odd[0]}", "Give a new or empty folder"
        )
    if complete and not (request.overwrite or request.resume):
        raise ConfigurationError(f"{paths.given} already exists", _REPLACE)


def parts_of_before(paths: OutputPaths, before: Mapping[str, Any] | None) -> set[str]:
    """Return the names of all parts in a folder that are ours.

    They are those of a finished output, and what an unfinished one has written down: the parts
    that it makes and those that it replaces.
    """
    if paths.file is not None:
        return set()
    content, before = manifest.read(paths) or {}, before or {}
    known = {str(part["name"]) for part in (content.get("output") or {}).get("parts") or []}
    known.update(before.get("replaces") or [])
    planned = (before.get("plan") or {}).get("splits") or []
    for number in range(len(planned)):
        known |= {f"part-{number:05d}.{kind}" for kind in formats.WRITTEN}
    return known


def refuse_inputs(paths: OutputPaths, items: Sequence[SourceFile]) -> None:
    """Refuse to write what is read."""
    if not paths.folder.is_local:
        return
    written = [file.store.path / file.name for file in files_of(paths) if file.store.is_local]
    for item in items:
        if not item.is_local:
            continue
        if paths.file is None:
            same = paths.folder.path.resolve() in item.path.resolve().parents
        else:
            same = any(path.exists() and path.samefile(item.path) for path in written)
        if same:
            raise ConfigurationError(
                f"{item.name} is read, and --output would replace it", "Give another --output"
            )


def finished(job: Job) -> dict[str, Any]:
    """Return the manifest of the finished output, if it is of this model, input and options."""
    paths = job.paths
    content = manifest.read(paths) or {}
    hashes = {"model": job.model.sha256, "input": manifest.source(job)["sha256"]}
    same = all((content.get(key) or {}).get("sha256") == value for key, value in hashes.items())
    # Killed while it was replacing an output, a run leaves its manifest beside the old one.
    if not same or not _is_as_written(paths, content.get("output") or {}):
        raise ConfigurationError(
            f"{paths.given} already exists, and was made with another model or input",
            "Replace it with --overwrite; add --resume to finish what was interrupted",
        )
    difference = first_difference(content, job.settings)
    if difference is not None:
        raise ConfigurationError(
            f"{paths.given} is complete, and {difference}",
            "Give the same, or replace it with --overwrite",
        )
    before = content.get("rejects") or {}
    rejects = paths.rejects
    if content["on_error"] != REJECT:
        return content  # no row was rejected
    if rejects is not None and not (
        before.get("path") == rejects.name
        and rejects.exists()
        and sha256_of(rejects) == before.get("sha256")
    ):
        raise ConfigurationError(
            f"{paths.given} is complete, but {rejects.shown} does not hold what was rejected",
            "Score again with --overwrite",
        )
    return content


def old_rejects(paths: OutputPaths) -> OutputFile | None:
    """Return the rejects of the output that is replaced, unless somebody has changed them."""
    before = (manifest.read(paths) or {}).get("rejects") or {}
    name = str(before.get("path") or "").replace("\\", "/").rpartition("/")[2]
    file = OutputFile(paths.folder, name, name)
    if not name or (paths.rejects is not None and file == paths.rejects) or not file.exists():
        return None
    return file if sha256_of(file) == before.get("sha256") else None


def clear_folder(files: PartFiles, keep: Sequence[str]) -> None:
    """Remove the parts in a folder of ours that are none of this output."""
    for store in (files.parts, files.rejects):
        for name in store.names():
            if is_part(name) and name not in keep:
                store.remove(name)


def sha256_of(file: OutputFile) -> str:
    with file.store.open(file.name) as stream:
        return sha256_of_stream(stream)


def files_of(paths: OutputPaths) -> list[OutputFile]:
    """Return the files that a scoring leaves; of parts, the manifest."""
    files = [paths.file, paths.rejects, paths.manifest]
    return [file for file in files if file is not None]


def _is_as_written(paths: OutputPaths, output: dict[str, Any]) -> bool:
    if paths.file is not None:
        return paths.file.exists() and sha256_of(paths.file) == output.get("sha256")
    parts = [Written(**item) for item in output.get("parts") or []]
    digest = combined([part.name for part in parts], [part.sha256 for part in parts])
    lengths = all(paths.folder.size(part.name) == part.length for part in parts)
    return lengths and output.get("sha256") == digest
