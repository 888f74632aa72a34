"""A scoring job: what was asked for, and what was opened for it."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import asdict, dataclass
from typing import Any

from inference.request import OutputPaths, ScoreRequest
from inference.scorer import Scorer
from mlproject.base.console import Reporter
from mlproject.data.source import SourceFile
from mlproject.models.loaded import LoadedModel


@dataclass(frozen=True)
class Job:
    """What all steps of a scoring know.

    Attributes
    ----------
    files : list of SourceFile
        The input, on this machine.
    digests : Future of list of str
        Their SHA-256, which are computed meanwhile.
    """

    request: ScoreRequest
    paths: OutputPaths
    model: LoadedModel
    scorer: Scorer
    files: list[SourceFile]
    digests: Future[list[str]]
    reporter: Reporter

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
