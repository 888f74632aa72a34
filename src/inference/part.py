"""One part of an output: a split read, the model asked, rows written and accounted for.

A part's bytes depend on its split, the model and the options alone: not on where it is made, how
often, or what is made beside it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from inference.course import Course
from inference.flow import ordered, prefetched
from inference.planning import Plan, Split
from inference.scorer import Scorer, Scores, keep_algebra_to_one_thread
from inference.tally import Tally, Written
from mlproject.base.errors import DataError
from mlproject.base.interrupts import has_struck
from mlproject.base.stores import Store
from mlproject.data import formats
from mlproject.data.batches import FEATURE, KEPT, ORIGINAL, RAW, Batch, Parsed, Reject, batched
from mlproject.data.formats.parquet_files import row_text
from mlproject.data.reading import already_there
from mlproject.data.types import Misfit
from mlproject.data.writing import HashingFile, Sink
from mlproject.drift.counts import Counts
from mlproject.drift.profile import Profile

_SHOWN_WARNINGS = 5
REJECTS = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),
    ]
)

_DECIMAL_COMMA = re.compile(r"'-?\d+,\d+' is not a number")


class Stopped(Exception):  # noqa: N818 - nothing is wrong with the part
    """An earlier part has failed, or the job was interrupted: this one is not wanted any more."""


@dataclass(frozen=True)
class PartFiles:
    """Where parts go, and what they are.

    Attributes
    ----------
    parts, rejects, tallies : Store
        A part appears in the first, its rejects in the second, and when both are there its tally
        in the third.
    format, rejects_format : str
    headers : bool
        CSV parts have headers: they stay apart.
    """

    parts: Store
    rejects: Store
    tallies: Store
    format: str
    rejects_format: str
    headers: bool

    def part_name(self, number: int) -> str:
        return f"part-{number:05d}.{self.format}"

    def rejects_name(self, number: int) -> str:
        return f"{'part' if self.headers else 'rejects'}-{number:05d}.{self.rejects_format}"

    def tally_name(self, number: int) -> str:
        return f"part-{number:05d}.json"


@dataclass(frozen=True)
class ScorePart:
    """Scores splits of a plan: what an engine calls.

    Attributes
    ----------
    rejecting : bool
        Rows that cannot be scored are set aside; else the first of them is an error.
    batch_rows : int or None
        Rows that are read, scored and written together.
    threads : int
        How many read ahead.
    profile : Profile or None
        Of the training rows, to count against.
    moved : callable or None
        Takes how much was read, and how many rows; for progress, where this runs in the process
        that asks for it.
    """

    plan: Plan
    scorer: Scorer
    files: PartFiles
    course: Course
    rejecting: bool
    batch_rows: int | None = None
    threads: int = 1
    profile: Profile | None = None
    moved: Callable[[int, int], None] | None = None

    def __call__(self, split: Split) -> Tally:
        if not self.course.wants(split.number):
            raise Stopped
        try:
            return self._tallied(split)
        except DataError:
            self.course.stop_after(split.number)
            raise

    def _tallied(self, split: Split) -> Tally:
        files, number = self.files, split.number
        with ExitStack() as stack:
            caught: list[warnings.WarningMessage] = []
            if self.moved is None:  # in a process of its own
                caught = stack.enter_context(warnings.catch_warnings(record=True))
                warnings.simplefilter("default")
                keep_algebra_to_one_thread()
            output = stack.enter_context(files.tallies.scratch(files.part_name(number)))
            rejects = stack.enter_context(files.tallies.scratch(f"rejects-{number:05d}"))
            with closing(_Writing(self, split, output, rejects)) as writing:
                tally = writing.done()
            self._check_unchanged(split)
            tally.warnings = _told(caught)
            if not self.course.wants(number):
                raise Stopped
            if tally.output is not None:
                files.parts.put(output, tally.output.name)
            if tally.rejects is not None:
                files.rejects.make()
                files.rejects.put(rejects, tally.rejects.name)
            # The part exists from here on.
            files.tallies.write(files.tally_name(number), tally.dump())
        return tally

    def batches(self, split: Split) -> Iterator[Batch]:
        """Yield the rows of a split, read ahead."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="parse") as parsers:
            parsed = ordered(
                lambda task: parsers.submit(task),
                prefetched(self._tasks(split), 2),
                self.threads + 1,
            )
            with closing(parsed):
                rows = self.scorer.rows_at_once(self.batch_rows)
                yield from batched((piece for _, piece in parsed), rows)

    def _tasks(self, split: Split) -> Iterator[Callable[[], Parsed]]:
        for number, rows in split.ranges:
            yield from self.plan.files[number].tasks(self.plan.selection, rows)

    def is_interrupted(self, number: int) -> bool:
        """Whether a part under way is not wanted any more; asked where asking costs nothing."""
        if has_struck():
            return True
        return self.files.tallies.is_local and not self.course.wants(number)

    def _check_unchanged(self, split: Split) -> None:
        for number, _ in split.ranges:
            item = self.plan.files[number].item
            if item.stamped().stamp != item.stamp:
                raise DataError(
                    f"{item.name} was changed while it was read",
                    "Score it again once nothing writes to it",
                )


