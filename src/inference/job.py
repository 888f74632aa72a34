"""A scoring job: what was asked for, and what was opened for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

from inference.engines.engine import Engine
from inference.flow import in_background
from inference.outputs import OutputPaths
from inference.part import PartFiles
from inference.request import ScoreRequest
from inference.scorer import Scorer
from mlproject.base.console import Reporter
from mlproject.data.encodings import checked
from mlproject.data.source import SourceFile
from mlproject.drift.profile import Profile
from mlproject.models.loaded import LoadedModel


@dataclass(frozen=True)
class Job:
    """What all steps of a scoring know.

    Attributes
    ----------
    items : list of SourceFile
        The input, where the engine's workers find it.
    digests : callable
        Returns the SHA-256 of each of them; here they are computed meanwhile.
    profile : Profile or None
        Of the rows that the model was trained on.
    """

    request: ScoreRequest
    paths: OutputPaths
    model: LoadedModel
    scorer: Scorer
    engine: Engine
    items: list[SourceFile]
    digests: Callable[[], list[str]]
    reporter: Reporter
    profile: Profile | None = None

    @property
    def encoding(self) -> str | None:
        """What the user says of the encoding of text, as Python calls it."""
        return checked(self.request.encoding) if self.request.encoding else None

    @property
    def settings(self) -> dict[str, Any]:
        """The options that an output depends on."""
        return {
            "encoding": self.request.encoding,
            "dialect": asdict(self.request.dialect),
            "method": self.request.method,
            "keep": self.request.keep,
            "on_error": self.request.on_error,
        }

    @property
    def files(self) -> PartFiles:
        """Where the parts go."""
        paths, work = self.paths, self.paths.work
        if paths.file is not None:
            return PartFiles(work, work, work, paths.format, paths.rejects_format, headers=False)
        rejects = paths.folder.child("_rejects")
        return PartFiles(paths.folder, rejects, work, paths.format, "csv", headers=True)


def digests_of(engine: Engine, items: list[SourceFile]) -> Callable[[], list[str]]:
    """Return what returns the hashes of files: made in the background here, or by the workers."""
    if engine.is_remote:
        return lambda: engine.results(SourceFile.sha256, items)
    future: Future[list[str]] = in_background(lambda: [item.sha256() for item in items])
    return future.result
