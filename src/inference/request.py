"""What is asked for, checked before anything is read, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mlproject.base.options import (
    BetweenThousands,
    DecimalPoint,
    Delimiter,
    Option,
    Options,
    Tracking,
    Trust,
    jobs,
    size_in_bytes,
)
from mlproject.data import dialects
from mlproject.data.dialects import DialectOptions

FAIL, REJECT = "fail", "reject"
_MOST_TOLD = 5


@dataclass(frozen=True)
class ScoreRequest(Options):
    """What a scoring is asked for with."""

    run_id: Annotated[
        str | None, Option("Run whose best model is used; or give --model.", metavar="ID")
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
            "File, glob, folder or URL of CSV, Parquet or JSON Lines (also .gz), or data of an "
            "Azure ML workspace (azureml:NAME, azureml://datastores/...).",
            metavar="SOURCE",
            required=True,
        ),
    ] = None
    output: Annotated[
        str | None,
        Option(
            "File to write: .csv, .parquet or .jsonl; or a folder, with / at its end, or a URL.",
            metavar="FILE|FOLDER/",
            required=True,
        ),
    ] = None
    format: Annotated[
        Literal["csv", "parquet", "jsonl"] | None,
        Option("Format of the parts in a folder.", unset="parquet", in_project=False),
    ] = None
    encoding: Annotated[
        str | None,
        Option(
            "Encoding of text files that are not UTF-8, such as cp1252.",
            metavar="NAME",
            unset="detected in each file",
            in_project=False,
        ),
    ] = None
    delimiter: Delimiter = None
    decimal: DecimalPoint = None
    thousands: BetweenThousands = None
    method: Annotated[
        Literal["predict", "predict_proba"],
        Option("Method of the model to call; predict_proba adds a column for each class."),
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
        Option("File for rejected rows; by default OUTPUT.rejects.csv.", metavar="FILE"),
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
    max_drift: Annotated[
        float | None,
        Option(
            "How far a feature or the predictions may have moved from the training rows, as their "
            "population stability index (PSI), such as 0.2; beyond it the outputs are written all "
            "the same, and the exit code is 6.",
            metavar="PSI",
            above=0,
        ),
    ] = None
    report: Annotated[bool, Option("Do not write scoring.html.", in_project=False)] = True
    batch_rows: Annotated[
        int | None,
        Option(
            "Rows per batch, rounded up; the result does not depend on it.",
            minimum=1,
            expected="a number of rows, 1 or more",
        ),
    ] = None
    part_size: Annotated[
        str | None,
        Option(
            "Size of the parts in which a source is scored, such as 64MB.",
            metavar="SIZE",
            unset="a sixteenth of the source, from 8MB to 128MB",
        ),
    ] = None
    jobs: Annotated[int | None, jobs("parts", unset="one per core")] = None
    engine: Annotated[
        Literal["local", "dask", "spark"], Option("Engine that scores the parts.")
    ] = "local"
    allow_versions: Annotated[
        bool,
        Option("Accept workers that have other versions of packages.", in_project=False),
    ] = False
    resume: Annotated[
        bool, Option("Finish an interrupted run; what it has scored is not scored again.")
    ] = False
    overwrite: Annotated[
        bool,
        Option("Replace an existing output, and start over after an interruption."),
    ] = False
    trust: Trust = ()
    tracking: Tracking = None
    track: Annotated[bool, Option("Do not record a scoring run.", in_project=False)] = True

    @property
    def part_bytes(self) -> int | None:
        """The size of parts in bytes. A ConfigurationError when it is none."""
        return None if self.part_size is None else size_in_bytes("--part-size", self.part_size)

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
    drift : dict or None
        How the rows differ from those that the model was trained on, where it has a profile of
        them: ``rows`` that were compared, the largest ``psi`` of a ``column`` that differs by more
        than chance (0 and None where none does), and all that are ``differing``.
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
    drift: dict[str, Any] | None = None


def blamed(most_rejected: Mapping[str, Any]) -> str:
    """Return what most rejects are due to, in words."""
    column = most_rejected["column"]
    return "the row as a whole" if column is None else f"the column '{column}'"


def drifted(drift: Mapping[str, Any], differing: Sequence[Mapping[str, Any]]) -> str:
    """Return which columns differ from the training rows, and by how much, in words."""
    if not drift["rows"]:
        return "no row could be compared"
    if not differing:
        return "no column differs by more than chance"
    told = [f"{_called(item)} (PSI {item['psi']:.2f})" for item in differing[:_MOST_TOLD]]
    more = len(differing) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _called(item: Mapping[str, Any]) -> str:
    return "the predictions" if item["of"] == "prediction" else f"column '{item['column']}'"
