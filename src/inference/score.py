"""Score a source with a model: from a request to a finished output."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from inference import lineage, manifest, outputs
from inference.flow import in_background
from inference.job import Job
from inference.journal import Journal
from inference.request import REJECT, ScoreRequest, ScoreResult, blamed, output_paths
from inference.scorer import Scorer
from inference.scoring import Pass, batch_rows
from inference.tally import Tally
from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.base.errors import DataError, MlprojectError, reason
from mlproject.base.memory import peak_rss_mb
from mlproject.base.redaction import redacted_text
from mlproject.data import reading
from mlproject.data.source import opened
from mlproject.models import trust
from mlproject.models.opening import open_model
from mlproject.tracking import session as sessions
from mlproject.tracking.session import Session
from mlproject.tracking.target import resolve

_SHOWN_WARNINGS = 5


def score(request: ScoreRequest, reporter: Reporter) -> ScoreResult:
    """Score a source.

    Every row of the input is in the output or among the rejected rows, in order. Nothing appears
    under the output's name until all rows are there.
    """
    started, clock = time.time(), time.perf_counter()
    paths = output_paths(request)
    clusters.check_installed(request.engine)
    journal = Journal(paths.output)
    outputs.refuse_existing(request, paths, journal)
    policy = trust.in_force(request.trust)
    with sessions.opened(resolve(request.tracking)) as session:  # before anything imports MLflow
        with opened(str(request.input), request.encoding) as files:
            outputs.refuse_inputs(paths, files)
            for encoding in sorted({item.encoding for item in files if item.encoding}):
                reporter.say(f"The input is read as {encoding}, and written as UTF-8")
            digests = in_background(lambda: [item.sha256() for item in files])
            with reporter.step("Loading the model"):
                model = open_model(request.model or f"runs:/{request.run_id}", session, policy)
                for notice in model.notices:
                    reporter.warn(notice)
                scorer = Scorer(model, request.method)
            job = Job(request, paths, model, scorer, files, digests, reporter)
            content, tally = _done(job, journal)
        result = _result(job, content, tally, time.perf_counter() - clock)
        if request.track and tally is not None:
            name, metrics = manifest.path_of(paths.output).name, _metrics(result, tally)
            scored = lineage.Scored(model.source, content, name, metrics, started)
            result = replace(result, scoring_run_id=_recorded(session, scored, reporter))
    _check_rejects(result, request.max_rejects)
    return result


def _done(job: Job, journal: Journal) -> tuple[dict[str, Any], Tally | None]:
    """Write output, rejected rows and manifest; nothing when all of it is already there."""
    request, paths, reporter = job.request, job.paths, job.reporter
    if paths.output.exists() and not request.overwrite:
        content = outputs.finished(job)
        journal.discard()
        reporter.say(f"{paths.output} is already complete: nothing is left to score")
        return content, None
    copied = reading.CopyRequest(
        request.keep, paths.format, frozenset(job.scorer.added()), request.on_error == REJECT
    )
    source = reading.prepare(job.files, job.model.schema, copied, request.dialect)
    state: dict[str, Any] = {
        "model": job.model.sha256,
        "method": request.method,
        "versions": manifest.versions(),
        "batch_rows": batch_rows(request.batch_rows, job.scorer, len(source.selection.features)),
    }
    state = journal.open(state, resume=request.resume, overwrite=request.overwrite)
    with journal.kept_for_later(reporter), _warnings_told(reporter):
        tally = Pass(job, source, journal, state["batch_rows"]).write()
        content = manifest.of(job, tally)
        replaced = outputs.old_rejects(paths)
        journal.file("manifest").write_text(manifest.dump(content), encoding="utf-8")
        moves = {journal.file("rejects"): paths.rejects} if paths.rejects is not None else {}
        moves[journal.file("manifest")] = manifest.path_of(paths.output)
        moves[journal.file("output")] = paths.output
        journal.publish(moves)
        if replaced is not None:
            replaced.unlink(missing_ok=True)
    journal.discard()
    return content, tally


def _result(
    job: Job, content: Mapping[str, Any], tally: Tally | None, seconds: float
) -> ScoreResult:
    rows, rejects = content["rows_in"], job.paths.rejects
    return ScoreResult(
        run_id=content["model"]["run_id"],
        model_uri=job.model.uri,
        rows_in=rows,
        rows_out=content["rows_out"],
        rows_rejected=content["rows_rejected"],
        output=str(job.paths.output),
        rejects=str(rejects) if rejects else None,
        seconds=round(seconds, 3),
        rows_per_second=round(rows / tally.seconds, 1) if tally else 0.0,
        peak_rss_mb=peak_rss_mb(),
        manifest=str(manifest.path_of(job.paths.output)),
        rows_resumed=tally.rows_resumed if tally else rows,
        model_version=content["model"]["version"],
        most_rejected=content.get("most_rejected"),  # which older manifests do not have
    )


def _check_rejects(result: ScoreResult, allowed: float) -> None:
    """Raise DataError, with the result, when a larger share of the rows was rejected."""
    if not result.rows_in or result.rows_rejected / result.rows_in <= allowed:
        return
    told, most = "", result.most_rejected
    if most is not None:
        share = "all" if most["rows"] == result.rows_rejected else f"{most['rows']:,}"
        told = f", {share} of them for {blamed(most)}, such as {most['example']}"
    error = DataError(
        f"{result.rows_rejected:,} of {result.rows_in:,} rows were rejected, more than "
        f"{100 * allowed:g} %{told}",
        f"They are in {result.rejects}, the others in {result.output}; "
        "to allow more, give --max-rejects",
    )
    error.result = result
    raise error


@contextmanager
def _warnings_told(reporter: Reporter) -> Iterator[None]:
    """Tell each thing that the model warns of once."""
    seen: dict[str, None] = {}

    def note(message: Any, category: Any, *_: Any, **__: Any) -> None:
        seen.setdefault(f"{category.__name__}: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = note
        yield
    for text in list(seen)[:_SHOWN_WARNINGS]:
        reporter.warn(f"The model says: {' '.join(text.split())}")


def _metrics(result: ScoreResult, tally: Tally) -> dict[str, float]:
    names = ("rows_in", "rows_out", "rows_rejected", "seconds", "rows_per_second", "peak_rss_mb")
    values = {name: getattr(result, name) for name in names}
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    return numbers | tally.summary.metrics()


def _recorded(session: Session, scored: lineage.Scored, reporter: Reporter) -> str | None:
    """Return the id of the scoring run, or None when the store would not have it."""
    try:
        return lineage.record(session, scored)
    except Exception as error:  # noqa: BLE001 - the output is complete, whatever a store raises
        why = str(error) if isinstance(error, MlprojectError) else redacted_text(reason(error))
        reporter.warn(f"The output is complete, but not recorded. {why}")
    return None
