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
from typing import TYPE_CHECKING, Any

from mlproject.base import clusters
from mlproject.base.console import Reporter
from mlproject.registry.versions import check_name
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from training.request import TrainRequest, TrainResult

if TYPE_CHECKING:
    pass

__all__ = ["TrainResult", "fit", "train"]


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
    tracking: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    register: str | None = None,
    engine: str = "local",
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
        Rows of one group stay together, when rows are held out and in the folds.
    test_size : float
        The share of rows that is held out without ``X_test``, between 0 and 1; of classes in their
        proportion.
    cv_only : bool
        Hold nothing out: metrics are those of cross-validation.
    name : str, optional
        What the training is called; by default the model's class.
    metrics : sequence of str, optional
        Metrics on the held-out rows, as recipes name them; by default those that suit the task, and
        those of the search.
    seed : int
        Of the split.
    tracking : str, optional
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
    check_name(register)
    clusters.check_installed(engine)
    destination = Destination(experiment, run_name, register, engine, jobs)
    rows = Rows(X, y, X_test, y_test, groups, test_size, cv_only)
    with sessions.opened(resolve(tracking)) as session:
        planned = plan(search, rows, Choices(name, metrics, seed))
        result = execute(planned, destination, session, _reporter(progress))
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def train(
    recipe: str | PathLike[str] | None = None,
    *,
    data: str | PathLike[str] | None = None,
    target: str | None = None,
    params: Mapping[str, Any] | None = None,
    tracking: str | None = None,
    experiment: str | None = None,
    run_name: str | None = None,
    register: str | None = None,
    engine: str = "local",
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
    params : mapping of str to object, optional
        Pipeline parameter to a value, which fixes it, or to a list of values, which makes it an
        axis of the search.

    The other parameters, and errors, are those of :func:`fit`.
    """
    from training.train import train as run

    request = TrainRequest(
        recipe=_text(recipe),
        data=_text(data),
        target=target,
        params=params or {},
        tracking=tracking,
        experiment=experiment,
        run_name=run_name,
        register=register,
        engine=engine,
        jobs=jobs,
        seed=seed,
    )
    return run(request, _reporter(progress))


def _text(value: str | PathLike[str] | None) -> str | None:
    return None if value is None else str(value)


def _reporter(progress: bool | None) -> Reporter:
    """Return what shows progress: by default only where somebody sees it move."""
    reporter = Reporter()
    reporter.quiet = not (reporter.is_watched if progress is None else progress)
    return reporter
