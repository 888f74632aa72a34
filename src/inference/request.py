"""What is asked for, checked before anything is read, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from mlproject.base.errors import ConfigurationError
from mlproject.base.files import expanded
from mlproject.base.options import (
    BetweenThousands,
    DecimalPoint,
    Delimiter,
    Option,
    Options,
    Tracking,
    Trust,
    jobs,
)
from mlproject.data import dialects
from mlproject.data.dialects import DialectOptions
from mlproject.data.encodings import checked
from mlproject.data.source import file_format

FAIL, REJECT = "fail", "reject"


@dataclass(frozen=True)
class ScoreRequest(Options):
    """What a scoring is asked for with."""

    run_id: Annotated[
        str | None, Option("Run whose best model scores; or give a model.", metavar="ID")
    ] = None
    model: Annotated[
        str | None,
        Option(
            "Model: runs:/ID/NAME, models:/NAME/VERSION, models:/NAME@ALIAS, or a folder.",
            metavar="URI",
        ),
    ] = None
    input: Annotated[
        str | None,
        Option(
            "File, glob, folder or URL of CSV, Parquet or JSON Lines (also .gz).",
            metavar="SOURCE",
            required=True,
        ),
    ] = None
    output: Annotated[
        str | None,
        Option("File to write: .csv, .parquet or .jsonl.", metavar="FILE", required=True),
    ] = None
    encoding: Annotated[
        str | None,
        Option(
            "Encoding of text that is not UTF-8, such as cp1252.",
            metavar="NAME",
            unset="seen in each file",
            in_project=False,
        ),
    ] = None
    delimiter: Delimiter = None
    decimal: DecimalPoint = None
    thousands: BetweenThousands = None
    method: Annotated[
        Literal["predict", "predict_proba"],
        Option("What the model is asked; predict_proba adds a column for each class."),
    ] = "predict"
    keep: Annotated[
        str, Option("Input columns to copy to the output.", metavar="all|none|COL,COL")
    ] = "all"
    on_error: Annotated[
        Literal["fail", "reject"],
        Option("What to do with rows that cannot be scored: fail at the first, or set them aside."),
    ] = "fail"
    rejects: Annotated[
        str | None,
        Option("Where rejected rows go; by default OUTPUT.rejects.csv.", metavar="FILE"),
    ] = None
    max_rejects: Annotated[
        float,
        Option(
            "Share of the rows that may be rejected, such as 0.05 or 5%; beyond it the outputs are "
            "written all the same, and the exit code is 3.",
            metavar="SHARE",
            minimum=0,
            maximum=1,
        ),
    ] = 0.1
    batch_rows: Annotated[
        int | None,
        Option(
            "Rows scored together, rounded up; the result does not depend on it.",
            minimum=1,
            expected="a number of rows, 1 or more",
        ),
    ] = None
    jobs: Annotated[int | None, jobs("batches")] = None
    engine: Annotated[Literal["local", "dask", "spark"], Option("Where batches are scored.")] = (
        "local"
    )
    resume: Annotated[
        bool, Option("Finish an interrupted run; what it has scored is not scored again.")
    ] = False
    overwrite: Annotated[
        bool,
        Option("Replace an existing output, and start over after an interruption."),
    ] = False
    trust: Trust = ()
    tracking: Tracking = None
    track: Annotated[bool, Option("Record no scoring run.", in_project=False)] = True

    @property
    def dialect(self) -> DialectOptions:
        """What is said of how CSV files are written."""
        return dialects.checked(self.delimiter, self.decimal, self.thousands)


@dataclass(frozen=True)
class ScoreResult:
    """A finished scoring.

    Attributes
    ----------
    most_rejected : dict or None
        What most rejects are due to: ``column`` (None for the row as a whole), ``rows``, and an
        ``example``, the first of them.
    """

    run_id: str | None
    model_uri: str
    rows_in: int
    rows_out: int
    rows_rejected: int
    output: str
    rejects: str | None
    seconds: float
    rows_per_second: float
    peak_rss_mb: float | None
    manifest: str
    scoring_run_id: str | None = None
    rows_resumed: int = 0
    model_version: str | None = None
    most_rejected: dict[str, Any] | None = None


def blamed(most_rejected: Mapping[str, Any]) -> str:
    """Return what most rejects are due to, in words."""
    column = most_rejected["column"]
    return "the row as a whole" if column is None else f"the column '{column}'"


@dataclass(frozen=True)
class OutputPaths:
    """Where the files go."""

    output: Path
    format: str
    rejects: Path | None
    rejects_format: str


def output_paths(options: ScoreRequest) -> OutputPaths:
    if not options.input:
        raise ConfigurationError("No data is given", "Give --input SOURCE")
    if not options.output:
        raise ConfigurationError(
            "No output is given", "Give --output FILE (.csv, .parquet or .jsonl)"
        )
    if options.encoding:
        checked(options.encoding)
    _ = options.dialect
    output, kind = _place(options.output, "--output")
    if bool(options.run_id) == bool(options.model):
        raise ConfigurationError(
            "--run-id and --model are both given" if options.model else "No model is given",
            "Give --run-id ID or --model URI",
        )
    rejects = None
    rejects_kind = "csv"
    if options.on_error == REJECT:
        name = options.rejects or str(output.with_name(f"{output.name}.rejects.csv"))
        rejects, rejects_kind = _place(name, "--rejects")
        if rejects.absolute() == output.absolute():
            raise ConfigurationError("--rejects and --output name the same file")
    elif options.rejects:
        raise ConfigurationError("--rejects is given without --on-error reject")
    given = Path(options.input)
    for path, option in ((output, "--output"), (rejects, "--rejects")):
        if path is not None and _are_one(path, given):
            raise ConfigurationError(f"{option} names the input itself, {given}")
    return OutputPaths(output, kind, rejects, rejects_kind)


def _are_one(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):  # one of them is not there, or has a name that none has
        return False


def _place(name: str, option: str) -> tuple[Path, str]:
    path = expanded(name)
    if path.is_symlink():
        path = path.resolve()  # what it points to is written, and the link stays
    known = file_format(path.name)
    if known is None or known[1] or path.suffix.lower() == ".ndjson":
        raise ConfigurationError(
            f"{option} {name} has an unknown ending", "Written are .csv, .parquet and .jsonl"
        )
    if path.is_dir():
        raise ConfigurationError(f"{option} {name} is a folder", "Give a file")
    if not path.parent.is_dir():
        raise ConfigurationError(f"{option}: there is no folder {path.parent}")
    return path, known[0]
