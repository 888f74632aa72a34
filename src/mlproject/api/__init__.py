"""The public API; ``import mlproject`` gives its names, each imported when it is first used.

Every call takes plain arguments and gives a frozen dataclass back, with the keys of ``--json`` as
attributes. It leaves environment, tracking URI, active run and autologging of the process as they
were.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from inference.request import ScoreRequest, ScoreResult
from mlproject.api import arguments
from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError
from mlproject.gate.request import CHAMPION, PromoteRequest
from mlproject.registry.versions import check_name
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.request import TrainRequest, TrainResult

if TYPE_CHECKING:
    import pandas as pd

    from mlproject.gate.promotion import PromotionResult

TrainEngine = Literal["local", "dask"]
ScoreEngine = Literal["local", "dask", "spark"]
Method = Literal["predict", "predict_proba"]
OnError = Literal["fail", "reject"]
Task = Literal["regression", "classification"]
MissingTarget = Literal["fail", "drop"]


def fit(
    search: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    groups: Any = None,
    test_size: float = 0.2,
    cv_only: bool = False,
    name: str | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    tracking: str | PathLike[str] | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    register: str | None = None,
    engine: TrainEngine = "local",
    jobs: int | None = None,
    progress: bool | None = None,
) -> TrainResult:
    """Fit your own estimator, pipeline or search object, and record the run that ``train`` makes.

    There is a child run for every candidate of a search, the best model in a format that loads
    without running code where that is possible, its exact requirements, and the data's hash. The
    run is read back and completed before this returns.

    Parameters
    ----------
    search : estimator
        Anything that follows scikit-learn's API and predicts. It is fitted in place.
    X : DataFrame or array of shape (n_rows, n_features)
    y : Series or array of shape (n_rows,)
    X_test, y_test : optional
        Held-out rows. Without them some of ``X`` are held out.
    groups : array-like of shape (n_rows,), optional
        Rows of one group stay together when rows are held out, and in the folds of the search,
        which have to be grouped: ``cv=GroupKFold(5)``.
    test_size : float
        The share of rows that is held out without ``X_test``, between 0 and 1; of classes in their
        proportion.
    cv_only : bool
        Hold nothing out: metrics are those of the search's cross-validation.
    name : str, optional
        What the training is called; by default the model's class.
    metrics : sequence of str, optional
        Metrics on the held-out rows, as recipes name them; by default those that suit the task, and
        those of the search.
    seed : int
        Of the split.
    tracking : str or path, optional
        A target: ``local``, ``azureml``, or any MLflow URI; by default that of the project.
    experiment, run_name : str, optional
        By default MLflow's current experiment, else ``name``.
    register : str, optional
        Register the best model under this name.
    engine : str
        Where the fits run: ``local`` or ``dask``.
    jobs : int, optional
        Fits at a time; by default what the search says.
    progress : bool, optional
        Show a progress bar; by default on a terminal and in a notebook.

    Raises
    ------
    ConfigurationError, DataError, TrackingError, ModelError
        Subclasses of ``MlprojectError``, each with one line that says what to do.
    """
    from training.execution import Destination, execute
    from training.fit import Choices, Rows, plan

    started = time.perf_counter()
    if not 0 < test_size < 1:
        raise ConfigurationError(f"'test_size': {test_size} is not between 0 and 1")
    request = TrainRequest(
        tracking=arguments.text(tracking),
        experiment=experiment,
        run_name=run_name,
        register=register or None,
        engine=engine,
        jobs=jobs,
        seed=seed,
    )
    check_name(request.register)
    clusters.check_installed(engine)
    destination = Destination(experiment, run_name, request.register, engine, jobs)
    rows = Rows(X, y, X_test, y_test, groups, test_size, cv_only)
    with sessions.opened(resolve(request.tracking)) as session:
        planned = plan(search, rows, Choices(name, arguments.several(metrics), seed))
        result = execute(planned, destination, session, arguments.reporter(progress))
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def train(
    recipe: str | PathLike[str] | None = None,
    *,
    data: str | PathLike[str] | None = None,
    target: str | None = None,
    task: Task | None = None,
    drop: Sequence[str] = (),
    group_by: str | None = None,
    folds: int | None = None,
    test_size: float | None = None,
    missing_target: MissingTarget | None = None,
    encoding: str | None = None,
    budget: str | float | None = None,
    params: Mapping[str, Any] | Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    register: str | None = None,
    engine: TrainEngine = "local",
    jobs: int | None = None,
    seed: int | None = None,
    progress: bool | None = None,
) -> TrainResult:
    """Train a recipe: a tracked search and its best model.

    Parameters
    ----------
    recipe : str or path, optional
        The name of a recipe or the path of a YAML file; ``diabetes-lassolars`` by default, or with
        ``data`` and ``target`` a recipe derived from them.
    data : str or path, optional
        File, glob, folder or URL of CSV, Parquet or JSON Lines, or ``sklearn:NAME``.
    target : str, optional
        The column to predict.
    task : str, optional
        ``regression`` or ``classification``; by default the recipe's, or as the target's values
        tell.
    drop : sequence of str
        Columns to leave out.
    group_by : str, optional
        A column whose equal values stay together when rows are split.
    folds : int, optional
        Folds of cross-validation.
    test_size : float, optional
        The share of the rows that is held out, between 0 and 1.
    missing_target : str, optional
        What becomes of rows without a target: ``fail`` or ``drop``. A recipe that is derived from
        data drops them.
    encoding : str, optional
        Of text; detected by default.
    budget : str or float, optional
        Time for the search: seconds, or a text such as ``60s`` or ``5m``.
    params : mapping of str to object, or sequence of str
        Pipeline parameter to a value, which fixes it, or to a list of values, which makes it an
        axis of the search; or texts as ``--param`` takes them.

    The other parameters, and errors, are those of :func:`fit`.
    """
    from training.train import train as run

    request = TrainRequest(
        recipe=arguments.text(recipe),
        data=arguments.text(data),
        target=target,
        task=task,
        drop=arguments.several(drop) or (),
        group_by=group_by,
        folds=folds,
        test_size=test_size,
        missing_target=missing_target,
        encoding=encoding,
        budget=budget,
        params=arguments.several(params) or (),
        tracking=arguments.text(tracking),
        experiment=experiment,
        run_name=run_name,
        register=register,
        engine=engine,
        jobs=jobs,
        seed=seed,
    )
    return run(request, arguments.reporter(progress))


def score(
    model: str | TrainResult,
    input: str | PathLike[str],  # noqa: A002 - the name of the option
    output: str | PathLike[str],
    *,
    encoding: str | None = None,
    method: Method = "predict",
    keep: str | Sequence[str] = "all",
    on_error: OnError = "fail",
    rejects: str | PathLike[str] | None = None,
    max_rejects: float = 0.1,
    batch_rows: int | None = None,
    jobs: int | None = None,
    engine: ScoreEngine = "local",
    resume: bool = False,
    overwrite: bool = False,
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    track: bool = True,
    progress: bool | None = None,
) -> ScoreResult:
    """Score a file with a model; every row is in the output or among the rejects, in order.

    Parameters
    ----------
    model : str or TrainResult
        ``runs:/ID``, ``runs:/ID/NAME``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, a folder,
        or what ``fit`` and ``train`` return.
    input : str or path
        File, glob, folder or URL of CSV, Parquet or JSON Lines.
    output : str or path
        What to write: ``.csv``, ``.parquet`` or ``.jsonl``.
    encoding : str, optional
        Of text that is not UTF-8, such as ``cp1252``; by default what each file shows.
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
    batch_rows : int, optional
        Rows scored together; the result does not depend on it.
    jobs : int, optional
        Batches at a time.
    engine : str
        ``local``, ``dask`` or ``spark``.
    resume : bool
        Finish an interrupted run.
    overwrite : bool
        Replace an output that is there.
    trust : sequence of str
        Models that may run code when they are loaded: ``pickle``, or ``sha256:…`` for one.
    track : bool
        Record a scoring run.

    The other parameters, and errors, are those of :func:`fit`.
    """
    from inference.score import score as run

    uri, target = arguments.found(model, tracking)
    request = ScoreRequest(
        model=uri,
        input=str(input),
        output=str(output),
        encoding=encoding or None,
        method=method,
        keep=keep if isinstance(keep, str) else arguments.names(keep),
        on_error=on_error,
        rejects=arguments.text(rejects),
        max_rejects=max_rejects,
        batch_rows=batch_rows,
        jobs=jobs,
        engine=engine,
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

    Parameters
    ----------
    model : str or TrainResult
        As for :func:`score`.
    frame : DataFrame of shape (n_rows, n_columns)
        Has the columns that the model takes, in any order; others are kept.

    Returns
    -------
    predictions : DataFrame of shape (n_scored, n_columns + n_added)
        The rows that were scored, with their index and columns, and ``prediction``.
    rejects : DataFrame of shape (n_rows - n_scored, 2)
        With the index of the other rows, the ``column`` to blame, if it is one, and the ``reason``.

    The other parameters, and errors, are those of :func:`score`.
    """
    from inference.predict import predict as run
    from mlproject.models.opening import open_model
    from mlproject.models.trust import in_force

    ScoreRequest(method=method)  # which checks it
    policy = in_force(arguments.several(trust))
    reporter = Reporter(quiet=True)
    uri, target = arguments.found(model, tracking)
    with sessions.opened(resolve(target)) as session:
        opened = open_model(uri, session, policy)
    for notice in opened.notices:
        reporter.warn(notice)
    return run(opened, frame, method)


