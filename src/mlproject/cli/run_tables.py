"""Runs as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.files import atomic_write, expanded
from mlproject.models.environments import PYTHON
from mlproject.runs.comparison import Comparison, Row
from mlproject.runs.details import RunDetails
from mlproject.runs.page import page
from mlproject.runs.records import RunRecord
from mlproject.tracking.datasets import RecordedDataset
from training.winner import BestRun

_FINISHED = "FINISHED"
_PAGES = (".html", ".htm")
_LONGEST = 60
_HASH = 12
# How much is shown of what stands before a difference.
_BEFORE = 12
_MAIN_PACKAGES = (PYTHON, "scikit-learn", "numpy", "pandas", "mlflow")
# What a section of a comparison is called, where its name alone does not say it.
_TITLES = {"run": "Run", "environment": "Packages"}


def listed(runs: Sequence[RunRecord], metric: str | None, reporter: Reporter) -> None:
    rows = [(run.run_id, _time(run), _what(run), _result(run, metric)) for run in runs]
    columns = ("run", "started", "what", metric or "result")
    if not runs:
        reporter.emit("No runs")
        return
    reporter.table(counted(len(runs), "run"), columns, rows, whole=columns[:2])


def show(found: RunDetails, reporter: Reporter) -> None:
    run = found.run
    seconds = f" after {run.seconds:.1f} s" if run.seconds is not None else ""
    rows = [
        ("run", run.run_id),
        ("experiment", run.experiment),
        ("recorded in", found.recorded_in),
        ("child of", run.parent or ""),
        ("kind", run.kind),
        ("recipe", run.recipe or ""),
        ("status", f"{run.status}{seconds}{', deleted since' if found.deleted else ''}"),
        ("why", found.failure or ""),
        ("started", run.started.replace("T", " ")),
        ("by", run.user),
        *((f"data ({data.context})", _data(data)) for data in found.data),
        ("rows left out", str(found.rows_left_out or "")),
        ("split", ", ".join(f"{name} {value}" for name, value in found.split.items())),
        ("seed", found.seed or ""),
        ("task", found.task or ""),
        *_metrics(found),
        *((name, _short(value)) for name, value in _own_parameters(found)),
        ("code", _code(found)),
        ("environment", _environment(found)),
        *(("model", f"{uri}{_format(found)}") for uri in found.models),
        *(("registered", _version(item)) for item in found.registered),
        ("artifacts", ", ".join(found.artifacts)),
    ]
    reporter.table(run.name or run.run_id, ("", ""), [row for row in rows if row[1]])
    if found.studio:  # on a line of its own, so that it can be clicked
        reporter.emit(f"Studio: {found.studio}")
    for line in _next(found):
        reporter.emit(f"Next: {line}")


def compare(found: Comparison, reporter: Reporter, *, everything: bool) -> None:
    runs = zip(found.letters, found.runs, strict=True)
    rows = [(letter, run.run_id, _time(run), _what(run)) for letter, run in runs]
    reporter.table("Runs", ("", "run", "started", "what"), rows, whole=("run", "started"))
    sections = found.shown(everything=everything)
    for section, items in sections.items():
        two = section == "metrics" and len(found.runs) == 2
        columns = ["", *found.letters, *(["B - A"] if two else [])]
        if section == "metrics":
            columns.append("better")
        lines = [_line(item, found.letters, columns) for item in items]
        reporter.emit("")
        reporter.table(_TITLES.get(section, section.capitalize()), columns, lines)
    if not sections:
        reporter.emit("\nThere are no differences")
    if found.notice:
        reporter.emit(f"\n{found.notice}")


def best(found: BestRun, reporter: Reporter) -> None:
    rows = [
        ("run", found.run_id),
        (found.metric, f"{found.value:.6g} ({found.goal})"),
        *found.parameters.items(),
        ("model", found.model_uri or ""),
        ("not finished", str(found.unfinished or "")),
    ]
    title = f"Best of {counted(found.runs, 'run')}: {found.name}"
    reporter.table(title, ("", ""), [row for row in rows if row[1]])


def page_path(text: str) -> Path:
    """Return where a page goes, before runs are read in vain."""
    path = expanded(text).absolute()
    if not path.parent.is_dir():
        what: str | None = f"is in a folder that does not exist: {path.parent}"
    else:
        what = _taken(path)
    if what is not None:
        raise ConfigurationError(f"The page {text} {what}", "Name a new file in a folder")
    return path


def _taken(path: Path) -> str | None:
    """Return what keeps a page from being written at a path; an older page is replaced."""
    if path.is_dir():
        return "is a folder"
    if path.is_symlink() or (path.exists() and not path.is_file()):
        return "is a link or a device"
    if path.exists() and path.suffix.lower() not in _PAGES:
        return "already exists, and its name is not a page's (.html)"
    return None


def write_page(path: Path, found: Comparison, *, everything: bool) -> None:
    content = page(found, everything=everything).encode("utf-8", "backslashreplace")
    try:
        atomic_write(path, content)
    except OSError as error:
        raise ConfigurationError(
            f"The page {path} cannot be written: {error.strerror or reason(error)}",
            "Name a file in a folder that can be written",
        ) from error


def _time(run: RunRecord) -> str:
    """Return day and time; of another year, the day."""
    same = run.started[:4] == str(datetime.now().astimezone().year)
    return run.started[5:16].replace("T", " ") if same else run.started[:10]


def _what(run: RunRecord) -> str:
    return run.recipe or run.name or run.kind


def _result(run: RunRecord, metric: str | None) -> str:
    name = metric or run.telling
    value = run.metrics.get(name) if name else None
    measured = "" if value is None else f"{value:.4g}" if metric else f"{name} {value:.4g}"
    if run.status == _FINISHED:
        return measured
    return f"{measured} ({run.status})" if metric else run.status


def _data(data: RecordedDataset) -> str:
    rows = f"{data.rows} rows of " if data.rows is not None else ""
    content = data.sha256 or data.digest
    mark = f" ({content[:_HASH]})" if content else ""
    return f"{rows}{data.source or data.name}{mark}"


def _metrics(found: RunDetails) -> Iterator[tuple[str, str]]:
    """Yield the metrics: first those with an interval, which are of held-out rows."""
    ends = {f"{name}{end}" for name in found.intervals for end in ("_low", "_high")}
    order = sorted(found.metrics, key=lambda name: (name not in found.intervals, name))
    for name in order:
        if name not in ends:
            low, high = found.intervals.get(name, (None, None))
            sure = f" (95 %: {low:.6g} to {high:.6g})" if low is not None else ""
            yield name, f"{found.metrics[name]:.6g}{sure}"


def _own_parameters(found: RunDetails) -> list[tuple[str, str]]:
    """Return the parameters of a model's steps; all of them, of another program."""
    every = list(found.parameters.items())
    return [item for item in every if "__" in item[0]] if found.run.kind == "train" else every


