"""Read, score and write at once: rows in order, each of them in the output or rejected."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from inference import engines
from inference.flow import ordered, prefetched
from inference.job import Job
from inference.journal import Journal, key
from inference.request import REJECT
from inference.scorer import Scorer, Scores
from inference.tally import Tally
from mlproject.base.errors import DataError
from mlproject.data import formats
from mlproject.data.batches import FEATURE, KEPT, ORIGINAL, RAW, Batch, Reject, batched
from mlproject.data.formats.parquet_files import row_text
from mlproject.data.reading import Input, already_there
from mlproject.data.types import Misfit
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


@dataclass(frozen=True)
class Question:
    """What the model is asked about a batch, under which name the journal keeps the answer.

    ``known`` is the answer when an interrupted run had it.
    """

    features: pa.Table
    name: str
    known: Scores | None


def batch_rows(wanted: int | None, scorer: Scorer, width: int) -> int:
    """Return how many rows are scored together: a multiple of the scorer's grain.

    By default as many as the model scores in about a second, within bounds. Predictions do not
    depend on it.
    """
    if wanted is not None:
        return -(-wanted // scorer.grain) * scorer.grain
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


class Pass:
    """One pass over an input, into the journal's folder."""

    def __init__(self, job: Job, source: Input, journal: Journal, rows: int) -> None:
        self.job = job
        self.source = source
        self.journal = journal
        self.rows = rows
        self.tally = Tally()
        self._output: Sink | None = None
        self._rejects: Sink | None = None

    def write(self) -> Tally:
        started = time.perf_counter()
        paths, request = self.job.paths, self.job.request
        if paths.rejects is not None:
            file = HashingFile(self.journal.file("rejects"))
            self._rejects = formats.sink(file, _REJECTS, paths.rejects_format)
        threads = min(4, os.cpu_count() or 1)
        with (
            engines.started(request.engine, request.jobs, self.job.scorer) as engine,
            ThreadPoolExecutor(threads, thread_name_prefix="parse") as parsers,
            ThreadPoolExecutor(engine.at_a_time, thread_name_prefix="score") as scorers,
            ThreadPoolExecutor(1, thread_name_prefix="write") as writer,
            self.job.reporter.progress("Scoring", self.source.size) as progress,
        ):
            parsed = ordered(
                lambda task: parsers.submit(task),
                prefetched(self.source.tasks(), 2),
                threads + 1,
            )
            cut = batched((chunk for _, chunk in parsed), self.rows)
            # What a model waits for or leaves behind is done beside it.
            named = ordered(lambda batch: parsers.submit(self._named, batch), cut, 2)
            scored = ordered(
                lambda item: scorers.submit(_scores, engine, item[1]), named, engine.at_a_time + 1
            )
            done = ordered(lambda item: writer.submit(self._take, *item[0], item[1]), scored, 2)
            # Closed whatever happens: threads end, and what is waiting is not scored.
            with closing(named), closing(scored), closing(done):
                for ((batch, question), _), _ in done:
                    self.tally.rows_resumed += batch.table.num_rows if question.known else 0
                    progress(batch.size, batch.count)
        self._finish()
        self.tally.seconds = time.perf_counter() - started
        return self.tally

    def _named(self, batch: Batch) -> Question:
        features = batch.columns(FEATURE)
        name = key(batch.number, features)
        return Question(features, name, self.journal.load(name))

    def _take(self, batch: Batch, question: Question, scores: Scores) -> None:
        if question.known is None:
            self.journal.keep(question.name, scores)
        rejects = batch.rejects + [self._placed(batch, item) for item in scores.rejects]
        rejects.sort(key=lambda item: item.ordinal)
        if rejects and self._rejects is None:
            raise DataError(rejects[0].message, "To set such rows aside, add --on-error reject")
        table, raw = batch.columns(KEPT), None
        if self.source.selection.verbatim and RAW in batch.table.column_names:
            raw = batch.table[RAW]
        if scores.rejects:
            kept = np.ones(batch.table.num_rows, bool)
            kept[[item.row for item in scores.rejects]] = False
            table = table.filter(pa.array(kept))
            raw = raw.filter(pa.array(kept)) if raw is not None else None
        parts = (table, scores.predictions)
        table = pa.table({name: part[name] for part in parts for name in part.column_names})
        if scores.predictions.num_rows:
            self._opened(scores.predictions.schema).write(table, raw)
        if rejects and self._rejects is not None:
            self._rejects.write(_table(rejects), None)
        self.tally.summary.add(scores.predictions)
        self.tally.rows_in += batch.count
        self.tally.rows_out += scores.predictions.num_rows
        self.tally.reject(rejects)

    def _placed(self, batch: Batch, item: Misfit) -> Reject:
        ordinal, file, line = batch.origin(item.row)
        text = ""
        if self.job.request.on_error == REJECT:
            text = _text(Batch(0, batch.table.slice(item.row, 1), [], 1, 0))
        return Reject(ordinal, file, line, item.column, item.reason, text)

    def _opened(self, predictions: pa.Schema) -> Sink:
        """Return the output's sink; it is opened when the predictions' types are known."""
        if self._output is None:
            kept = self.source.selection.kept
            clash = sorted(set(kept.names) & set(predictions.names))
            if clash:
                raise already_there(self.source.files[0].item.name, clash[0])
            schema = pa.schema([*kept, *predictions])
            self.tally.columns = schema.names
            file = HashingFile(self.journal.file("output"))
            self._output = formats.sink(file, schema, self.job.paths.format)
        return self._output

    def _finish(self) -> None:
        empty = self.job.scorer(
            pa.table({f.name: pa.array([], f.type) for f in self.source.selection.features})
        )
        self.tally.output_sha256 = self._opened(empty.predictions.schema).close()
        if self._rejects is not None:
            self.tally.rejects_sha256 = self._rejects.close()


def _scores(engine: engines.Engine, question: Question) -> Scores:
    return engine.score(question.features) if question.known is None else question.known


def _text(row: Batch) -> str:
    """Return the one row of a batch as it was."""
    if RAW in row.table.column_names:
        data: bytes = row.table[RAW][0].as_py()
        return data.removeprefix(b"\n").decode("utf-8", "replace")
    return row_text(row.columns(ORIGINAL))


def _table(rejects: list[Reject]) -> pa.Table:
    return pa.Table.from_pylist([vars(item) | {"row": item.text} for item in rejects], _REJECTS)
