"""Committed parts as a finished output: one file, or the folder in which they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow as pa

from inference import existing, manifest
from inference.job import Job
from inference.joining import Assembly, Joining, check_parts
from inference.part import REJECTS
from inference.request import REJECT
from inference.state import State
from inference.tally import Tally
from mlproject.base.stores import Store


class Publishing(ABC):
    """An output that is made of parts."""

    @staticmethod
    def of(job: Job, numbers: Iterable[int]) -> Publishing:
        """Begin the output of a job; the numbers are those of its parts, in order."""
        return FolderOfParts(job) if job.paths.file is None else OneFile(job, numbers)

    def take(self, number: int, tally: Tally) -> None:  # noqa: B027 - where parts stay, they do
        """Take a part that is committed."""

    @abstractmethod
    def done(self, tallies: Sequence[Tally], tally: Tally, schema: pa.Schema) -> dict[str, Any]:
        """Put the output under its name, and return its manifest.

        Parameters
        ----------
        tallies : sequence of Tally
            Of all parts, in order.
        tally : Tally
            Their sum.
        schema : pa.Schema
            Of an output without rows.
        """

    def close(self) -> None:  # noqa: B027 - nothing is held where parts stay
        """Remove what is not published."""


class FolderOfParts(Publishing):
    """The folder is the output; its manifest says that it is complete."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def done(self, tallies: Sequence[Tally], tally: Tally, schema: pa.Schema) -> dict[str, Any]:
        job, files = self._job, self._job.files
        parts = [item.output for item in tallies if item.output is not None]
        rejects = [item.rejects for item in tallies if item.rejects is not None]
        check_parts(files.parts, parts)
        check_parts(files.rejects, rejects)
        existing.clear_folder(files, [part.name for part in (*parts, *rejects)])
        told = manifest.of_parts("_rejects/", rejects) if job.request.on_error == REJECT else None
        content = manifest.of(job, tally, manifest.of_parts(f"{job.paths.name}/", parts), told)
        job.paths.folder.write(job.paths.manifest.name, manifest.dump(content).encode())
        return content


class OneFile(Publishing):
    """Parts are joined as they come; the file takes its name when it is whole."""

    def __init__(self, job: Job, numbers: Iterable[int]) -> None:
        self._job = job
        files = job.files
        with ExitStack() as stack:
            output = self._begun(stack, "output", files.parts, files.format)
            rejects = None
            if job.paths.rejects is not None:
                rejects = self._begun(stack, "rejects", files.rejects, files.rejects_format)
            self._assembly = Assembly(numbers, output, rejects)
            stack.callback(self._assembly.close)
            self._stack = stack.pop_all()

    @staticmethod
    def _begun(stack: ExitStack, name: str, store: Store, kind: str) -> Joining:
        store.sweep(name)
        return Joining(stack.enter_context(store.scratch(name)), store, kind)

    def take(self, number: int, tally: Tally) -> None:
        self._assembly.take(number, tally)

    def close(self) -> None:
        self._stack.close()

    def done(self, tallies: Sequence[Tally], tally: Tally, schema: pa.Schema) -> dict[str, Any]:
        job, paths, made = self._job, self._job.paths, self._assembly
        assert paths.file is not None  # noqa: S101 - else it is a folder
        made.wait()
        output = {"path": paths.file.name, "sha256": made.output.finish(schema)}
        rejects = None
        if paths.rejects is not None and made.rejects is not None:
            rejects = {"path": paths.rejects.name, "sha256": made.rejects.finish(REJECTS)}
        content = manifest.of(job, tally, output, rejects)
        replaced = existing.old_rejects(paths)
        State(paths.work).publishing()
        if paths.rejects is not None and made.rejects is not None:
            paths.rejects.store.put(made.rejects.path, paths.rejects.name)
        paths.manifest.store.write(paths.manifest.name, manifest.dump(content).encode())
        paths.file.store.put(made.output.path, paths.file.name)
        if replaced is not None:
            replaced.store.remove(replaced.name)
        return content
