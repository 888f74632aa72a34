"""Score a Dask data frame where its rows are: ``mlproject.dask.score(ddf, model)``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from mlproject.api import arguments
from mlproject.api.opening import Method, opened
from mlproject.base import clusters
from training.request import TrainResult

if TYPE_CHECKING:
    import pandas as pd
    from dask.dataframe import DataFrame

    from inference.rows import RowScorer


def score(
    ddf: DataFrame,
    model: str | TrainResult,
    *,
    method: Method = "predict",
    trust: Sequence[str] = (),
    tracking: str | PathLike[str] | None = None,
    allow_versions: bool = False,
) -> DataFrame:
    """Return a Dask data frame with predictions beside its rows; nothing is computed yet.

    The workers need the packages that the model needs, and none of this project: it travels with
    the model, which each of them gets once.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
        Has the columns that the model takes, in any order; others are kept.
    model : str or TrainResult
        As for :func:`mlproject.score`. It is opened here, not by the workers.
    method : str
        ``predict``, or ``predict_proba`` for a column for each class too.
    allow_versions : bool
        Accept workers that have other versions of packages.

    Returns
    -------
    dask.dataframe.DataFrame
        Every row of ``ddf``, with its index, divisions and columns, the predictions as in a scored
        file (``prediction``, ``probability_…``), and ``reject_reason``. That is missing where the
        row was scored; else it says why not, and the predictions are missing. So whole numbers,
        truth values and texts that are predicted have the types of pandas that know gaps.

    Raises
    ------
    ConfigurationError
        When a column has a name that scoring adds; when the model has no such method.
    DataError
        When a column is missing that the model takes.

    The other parameters, and errors, are those of :func:`mlproject.predict`.
    """
    clusters.check_installed("dask")
    from dask.base import is_dask_collection
    from dask.delayed import delayed

    if not (is_dask_collection(ddf) and hasattr(ddf, "map_partitions") and hasattr(ddf, "columns")):
        raise arguments.other_frame("Dask", ddf)
    from inference.engines.probing import versions
    from inference.engines.shipping import Cargo, loader
    from inference.rows import RowScorer, refuse_names

    names = [str(name) for name in ddf.columns]
    rows = RowScorer.of(opened(model, method, trust, tracking), method, names)
    refuse_names(names, rows.added.names)
    cargo = Cargo.of(rows)
    # One task, whose result a worker gets from another.
    name = f"mlproject-{cargo.code_sha256[:16]}-{cargo.task_sha256}"
    content = delayed(cargo.content, name=name, traverse=False)
    scoring = _scoring(loader(None if allow_versions else versions()))
    untyped: Any = ddf
    scored: DataFrame = untyped.map_partitions(scoring, content, meta=rows.frame(untyped._meta))
    return scored


def _scoring(load: Callable[[Any], RowScorer]) -> Callable[[pd.DataFrame, Any], pd.DataFrame]:
    """Return what a worker runs: pickled by value, so that it needs nothing that is here."""

    def scored(frame: pd.DataFrame, cargo: Any) -> pd.DataFrame:
        return load(cargo).frame(frame)

    return scored
