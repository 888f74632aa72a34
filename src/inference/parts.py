"""All parts of an output: planned, scored by an engine, committed, joined and published."""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from inference import existing, manifest
from inference.course import Course
from inference.engines.engine import Outcome
from inference.engines.probing import Check
from inference.holding import Holding
from inference.job import Job
from inference.part import ScorePart, Stopped, output_schema
from inference.planning import Look, Plan, Split, plan
from inference.publishing import Publishing
from inference.request import REJECT
from inference.scorer import one_thread_of_algebra
from inference.tally import Tally, total
from mlproject.base.counting import counted
from mlproject.base.errors import (
    ConfigurationError,
    MlprojectError,
    ModelError,
    reason,
)
from mlproject.data import column_types
from mlproject.data.column_types import WiderColumns, joined
from mlproject.data.reading import CopyRequest


class Scoring:
    """One scoring of a job's input, to an output that is held."""

    def __init__(self, job: Job, holding: Holding) -> None:
        self.job = job
        self.holding = holding
        self.state = holding.state
        self._plan: Plan | None = None
        self._publishing: Publishing | None = None
        self._tallies: dict[int, Tally] = {}

    def scored(self) -> Tally:
        """Score what is not scored yet; return what all parts add up to."""
        job, state = self.job, self.state
        replaces = existing.parts_of_before(job.paths, state.read())
        request, before = self._prepared()
        check = Check(
            state.store.child("workers"),
            job.items[0],
            job.paths.given,
            job.request.allow_versions,
        )
        check.of(job.engine)
        found = self._planned(before)
        for name in sorted({file.item.encoding for file in found.files if file.item.encoding}):
            job.reporter.say(f"The input is read as {name}, and written as UTF-8")
        while True:
            state.write(request, found, replaces)
            self.close()
            self._publishing = Publishing.of(job, [split.number for split in found.splits])
            try:
                self._tallies, resumed = self._parts_of(found, self._publishing)
                break
            except WiderColumns as error:
                found = found.kept_as(error.types)
        self._plan = found
        made = total(self._tallies[split.number] for split in found.splits)
        made.rows_resumed = resumed
        for text in made.warnings:
            job.reporter.warn(f"The model says: {' '.join(text.split())}")
        return made

    def close(self) -> None:
        """Let go of what is not published."""
        if self._publishing is not None:
            self._publishing.close()

    def _prepared(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what is asked for, and the plan of an interrupted run that is gone on with."""
        job, state = self.job, self.state
        before = state.read()
        request = job.settings | {
            "model": job.model.sha256,
            "profile": job.model.profile and hashlib.sha256(job.model.profile).hexdigest(),
            "format": job.paths.format,
            "versions": manifest.versions(),
            "part_size": job.request.part_size,
        }
        if before is not None and job.request.resume:
            state.check_same(request, job.paths.given)
            return request, before.get("plan") or {}
        scored = state.scored()
        if before is not None and scored and not job.request.overwrite:
            raise ConfigurationError(
                f"An interrupted run left {job.paths.given} unfinished "
                f"({counted(len(scored), 'part')} scored)",
                "Finish it with --resume, or start over with --overwrite",
            )
        state.clear()
        return request, {}

    def _planned(self, before: dict[str, Any]) -> Plan:
        job = self.job
        copied = CopyRequest(
            job.request.keep,
            job.paths.format,
            frozenset(job.scorer.expected.names),
            job.request.on_error == REJECT,
        )
        made = plan(
            job.engine,
            job.items,
            job.model.schema,
            copied,
            Look(copied.look(job.model.schema.hints(job.request.dialect)), job.encoding),
            job.request.part_bytes or before.get("part_bytes"),
        )
        stamps = dict(map(tuple, before.get("files") or []))
        changed = [
            file.item.name
            for file in made.files
            if stamps.get(file.item.name, file.item.stamp) != file.item.stamp
        ]
        for name in changed:
            job.reporter.warn(
                f"{name} has changed since the interrupted run: its rows are scored again"
            )
        if not changed and before:
            made = made.kept_as(column_types.named(before.get("kept") or {}))
        return made

    def _parts_of(self, found: Plan, publishing: Publishing) -> tuple[dict[int, Tally], int]:
        """Return the tallies of all parts, and how many rows were scored before."""
        job, state = self.job, self.state
        work = self._work(found)
        tallies = state.committed(found, work.files)
        if job.paths.file is None:
            names = [work.files.part_name(number) for number in tallies]
            names += [work.files.rejects_name(number) for number in tallies]
            job.paths.folder.remove(job.paths.manifest.name)
            existing.clear_folder(work.files, names)
        resumed = sum(tally.rows_in for tally in tallies.values())
        left = [split for split in found.splits if split.number not in tallies]
        work.course.begin()
        with (
            job.reporter.progress("Scoring", found.size) as show,
            _warnings_told() as noted,
            one_thread_of_algebra(),
        ):
            moved = _one_at_a_time(show)
            for number, tally in tallies.items():
                publishing.take(number, tally)
                moved(found.size_of(found.splits[number]), tally.rows_in)
            if not job.engine.is_remote:
                work = replace(work, moved=moved, threads=_threads(job, len(left)))
            errors: dict[int, Exception] = {}
            with closing(self._outcomes(work, left)) as outcomes:
                for split, outcome in outcomes:
                    if outcome.error is None:
                        tallies[split.number] = outcome.value
                        publishing.take(split.number, outcome.value)
                        if work.moved is None:
                            moved(found.size_of(split), outcome.value.rows_in)
                    elif not isinstance(outcome.error, Stopped):
                        errors[split.number] = outcome.error
                        work.course.stop_after(split.number)
        self._raise_first(found, errors)
        for tally in tallies.values():
            tally.warnings = tally.warnings or noted
        return tallies, resumed

    def _outcomes(
        self, work: ScorePart, splits: Sequence[Split]
    ) -> Generator[tuple[Split, Outcome], None, None]:
        """Yield what becomes of splits; stop what is under way when nobody takes it any more."""
        outcomes = self.job.engine.outcomes(work, splits)
        whole = False
        try:
            for outcome in outcomes:
                yield splits[outcome.number], outcome
            whole = True
        finally:
            if not whole:
                work.course.stop_after(-1)
            outcomes.close()
            self.job.engine.settle()

    def _work(self, found: Plan) -> ScorePart:
        job = self.job
        rejecting = job.request.on_error == REJECT
        course = Course(job.paths.work)
        return ScorePart(
            found,
            job.scorer,
            job.files,
            course,
            rejecting,
            job.request.batch_rows,
            profile=job.profile,
        )

    def _raise_first(self, found: Plan, errors: dict[int, Exception]) -> None:
        """Raise what went wrong; of several the first in the order of the rows."""
        wider = [error for error in errors.values() if isinstance(error, WiderColumns)]
        if wider:
            names = {name for error in wider for name in error.types}
            kinds = {name: [error.types.get(name) for error in wider] for name in names}
            raise WiderColumns({name: joined(types) for name, types in kinds.items()})
        if not errors:
            return
        number = min(errors)
        error, where = errors[number], found.where(found.splits[number])
        if isinstance(error, ConfigurationError):  # of the cluster, which names no rows
            raise ConfigurationError(f"{where}: {error.what}", error.hint) from error
        if isinstance(error, (MlprojectError, OSError)):
            raise error
        raise ModelError(f"{where} cannot be scored: {reason(error)}") from error

    def published(self, tally: Tally) -> dict[str, Any]:
        """Put the output under its name, and return its manifest."""
        job, found = self.job, self._plan
        assert found is not None and self._publishing is not None  # noqa: S101 - see scored()
        empty = job.scorer(
            pa.table({f.name: pa.array([], f.type) for f in found.selection.features})
        )
        schema = output_schema(found, empty.predictions.schema)
        tally.columns = tally.columns or schema.names
        tallies = [self._tallies[split.number] for split in found.splits]
        self.holding.claim.check()
        content = self._publishing.done(tallies, tally, schema)
        self.close()
        self.holding.claim.remove()
        return content


def _threads(job: Job, parts: int) -> int:
    """Return how many threads read ahead in a part: more where parts are few."""
    return max(1, min(4, job.engine.at_a_time // max(1, parts) * 2))


def _one_at_a_time(show: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Return what shows progress, for several threads."""
    lock = threading.Lock()

    def moved(size: int, count: int) -> None:
        with lock:
            show(size, count)

    return moved


@contextmanager
def _warnings_told() -> Iterator[list[str]]:
    """Collect what the model warns of in this process, each thing once."""
    seen: list[str] = []

    def note(message: Any, category: Any, *_: Any, **__: Any) -> None:
        text = f"{category.__name__}: {message}"
        if text not in seen and len(seen) < 5:
            seen.append(text)

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = note
        yield seen
