"""Read, score and write at once: rows in order, each of them in the output or rejected."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from inference import engines
from inference.flow import ordered, prefetched
from inference.journal import Journal, key
from inference.request import REJECT, OutputPaths, ScoreRequest
from inference.scorer import Scorer, Scores
from inference.summary import Summary
from mlproject.base.console import Reporter
from mlproject.base.errors import DataError
from mlproject.data import formats
from mlproject.data.batches import FEATURE, KEPT, ORIGINAL, RAW, Batch, Reject, batched
from mlproject.data.formats.parquet_files import row_text
from mlproject.data.reading import Input, already_there
from mlproject.data.writing import HashingFile, Sink

_LEAST_ROWS = 1 << 10
_MOST_ROWS = 1 << 17
# Of a model whose calls cost next to nothing: more would only take more memory. A call of a forest
# costs as much as some thousand rows.
_MOST_ROWS_OF_A_LIGHT_CALL = 1 << 15
_SECONDS_OF_A_LIGHT_CALL = 0.004
_CELLS = 1 << 21
_PROBES = (512, 4096)
_REPEATS = 3  # what disturbs a call only makes it longer
_SECONDS_OF_A_PROBE = 0.1
_SECONDS_OF_A_BATCH = 1.0
_REJECTS = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),
    ]
)


@dataclass
class Written:
    """What was written."""

    rows_in: int = 0
    rows_out: int = 0
    rows_rejected: int = 0
    resumed: int = 0
    seconds: float = 0.0
    columns: list[str] = field(default_factory=list)
    output_sha256: str = ""
    rejects_sha256: str | None = None
    summary: Summary = field(default_factory=Summary)


@dataclass(frozen=True)
class Question:
    """What the model is asked about a batch, under which name the journal keeps the answer.

    ``known`` is the answer when an interrupted run had it.
    """

    features: pa.Table
    name: str
    known: Scores | None


def batch_rows(asked: int | None, scorer: Scorer, width: int) -> int:
    """Return how many rows are scored together: a multiple of the scorer's grain.

    By default as many as the model scores in about a second, within bounds. Predictions do not
    depend on it.
    """
    if asked is not None:
        return -(-asked // scorer.grain) * scorer.grain
    most = _CELLS // max(1, width)
    call, each = _costs(scorer)
    light = call < _SECONDS_OF_A_LIGHT_CALL
    most = min(most, _MOST_ROWS_OF_A_LIGHT_CALL if light else _MOST_ROWS)
    if each:
        most = min(most, int(_SECONDS_OF_A_BATCH / each))
    return max(_LEAST_ROWS, scorer.grain, most) // scorer.grain * scorer.grain


def _costs(scorer: Scorer) -> tuple[float, float]:
    """Return the seconds of a call and of each row in it; 0 when there is no row to try."""
    if scorer.good is None:
        return 0.0, 0.0
    row = pa.Table.from_pandas(scorer.good, preserve_index=False)
    taken: list[float] = []
    for rows in _PROBES:
        many = row.take(np.zeros(rows, int))
        taken.append(min(_timed(scorer, many) for _ in range(_REPEATS)))
        if taken[-1] > _SECONDS_OF_A_PROBE:
            return 0.0, taken[-1] / rows
    each = max(0.0, taken[1] - taken[0]) / (_PROBES[1] - _PROBES[0])
    return taken[0] - each * _PROBES[0], each


def _timed(scorer: Scorer, features: pa.Table) -> float:
    started = time.perf_counter()
    scorer(features)
    return time.perf_counter() - started


class Run:
    """One pass over an input."""

    def __init__(
        self,
        ready: Input,
        scorer: Scorer,
        journal: Journal,
        where: OutputPaths,
        options: ScoreRequest,
        rows: int,
    ) -> None:
        self.ready = ready
        self.scorer = scorer
        self.journal = journal
        self.where = where
        self.options = options
        self.rows = rows
        self.written = Written()
        self._sink: Sink | None = None

    def write(self, reporter: Reporter) -> Written:
        """Write the output and the rejected rows into the journal's folder.

        Raises
        ------
        DataError
            At the first row that cannot be scored, unless such rows are rejected; or when the
            input cannot be read.
        """
        started = time.perf_counter()
        rejects = None
        if self.where.rejects is not None:
            file = HashingFile(self.journal.file("rejects"))
            rejects = formats.sink(file, _REJECTS, self.where.rejects_format)
        threads = min(4, os.cpu_count() or 1)
        with (
            engines.running(self.options.engine, self.options.jobs, self.scorer) as engine,
            ThreadPoolExecutor(threads, thread_name_prefix="parse") as parsers,
            ThreadPoolExecutor(engine.at_a_time, thread_name_prefix="score") as scorers,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
            reporter.progress("Scoring", self.ready.size) as progress,
        ):
            parsed = ordered(
                lambda task: parsers.submit(task),
                prefetched(self.ready.tasks(), 2),
                threads + 1,
            )
            cut = batched((chunk for _, chunk in parsed), self.rows)
            # What a model waits for or leaves behind is done beside it.
            named = ordered(lambda batch: parsers.submit(self._named, batch), cut, 2)
            scored = ordered(
                lambda item: scorers.submit(_scores, engine, item[1]), named, engine.at_a_time + 1
            )
            done = ordered(
                lambda item: writer.submit(self._take, *item[0], item[1], rejects), scored, 2
            )
            # Closed whatever happens: threads end, and what is waiting is not scored.
            with closing(named), closing(scored), closing(done):
                for ((batch, question), _), _ in done:
                    self.written.resumed += batch.table.num_rows if question.known else 0
                    progress(batch.size, batch.count)
        self._finish(rejects)
        self.written.seconds = time.perf_counter() - started
        return self.written

    def _named(self, batch: Batch) -> Question:
        features = batch.columns(FEATURE)
        name = key(batch.number, features)
        return Question(features, name, self.journal.found(name))

    def _take(self, batch: Batch, question: Question, scores: Scores, rejects: Sink | None) -> None:
        if question.known is None:
            self.journal.keep(question.name, scores)
        refused = batch.rejects + [self._placed(batch, item) for item in scores.refusals]
        refused.sort(key=lambda item: item.ordinal)
        if refused and rejects is None:
            raise DataError(refused[0].message, "To set such rows aside, add --on-error reject")
        table, raw = batch.columns(KEPT), None
        if self.ready.selection.verbatim and RAW in batch.table.column_names:
            raw = batch.table[RAW]
        if scores.refusals:
            kept = np.ones(batch.table.num_rows, bool)
            kept[[item.row for item in scores.refusals]] = False
            table = table.filter(pa.array(kept))
            raw = raw.filter(pa.array(kept)) if raw is not None else None
        parts = (table, scores.predictions)
        table = pa.table({name: part[name] for part in parts for name in part.column_names})
        if scores.predictions.num_rows:
            self._opened(scores.predictions.schema).write(table, raw)
        if refused and rejects is not None:
            rejects.write(_rejected(refused), None)
        self.written.summary.add(scores.predictions)
        self.written.rows_in += batch.count
        self.written.rows_out += scores.predictions.num_rows
        self.written.rows_rejected += len(refused)

    def _placed(self, batch: Batch, item: Any) -> Reject:
        ordinal, file, line = batch.origin(item.row)
        text = ""
        if self.options.on_error == REJECT:
            text = _text(Batch(0, batch.table.slice(item.row, 1), [], 1, 0))
        return Reject(ordinal, file, line, item.column, item.reason, text)

    def _opened(self, predictions: pa.Schema) -> Sink:
        """Return the output's sink; it is opened when the predictions' types are known."""
        if self._sink is None:
            kept = self.ready.selection.kept
            clash = sorted(set(kept.names) & set(predictions.names))
            if clash:
                raise already_there(self.ready.files[0].item.name, clash[0])
            schema = pa.schema([*kept, *predictions])
            self.written.columns = schema.names
            file = HashingFile(self.journal.file("output"))
            self._sink = formats.sink(file, schema, self.where.format)
        return self._sink

    def _finish(self, rejects: Sink | None) -> None:
        empty = self.scorer(
            pa.table({f.name: pa.array([], f.type) for f in self.ready.selection.features})
        )
        self.written.output_sha256 = self._opened(empty.predictions.schema).close()
        if rejects is not None:
            self.written.rejects_sha256 = rejects.close()


def _scores(engine: engines.Engine, question: Question) -> Scores:
    return engine.score(question.features) if question.known is None else question.known


def _text(row: Batch) -> str:
    """Return the one row of a batch as it was."""
    if RAW in row.table.column_names:
        data: bytes = row.table[RAW][0].as_py()
        return data.removeprefix(b"\n").decode("utf-8", "replace")
    return row_text(row.columns(ORIGINAL))


def _rejected(refused: list[Reject]) -> pa.Table:
    columns = {
        "file": [item.file for item in refused],
        "line": [item.line for item in refused],
        "column": [item.column for item in refused],
        "reason": [item.reason for item in refused],
        "row": [item.text for item in refused],
    }
    return pa.table(columns, schema=_REJECTS)
