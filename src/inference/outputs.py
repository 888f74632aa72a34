"""What already stands under the names of the outputs, and whether it may be replaced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from inference import manifest
from inference.job import Job
from inference.journal import Journal
from inference.request import OutputPaths, ScoreRequest
from mlproject.base.errors import ConfigurationError
from mlproject.base.files import sha256_of
from mlproject.data.source import SourceFile


def refuse_existing(request: ScoreRequest, paths: OutputPaths, journal: Journal) -> None:
    """Refuse to replace files, but those that an interrupted run has begun to publish."""
    for path in _files(paths):
        if not path.exists():
            continue
        if path.is_dir():
            raise ConfigurationError(f"{path} is in the way: it is a folder")
        ours = request.resume and (journal.publishing or paths.output.exists())
        if not (request.overwrite or ours):
            raise ConfigurationError(f"{path} is already there", "Replace it with --overwrite")


def refuse_inputs(paths: OutputPaths, files: Sequence[SourceFile]) -> None:
    for path in _files(paths):
        if path.exists() and any(path.samefile(item.path) for item in files):
            raise ConfigurationError(
                f"{path} is one of the files that are read", "Give another --output"
            )


def finished(job: Job) -> dict[str, Any]:
    """Return the manifest of the finished output, if it is of this model, input and options."""
    output, rejects = job.paths.output, job.paths.rejects
    content = manifest.read(output) or {}
    hashes = {
        "model": job.model.sha256,
        "input": manifest.source(job)["sha256"],
        # Killed while it was replacing an output, a run leaves its manifest beside the old one.
        "output": sha256_of(output),
    }
    same = all(content.get(key) == value for key, value in job.settings.items()) and all(
        (content.get(key) or {}).get("sha256") == value for key, value in hashes.items()
    )
    if not same:
        raise ConfigurationError(
            f"{output} is already there, and is not of this model and input",
            "Replace it with --overwrite; add --resume to finish what was interrupted",
        )
    before = content.get("rejects") or {}
    if rejects is not None and not (
        before.get("path") == rejects.name
        and rejects.is_file()
        and sha256_of(rejects) == before.get("sha256")
    ):
        raise ConfigurationError(
            f"{output} is complete, but {rejects} is not what was rejected",
            "Score again with --overwrite",
        )
    return content


def old_rejects(paths: OutputPaths) -> Path | None:
    """Return the rejects of the output that is replaced, unless somebody has changed them."""
    before = (manifest.read(paths.output) or {}).get("rejects") or {}
    path = paths.output.parent / Path(str(before.get("path"))).name
    if path == paths.rejects or not path.is_file():
        return None
    return path if sha256_of(path) == before.get("sha256") else None


def _files(paths: OutputPaths) -> list[Path]:
    files = [paths.output, paths.rejects, manifest.path_of(paths.output)]
    return [path for path in files if path is not None]