class _Writing:
    """Files of a part that is being written."""

    def __init__(self, work: ScorePart, split: Split, output: Path, rejects: Path) -> None:
        self.work = work
        self.split = split
        self.tally = Tally(key=work.plan.key(split))
        self._paths = output, rejects
        self._files: list[HashingFile] = []
        self._output: tuple[HashingFile, Sink] | None = None
        self._rejects: tuple[HashingFile, Sink] | None = None

    def close(self) -> None:
        for file in self._files:
            with suppress(OSError):  # a full disk has been told of
                file.close()

    def done(self) -> Tally:
        work, number = self.work, self.split.number
        with ThreadPoolExecutor(1, thread_name_prefix="write") as writer:
            scored = ((batch, self._scores(batch)) for batch in work.batches(self.split))
            taken = ordered(lambda item: writer.submit(self._take, *item), scored, 2)
            with closing(scored), closing(taken):
                for (batch, _), _ in taken:
                    if work.moved is not None:
                        work.moved(batch.size, batch.count)
                    if work.is_interrupted(number):
                        raise Stopped
        tally, names = self.tally, work.files
        tally.output = _finished(self._output, names.part_name(number), tally.rows_out)
        tally.rejects = _finished(self._rejects, names.rejects_name(number), tally.rows_rejected)
        return tally

    def _scores(self, batch: Batch) -> Scores:
        return self.work.scorer(batch.columns(FEATURE), batch.places, batch.count)

    def _take(self, batch: Batch, scores: Scores) -> None:
        selection = self.work.plan.selection
        rejects = batch.rejects + [self._placed(batch, item) for item in scores.rejects]
        rejects.sort(key=lambda item: item.ordinal)
        if rejects and not self.work.rejecting:
            raise DataError(rejects[0].message, _what_to_do(rejects[0].reason))
        table, raw = batch.columns(KEPT), None
        if selection.verbatim and RAW in batch.table.column_names:
            raw = batch.table[RAW]
        if scores.rejects:
            kept = np.ones(batch.table.num_rows, bool)
            kept[[item.row for item in scores.rejects]] = False
            table = table.filter(pa.array(kept))
            raw = raw.filter(pa.array(kept)) if raw is not None else None
        parts = (table, scores.predictions)
        table = pa.table({name: part[name] for part in parts for name in part.column_names})
        if scores.predictions.num_rows:
            if self._output is None:
                # The types of the predictions are known now.
                schema = output_schema(self.work.plan, scores.predictions.schema)
                self.tally.columns = schema.names
                self._output = self._sink(self._paths[0], schema, self.work.files.format)
            self._output[1].write(table, raw)
        if rejects:
            if self._rejects is None:
                kind = self.work.files.rejects_format
                self._rejects = self._sink(self._paths[1], REJECTS, kind)
            self._rejects[1].write(_table(rejects), None)
        self.tally.summary.add(scores.predictions)
        self.tally.rows_in += batch.count
        self.tally.rows_out += scores.predictions.num_rows
        self.tally.reject(rejects)
        profile = self.work.profile
        if profile is not None:
            features = batch.columns(FEATURE)
            self.tally.count(Counts.of_rows(profile, features, scores.predictions))

    def _placed(self, batch: Batch, item: Misfit) -> Reject:
        ordinal, file, line = batch.origin(item.row)
        text = _text(batch, item.row) if self.work.rejecting else ""
        return Reject(ordinal, file, line, item.column, item.reason, text)

    def _sink(self, path: Path, schema: pa.Schema, kind: str) -> tuple[HashingFile, Sink]:
        file = HashingFile(path)
        self._files.append(file)
        return file, formats.sink(file, schema, kind, header=self.work.files.headers)


def _finished(pair: tuple[HashingFile, Sink] | None, name: str, rows: int) -> Written | None:
    if pair is None:
        return None
    file, sink = pair
    sink.close()
    return Written(name, file.sha256, rows, file.length)


def output_schema(plan: Plan, predictions: pa.Schema) -> pa.Schema:
    kept = plan.selection.kept
    clash = sorted(set(kept.names) & set(predictions.names))
    if clash:
        raise already_there(plan.files[0].item.name, clash[0])
    return pa.schema([*kept, *predictions])


def _text(batch: Batch, row: int) -> str:
    """Return a row as it was."""
    one = replace(batch, table=batch.table.slice(row, 1))
    if RAW in one.table.column_names:
        data: bytes = one.table[RAW][0].as_py()
        return data.removeprefix(b"\n").decode("utf-8", "replace")
    return row_text(one.columns(ORIGINAL))


def _table(rejects: list[Reject]) -> pa.Table:
    return pa.Table.from_pylist([vars(item) | {"row": item.text} for item in rejects], REJECTS)


def _told(caught: list[Any]) -> list[str]:
    texts = [f"{item.category.__name__}: {item.message}" for item in caught]
    return list(dict.fromkeys(texts))[:_SHOWN_WARNINGS]


def _what_to_do(reason: str) -> str:
    """Return what a user can do about a row that cannot be read."""
    if "is not UTF-8 text" in reason:
        first = "If the file has another encoding, give it, such as --encoding cp1252. "
    elif _DECIMAL_COMMA.search(reason):
        first = "If that is a decimal comma, add --decimal ','. "
    else:
        first = ""
    return f"{first}To set such rows aside, add --on-error reject"
