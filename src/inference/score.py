"""Score a source with a model: from options to a finished output."""

from __future__ import annotations

import re
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from inference import lineage, manifest
from inference.flow import in_background
from inference.journal import Journal
from inference.request import REJECT, OutputPaths, ScoreRequest, ScoreResult, output_paths
from inference.scorer import Scorer
from inference.scoring import Run, Written, batch_rows
from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, DataError, MlprojectError, reason
from mlproject.base.redaction import redacted_text
from mlproject.data import reading
from mlproject.data.source import SourceFile, file_sha256, opened
from mlproject.models import artifact as artifacts
from mlproject.models import finding, loading, trust
from mlproject.models.artifact import Artifact
from mlproject.models.finding import Located
from mlproject.tracking import session as sessions
from mlproject.tracking.session import Session
from mlproject.tracking.target import resolve

_SHOWN_WARNINGS = 5


def score(options: ScoreRequest, reporter: Reporter) -> ScoreResult:
    """Score a source.

    Every row of the input is in the output or among the rejected rows, in order. Nothing appears
    under the output's name until all rows are there.

    Raises
    ------
    ConfigurationError, DataError, TrackingError, ModelError
        Each with one line that says what is wrong and what to do.
    """
    started, clock = time.time(), time.perf_counter()
    where = output_paths(options)
    clusters.check_installed(options.engine)
    journal = Journal(where.output)
    _refuse_existing(options, where, journal)
    policy = trust.in_force(options.trust)
    with sessions.opened(resolve(options.tracking)) as session:  # before anything imports MLflow
        with opened(str(options.input)) as files:
            _refuse_inputs(where, files)
            hashes = in_background(lambda: [item.sha256() for item in files])
            with reporter.step("Loading the model"):
                located, artifact, scorer = _model(options, session, policy, reporter)
            content, written = _scored(
                options, where, journal, located, artifact, scorer, files, hashes, reporter
            )
        seconds = time.perf_counter() - clock
        rows = content["rows_in"]
        result = ScoreResult(
            run_id=content["model"]["run_id"],
            model_uri=located.uri,
            rows_in=rows,
            rows_out=content["rows_out"],
            rows_rejected=content["rows_rejected"],
            output=str(where.output),
            rejects=str(where.rejects) if where.rejects else None,
            seconds=round(seconds, 3),
            rows_per_second=round(rows / written.seconds, 1) if written else 0.0,
            peak_rss_mb=peak_rss_mb(),
            manifest=str(manifest.path_of(where.output)),
            rows_resumed=written.resumed if written else rows,
            model_version=content["model"]["version"],
        )
        if options.track and written is not None:
            run_id = _recorded(session, located, content, written, result, started, reporter)
            result = replace(result, scoring_run_id=run_id)
        return result


