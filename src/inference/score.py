"""Score a source with a model: from a request to a finished output."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from inference import drift, engines, existing, lineage
from inference.holding import Holding, holding
from inference.job import Job, digests_of
from inference.outputs import OutputPaths, output_paths
from inference.parts import Scoring
from inference.request import ScoreRequest, ScoreResult, blamed
from inference.scorer import Scorer
from inference.tally import Tally
from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.base.counting import counted, was_or_were
from mlproject.base.errors import DataError, MlprojectError, reason
from mlproject.base.memory import peak_rss_mb
from mlproject.base.redaction import redacted_text
from mlproject.data.remote import pinned
from mlproject.data.source import SourceFile, brought, listed
from mlproject.models import trust
from mlproject.models.opening import open_model
from mlproject.tracking import session as sessions
from mlproject.tracking.session import Session
from mlproject.tracking.target import resolve


def score(request: ScoreRequest, reporter: Reporter) -> ScoreResult:
    """Score a source.

    Every row of the input is in the output or among the rejected rows, in order. Nothing appears
    under the output's name until all rows are there.
    """
    started, clock = time.time(), time.perf_counter()
    paths = output_paths(request)
    clusters.check_installed(request.engine)
    policy = trust.in_force(request.trust)
    request = replace(request, input=pinned(str(request.input)))
    with (
        holding(request, paths, reporter) as held,
        sessions.opened(resolve(request.tracking)) as session,  # before anything imports MLflow
    ):
        with _input(request) as items:
            existing.refuse_inputs(paths, items)
            with reporter.step("Loading the model"):
                model = open_model(request.model or f"runs:/{request.run_id}", session, policy)
                for notice in model.notices:
                    reporter.warn(notice)
                profile = drift.profile_of(model, request)
                scorer = Scorer(model, request.method)
            with engines.started(request.engine, request.jobs) as engine:
                digests = digests_of(engine, items)
                job = Job(request, paths, model, scorer, engine, items, digests, reporter, profile)
                content, tally, seconds = _done(job, held)
        result = _result(job, content, tally, (seconds, time.perf_counter() - clock))
        if request.track and tally is not None:
            name, metrics = _manifest_name(paths), _metrics(result, tally)
            page = _page(job, tally, result, content) if request.report else None
            scored = lineage.Scored(model.source, content, name, metrics, started, page)
            result = replace(result, scoring_run_id=_recorded(session, scored, reporter))
    _check_rejects(result, request.max_rejects)
    drift.check(result, request)
    return result


def _page(job: Job, tally: Tally, result: ScoreResult, content: Mapping[str, Any]) -> str | None:
    return drift.written(job.profile, tally, result, content["input"]["source"], job.reporter)


@contextmanager
def _input(request: ScoreRequest) -> Iterator[list[SourceFile]]:
    """Yield the files of the input: for a cluster where they are, else on this machine."""
    source = str(request.input)
    if request.engine != engines.LOCAL:
        yield listed(source)
        return
    with brought(source) as items:
        yield items


def _done(job: Job, held: Holding) -> tuple[dict[str, Any], Tally | None, float]:
    """Score and publish; nothing when all of it is already there."""
    if job.paths.manifest.exists() and _is_complete(job):
        content = existing.finished(job)
        held.leave_nothing()
        job.reporter.say(f"{job.paths.given} is already complete: nothing is left to score")
        return content, None, 0.0
    started = time.perf_counter()
    with closing(Scoring(job, held)) as scoring:
        tally = scoring.scored()
        content = scoring.published(tally)
    return content, tally, time.perf_counter() - started


def _is_complete(job: Job) -> bool:
    """Whether the output is there and is not to be replaced."""
    file = job.paths.file
    return not job.request.overwrite and (file is None or file.exists())


def _manifest_name(paths: OutputPaths) -> str:
    return f"{paths.name}.manifest.json" if paths.file is None else paths.manifest.name


def _result(
    job: Job, content: Mapping[str, Any], tally: Tally | None, taken: tuple[float, float]
) -> ScoreResult:
    rows, rejects = content["rows_in"], content["rejects"]
    paths = job.paths
    where = None
    if rejects is not None:
        where = paths.rejects.shown if paths.rejects else f"{paths.given}{rejects['path']}"
    scoring, seconds = taken
    resumed = tally.rows_resumed if tally else rows
    return ScoreResult(
        run_id=content["model"]["run_id"],
        model_uri=job.model.uri,
        rows_in=rows,
        rows_out=content["rows_out"],
        rows_rejected=content["rows_rejected"],
        output=paths.given,
        rejects=where,
        seconds=round(seconds, 3),
        rows_per_second=round((rows - resumed) / scoring, 1) if tally else 0.0,
        peak_rss_mb=peak_rss_mb(),
        manifest=paths.manifest.shown,
        rows_resumed=resumed,
        model_version=content["model"]["version"],
        # Older manifests have neither.
        most_rejected=content.get("most_rejected"),
        drift=content.get("drift"),
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
        f"{result.rows_rejected:,} of {counted(result.rows_in, 'row', ',')} "
        f"{was_or_were(result.rows_rejected)} rejected, more than "
        f"{100 * allowed:g} %{told}",
        f"They are in {result.rejects}, the others in {result.output}; "
        "to allow more, give --max-rejects",
    )
    error.result = result
    raise error


def _metrics(result: ScoreResult, tally: Tally) -> dict[str, float]:
    names = ("rows_in", "rows_out", "rows_rejected", "seconds", "rows_per_second", "peak_rss_mb")
    values = {name: getattr(result, name) for name in names}
    numbers = {name: float(value) for name, value in values.items() if value is not None}
    return numbers | tally.summary.metrics() | drift.metrics(result.drift)


def _recorded(session: Session, scored: lineage.Scored, reporter: Reporter) -> str | None:
    """Return the id of the scoring run, or None when the store would not have it."""
    try:
        return lineage.record(session, scored)
    except Exception as error:  # noqa: BLE001 - the output is complete, whatever a store raises
        why = str(error) if isinstance(error, MlprojectError) else redacted_text(reason(error))
        reporter.warn(f"The output is complete, but not recorded. {why}")
    return None