def promote(
    name: str,
    *,
    version: str | int | None = None,
    to: str = CHAMPION,
    data: str | PathLike[str] | None = None,
    metric: str | None = None,
    improvement: float | None = None,
    confidence: float | None = None,
    resamples: int | None = None,
    seed: int | None = None,
    floor: float | None = None,
    slice_by: Sequence[str] | None = None,
    slice_tolerance: float | None = None,
    slice_rows: int | None = None,
    time_factor: float | None = None,
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
) -> PromotionResult:
    """Move an alias of a registered model to a version, if it passes the gate.

    Parameters
    ----------
    name : str
        Of the registered model.
    version : str or int, optional
        By default the latest.
    to : str
        The alias.
    data : str or path, optional
        Rows to compare on; by default those that the version's run held out.
    metric, improvement, confidence, resamples, seed, floor : optional
    slice_by, slice_tolerance, slice_rows, time_factor : optional
        The rules of the gate, over those of the recipe: see the section ``promotion`` of recipes.

    The other parameters are those of :func:`score`.

    Raises
    ------
    GateError
        When the gate says no. The refusal is recorded, and the alias stays.
    ConfigurationError, DataError, TrackingError, ModelError
        When the two cannot be compared; nothing was moved.
    """
    from mlproject.gate import entry

    rules = {
        "metric": metric,
        "improvement": improvement,
        "confidence": confidence,
        "resamples": resamples,
        "seed": seed,
        "floor": floor,
        "slice_by": arguments.several(slice_by),
        "slice_tolerance": slice_tolerance,
        "slice_rows": slice_rows,
        "time_factor": time_factor,
    }
    request = PromoteRequest(
        name=name,
        version=str(version) if version is not None else None,
        to=to,
        data=arguments.text(data),
        rules={key: value for key, value in rules.items() if value is not None},
        trust=arguments.several(trust),
        tracking=arguments.text(tracking),
    )
    return entry.promote(request, arguments.reporter(progress))


def rollback(
    name: str, *, alias: str = CHAMPION, tracking: str | PathLike[str] | None = None
) -> PromotionResult:
    """Move an alias of a registered model back to the version that it named before.

    Raises
    ------
    TrackingError
        When there is nothing before, or the version is gone.
    """
    from mlproject.gate import promotion

    with sessions.opened(resolve(arguments.text(tracking))) as session:
        return promotion.rollback(session.client, name, alias)
