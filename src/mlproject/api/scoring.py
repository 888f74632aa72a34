"""Score a file or a data frame."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

from inference.request import ScoreRequest, ScoreResult
from mlproject.api import arguments
from mlproject.api.opening import Method, opened
from training.request import TrainResult

if TYPE_CHECKING:
    import pandas as pd

Decimal = Literal[".", ","]
Engine = Literal["local", "dask", "spark"]
Format = Literal["csv", "parquet", "jsonl"]
OnError = Literal["fail", "reject"]


def score(
    model: str | TrainResult,
    input: str | PathLike[str],  # noqa: A002 - the name of the option
    output: str | PathLike[str],
    *,
    format: Format | None = None,  # noqa: A002 - the name of the option
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: Decimal | None = None,
    thousands: str | None = None,
    method: Method = "predict",
    keep: str | Sequence[str] = "all",
    on_error: OnError = "fail",
    rejects: str | PathLike[str] | None = None,
    max_rejects: float = 0.1,
    max_drift: float | None = None,
    batch_rows: int | None = None,
    part_size: str | None = None,
    jobs: int | None = None,
    engine: Engine = "local",
    allow_versions: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    report: bool = True,
    track: bool = True,
    progress: bool | None = None,
) -> ScoreResult:
    """Score a file with a model; every row is in the output or among the rejects, in order.

    The other parameters, and errors, are those of ``mlproject.fit``.

    Parameters
    ----------
    model : str or TrainResult
        ``runs:/ID``, ``runs:/ID/NAME``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, a folder,
        or what ``fit`` and ``train`` return.
    input : str or path
        File, glob, folder or URL of CSV, Parquet or JSON Lines; or data of an Azure ML workspace,
        such as ``azureml:NAME@latest``.
    output : str or path
        What to write: ``.csv``, ``.parquet`` or ``.jsonl``; or a folder for parts, with ``/`` at
        the end; also behind a URL, such as ``azureml://datastores/NAME/paths/FOLDER/``.
    format : str, optional
        Of the parts in a folder: ``csv``, ``jsonl``, or ``parquet``, which is the default.
    encoding : str, optional
        Of text files that are not UTF-8, such as ``cp1252``; by default detected in each file.
    delimiter : str, optional
        Delimiter of CSV files: a character, or ``tab``; by default detected in the header.
    decimal : str, optional
        Decimal point in CSV files, ``.`` or ``,``; by default as in the data that the model was
        trained on, or else as in most numbers.
    thousands : str, optional
        Thousands separator in CSV files: ``,``, ``.``, ``'`` or a space; by default a full stop
        where the decimal point is a comma.
    method : str
        ``predict``, or ``predict_proba`` for a column for each class too.
    keep : str or sequence of str
        The input columns that are copied: ``all``, ``none``, or their names.
    on_error : str
        What to do with rows that cannot be scored: ``fail``, or ``reject`` to set them aside.
    rejects : str or path, optional
        Where rejected rows go.
    max_rejects : float
        The share of the rows that may be rejected, from 0 to 1. Beyond it the outputs are complete
        all the same, and the result is the attribute ``result`` of the ``DataError``.
    max_drift : float, optional
        How far a feature or the predictions may have moved from the training rows: their population
        stability index (PSI), such as 0.2. Beyond it the outputs are complete all the same, and the
        result is the attribute ``result`` of the ``GateError``.
    batch_rows : int, optional
        Rows per batch; the result does not depend on it.
    part_size : str, optional
        Size of the parts in which a source is scored, such as ``64MB``.
    jobs : int, optional
        Parts at a time; by default one per core.
    engine : str
        ``local``, ``dask`` or ``spark``.
    allow_versions : bool
        Accept workers that have other versions of packages.
    resume : bool
        Finish an interrupted run.
    overwrite : bool
        Replace an output that is there.
    trust : sequence of str
        Models that may run code when they are loaded: ``pickle``, or ``sha256:…`` for one.
    report : bool
        Write ``scoring.html`` into the scoring run.
    track : bool
        Record a scoring run.
    """
    from inference.score import score as run

    uri, target = arguments.found(model, tracking)
    request = ScoreRequest(
        model=uri,
        input=str(input),
        output=str(output),
        format=format,
        encoding=encoding or None,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        method=method,
        keep=keep if isinstance(keep, str) else arguments.names(keep),
        on_error=on_error,
        rejects=arguments.text(rejects),
        max_rejects=max_rejects,
        max_drift=max_drift,
        report=report,
        batch_rows=batch_rows,
        part_size=part_size or None,
        jobs=jobs,
        engine=engine,
        allow_versions=allow_versions,
        resume=resume,
        overwrite=overwrite,
        trust=arguments.several(trust),
        tracking=target,
        track=track,
    )
    return run(request, arguments.reporter(progress))


def predict(
    model: str | TrainResult,
    frame: pd.DataFrame,
    *,
    method: Method = "predict",
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a data frame as its rows would be scored from a Parquet file.

    The other parameters, and errors, are those of ``mlproject.score``.

    Parameters
    ----------
    model : str or TrainResult
        As for :func:`mlproject.score`.
    frame : DataFrame of shape (n_rows, n_columns)
        Has the columns that the model takes, in any order; others are kept.

    Returns
    -------
    predictions : DataFrame of shape (n_scored, n_columns + n_added)
        The rows that were scored, with their index and columns, and ``prediction``.
    rejects : DataFrame of shape (n_rows - n_scored, 2)
        With the index of the other rows, the ``column`` to blame, if it is one, and the ``reason``.
    """
    from inference.predict import predict as run

    return run(opened(model, method, trust, tracking), frame, method)