def peak_rss_mb() -> float | None:
    """Return the most memory that this process has had, in MB; None where that is not known."""
    with suppress(OSError):  # Linux; its getrusage counts in the process that started this one
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
        if found:
            return round(int(found[1]) / 1024, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def _refuse_existing(options: ScoreRequest, where: OutputPaths, journal: Journal) -> None:
    """Refuse to replace files, but those that an interrupted run has begun to publish."""
    beside = manifest.path_of(where.output)
    for path in (where.output, where.rejects, beside):
        if path is None or not path.exists():
            continue
        if path.is_dir():
            raise ConfigurationError(f"{path} is in the way: it is a folder")
        ours = options.resume and (journal.publishing or where.output.exists())
        if not (options.overwrite or ours):
            raise ConfigurationError(f"{path} is already there", "Replace it with --overwrite")


def _refuse_inputs(where: OutputPaths, files: list[SourceFile]) -> None:
    """Refuse to write over a file that is read."""
    for path in (where.output, where.rejects, manifest.path_of(where.output)):
        for item in files:
            if path is not None and path.exists() and path.samefile(item.path):
                raise ConfigurationError(
                    f"{path} is one of the files that are read", "Give another --output"
                )


def _model(
    options: ScoreRequest, session: Session, policy: trust.Policy, reporter: Reporter
) -> tuple[Located, Artifact, Scorer]:
    located = finding.locate(options.run_id, options.model, session)
    with finding.fetched(located) as folder:
        artifact = artifacts.read(folder, located.uri)
        estimator, notices = loading.load(artifact, policy, located.uri)
        for notice in notices:
            reporter.warn(notice)
        sample = artifact.example()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return located, artifact, Scorer(estimator, artifact.schema, options.method, sample)


def _scored(
    options: ScoreRequest,
    where: OutputPaths,
    journal: Journal,
    located: Located,
    artifact: Artifact,
    scorer: Scorer,
    files: list[SourceFile],
    hashes: Future[list[str]],
    reporter: Reporter,
) -> tuple[dict[str, Any], Written | None]:
    """Write output, rejected rows and manifest; nothing when all of it is already there."""
    asked = {"method": options.method, "keep": options.keep, "on_error": options.on_error}
    if where.output.exists() and not options.overwrite:
        found = _finished(where, asked, artifact, files, hashes.result(), options)
        journal.discard()
        reporter.say(f"{where.output} is already complete: nothing is left to score")
        return found, None
    copied = reading.CopyRequest(
        options.keep, where.format, frozenset(scorer.added()), options.on_error == REJECT
    )
    ready = reading.prepare(files, artifact.schema, copied)
    request: dict[str, Any] = {
        "model": artifact.sha256,
        "method": options.method,
        "versions": manifest.versions(),
    }
    rows = batch_rows(options.batch_rows, scorer, len(ready.selection.features))
    request = journal.open(
        request | {"batch_rows": rows}, resume=options.resume, overwrite=options.overwrite
    )
    with _kept_for_later(journal, where, reporter), _warnings_told(reporter):
        run = Run(ready, scorer, journal, where, options, request["batch_rows"])
        written = run.write(reporter)
        content = asked | {
            "manifest_version": 1,
            "rows_in": written.rows_in,
            "rows_out": written.rows_out,
            "rows_rejected": written.rows_rejected,
            "model": manifest.model(located, artifact),
            "input": manifest.source(str(options.input), files, hashes.result()),
            "output": {
                "path": where.output.name,
                "format": where.format,
                "sha256": written.output_sha256,
                "columns": written.columns,
            },
            "rejects": {"path": where.rejects.name, "sha256": written.rejects_sha256}
            if where.rejects
            else None,
            "versions": manifest.versions(),
        }
        replaced = _old_rejects(where)
        journal.file("manifest").write_text(manifest.dump(content), encoding="utf-8")
        moves = {journal.file("manifest"): manifest.path_of(where.output)}
        if where.rejects is not None:
            moves = {journal.file("rejects"): where.rejects} | moves
        journal.publish(moves | {journal.file("output"): where.output})
        if replaced is not None:
            replaced.unlink(missing_ok=True)
    journal.discard()
    return content, written


def _old_rejects(where: OutputPaths) -> Path | None:
    """Return the rejects of the output that is replaced, unless somebody has changed them."""
    before = (manifest.read(where.output) or {}).get("rejects") or {}
    path = where.output.parent / Path(str(before.get("path"))).name
    if path == where.rejects or not path.is_file():
        return None
    return path if file_sha256(path) == before.get("sha256") else None


def _finished(
    where: OutputPaths,
    asked: Mapping[str, Any],
    artifact: Artifact,
    files: list[SourceFile],
    digests: list[str],
    options: ScoreRequest,
) -> dict[str, Any]:
    """Return the manifest of an output that an earlier run has finished.

    Raises
    ------
    ConfigurationError
        When the output there is of another model, input or option.
    """
    found = manifest.read(where.output) or {}
    hashes = {
        "model": artifact.sha256,
        "input": manifest.source(str(options.input), files, digests)["sha256"],
        # Killed while it was replacing an output, a run leaves its manifest beside the old one.
        "output": file_sha256(where.output),
    }
    same = all(found.get(key) == value for key, value in asked.items()) and all(
        (found.get(key) or {}).get("sha256") == value for key, value in hashes.items()
    )
    if not same:
        raise ConfigurationError(
            f"{where.output} is already there, and is not of this model and input",
            "Replace it with --overwrite; add --resume to finish what was interrupted",
        )
    rejects = found.get("rejects") or {}
    if where.rejects is not None and not (
        rejects.get("path") == where.rejects.name
        and where.rejects.is_file()
        and file_sha256(where.rejects) == rejects.get("sha256")
    ):
        raise ConfigurationError(
            f"{where.output} is complete, but {where.rejects} is not what was rejected",
            "Score again with --overwrite",
        )
    return found


@contextmanager
def _kept_for_later(journal: Journal, where: OutputPaths, reporter: Reporter) -> Iterator[None]:
    """Keep what is scored when the block is interrupted; discard it when a row is to blame."""
    try:
        yield
    except DataError as error:
        # A disk or a network may read the input again, another time.
        (journal.leave if isinstance(error.__cause__, OSError) else journal.discard)()
        raise
    except MlprojectError:  # such as a cluster that is not there: it may be, next time
        journal.leave()
        raise
    except OSError as error:
        journal.release()
        if isinstance(error, (ConnectionError, TimeoutError)):
            raise  # of a cluster, not of the disk
        raise DataError(
            f"{where.output} cannot be written: {error.strerror or error}",
            "What is scored is kept: make room, and run again with --resume",
        ) from error
    except KeyboardInterrupt:
        journal.release()
        reporter.warn("What is scored is kept: run again with --resume to finish")
        raise
    except BaseException:
        journal.release()
        raise


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


def _recorded(
    session: Session,
    located: Located,
    content: Mapping[str, Any],
    written: Written,
    result: ScoreResult,
    started: float,
    reporter: Reporter,
) -> str | None:
    metrics = {
        "rows_in": float(result.rows_in),
        "rows_out": float(result.rows_out),
        "rows_rejected": float(result.rows_rejected),
        "seconds": result.seconds,
        "rows_per_second": result.rows_per_second,
    } | written.summary.metrics()
    if result.peak_rss_mb is not None:
        metrics["peak_rss_mb"] = result.peak_rss_mb
    try:
        file = Path(result.manifest)
        return lineage.record(session, lineage.Scored(located, content, file, metrics, started))
    except Exception as error:  # noqa: BLE001 - the output is complete, whatever a store raises
        why = str(error) if isinstance(error, MlprojectError) else redacted_text(reason(error))
        reporter.warn(f"The output is complete, but not recorded. {why}")
    return None
