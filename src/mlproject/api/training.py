"""Train: your own estimator, or a recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Literal

from mlproject.api import arguments
from mlproject.base import clusters
from mlproject.base.errors import ConfigurationError
from mlproject.registry.versions import check_name
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.request import TrainRequest, TrainResult

Decimal = Literal[".", ","]
Engine = Literal["local", "dask"]
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
    engine: Engine = "local",
    jobs: int | None = None,
    report: bool = True,
    learning_curve: bool = False,
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
    report : bool
        Draw plots and write ``report.html`` and a model card into the run.
    learning_curve : bool
        Add a learning curve to the report; the model is fitted again for each point.
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
        report=report,
        learning_curve=learning_curve,
        seed=seed,
    )
    check_name(request.register)
    clusters.check_installed(engine)
    destination = Destination(experiment, run_name, request.register, engine, jobs)
    rows = Rows(X, y, X_test, y_test, groups, test_size, cv_only)
    with sessions.opened(resolve(request.tracking)) as session:
        choices = Choices(name, arguments.several(metrics), seed, report, learning_curve)
        planned = plan(search, rows, choices)
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
    delimiter: str | None = None,
    decimal: Decimal | None = None,
    thousands: str | None = None,
    budget: str | float | None = None,
    params: Mapping[str, Any] | Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    register: str | None = None,
    engine: Engine = "local",
    jobs: int | None = None,
    report: bool = True,
    learning_curve: bool = False,
    seed: int | None = None,
    progress: bool | None = None,
) -> TrainResult:
    """Train a recipe: a tracked search and its best model.

    The other parameters, and errors, are those of ``mlproject.fit``.

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
        What to do with rows without a target: ``fail`` or ``drop``. A recipe that is derived from
        data drops them.
    encoding : str, optional
        Of text; detected by default.
    delimiter : str, optional
        Delimiter of CSV files: a character, or ``tab``; by default detected in the header.
    decimal : str, optional
        Decimal point in CSV files, ``.`` or ``,``; by default as in most numbers.
    thousands : str, optional
        Thousands separator in CSV files: ``,``, ``.``, ``'`` or a space; by default a full stop
        where the decimal point is a comma.
    budget : str or float, optional
        Time for the search: seconds, or a text such as ``60s`` or ``5m``.
    params : mapping of str to object, or sequence of str
        Pipeline parameter to a value, which fixes it, or to a list of values, which makes it an
        axis of the search; or texts as ``--param`` takes them.
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
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        budget=budget,
        params=arguments.several(params) or (),
        tracking=arguments.text(tracking),
        experiment=experiment,
        run_name=run_name,
        register=register,
        engine=engine,
        jobs=jobs,
        report=report,
        learning_curve=learning_curve,
        seed=seed,
    )
    return run(request, arguments.reporter(progress))