def _code(found: RunDetails) -> str:
    parts = [f"mlproject {found.version}"] if found.version else []
    if found.commit:
        parts.append(f"commit {found.commit[:_HASH]}{', changed since' if found.dirty else ''}")
    return ", ".join(parts)


def _environment(found: RunDetails) -> str:
    packages = found.packages or {}
    named = [f"{name} {packages[name]}" for name in _MAIN_PACKAGES if name in packages]
    return f"{', '.join(named)}; {len(packages)} in all" if packages else ""


def _format(found: RunDetails) -> str:
    return f" ({found.model_format})" if found.model_format else ""


def _version(item: dict[str, str]) -> str:
    aliases = f" ({', '.join(item['aliases'])})" if item["aliases"] else ""
    return f"{item['name']} version {item['version']}{aliases}"


def _next(found: RunDetails) -> Iterator[str]:
    if found.deleted:
        yield f"mlflow runs restore --run-id {found.run.run_id}"
        return
    for uri in found.models[:1]:
        yield f"mlproject score --model {uri} --input FILE --output FILE"
        if not found.registered:
            yield f"mlproject models register --run-id {found.run.run_id} --name NAME"


def _line(row: Row, letters: Sequence[str], columns: Sequence[str]) -> list[str]:
    cells = [row.name, *_cells(row)]
    if "B - A" in columns:
        cells.append("" if row.difference is None else f"{row.difference:+.4g}")
    if "better" in columns:
        cells.append(", ".join(letters[place] for place in row.best or []))
    return cells


def _cells(row: Row) -> list[str]:
    """Return the values as texts; of long ones, from where they begin to differ."""
    texts = row.texts
    longest = _HASH if row.name.endswith(("sha256", "commit")) else _LONGEST
    known = [text for text, value in zip(texts, row.values, strict=True) if value is not None]
    shared = sum(
        1 for _ in takewhile(lambda letters: len({*letters}) == 1, zip(*known, strict=False))
    )
    start = shared - _BEFORE if len({*known}) > 1 else 0
    if start <= 0 or max(map(len, known)) <= longest:
        return [_short(text, longest) for text in texts]
    return [text if text == "-" else f"…{_short(text[start:], longest)}" for text in texts]


def _short(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
