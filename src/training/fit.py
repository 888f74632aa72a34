"""Your own estimator: from arrays and an unfitted pipeline or search to a plan."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import is_classifier, is_regressor
from sklearn.model_selection import PredefinedSplit, check_cv
from sklearn.model_selection._split import _CVIterableWrapper
from sklearn.utils import _safe_indexing

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError, reason
from mlproject.tracking.datasets import IN_MEMORY, Dataset
from training import metrics, pipeline, signature
from training.auto import infer_task
from training.plan import Plan, is_search
from training.recipe import SplitKind, Task
from training.split import Rule, Split

# Of a metric or a parameter (mlflow.utils.validation).
_RECORDABLE = re.compile(r"[/\w.\- :]{1,250}")


@dataclass(frozen=True)
class Rows:
    """A caller's rows, and how some of them are held out.

    Attributes
    ----------
    X : DataFrame or array of shape (n_rows, n_features)
    y : Series or array of shape (n_rows,)
    X_test, y_test : the same, of other rows, or None
    groups : array-like of shape (n_rows,), optional
        Rows of one group stay together.
    test_size : float
        The share that is held out where ``X_test`` is None.
    cv_only : bool
        Hold nothing out.
    """

    X: Any
    y: Any
    X_test: Any = None
    y_test: Any = None
    groups: Any = None
    test_size: float = 0.2
    cv_only: bool = False

    def checked(self) -> Rows:
        """Return the same rows in forms that scikit-learn and MLflow both take."""
        given = {"X": self.X, "X_test": self.X_test}
        tables = {name: _array(table, name) for name, table in given.items() if table is not None}
        if self.X is None or self.y is None:
            raise ConfigurationError("fit needs X and y", "Give the rows and their target")
        for name, y in (("y", self.y), ("y_test", self.y_test)):
            missing = int(pd.isna(np.asarray(y)).sum()) if y is not None else 0
            if missing:
                raise DataError(
                    f"{name} is missing in {missing} of {counted(len(y), 'row')}",
                    "Fill or remove them",
                )
        return replace(self, **tables)

    def split(self, task: Task, seed: int) -> Split:
        if (self.X_test is None) != (self.y_test is None):
            raise ConfigurationError("X_test and y_test belong together", "Give both, or neither")
        if self.cv_only and self.X_test is not None:
            raise ConfigurationError("cv_only holds nothing out, and X_test is given")
        X, y, groups = self.X, self.y, self.groups
        for name, other in (("y", y), ("groups", groups)):
            if other is not None and _length(other) != _length(X):
                raise DataError(
                    f"X has {counted(_length(X), 'row')}, and {name} has {_length(other)}"
                )
        if self.cv_only or self.X_test is not None:
            return Split(X, self.X_test, y, self.y_test, groups)
        kind: SplitKind = "stratified" if task == "classification" else "random"
        rule = Rule("group" if groups is not None else kind, self.test_size, seed)
        try:
            train, test = rule.positions(y, pd.Series(groups) if groups is not None else None)
        except ValueError as error:
            raise DataError(
                f"The rows cannot be split: {reason(error)}", "Give X_test and y_test, or cv_only"
            ) from error
        return Split(
            _part(X, train),
            _part(X, test),
            _part(y, train),
            _part(y, test),
            _part(groups, train) if groups is not None else None,
        )


@dataclass(frozen=True)
class Choices:
    """What a caller may choose of a fit; None is not given."""

    name: str | None = None
    metrics: Sequence[str] | None = None
    seed: int = 0
    report: bool = True
    learning_curve: bool = False


def plan(search: Any, rows: Rows, choices: Choices) -> Plan:
    searches = is_search(search)
    estimator = search.estimator if searches else search
    _check(search, estimator)
    if rows.cv_only and not searches:
        raise ConfigurationError(
            "cv_only measures by the folds of a search, and there is none",
            "Leave it out, or give GridSearchCV(estimator, {}, cv=5)",
        )
    rows = rows.checked()
    task = _task(search, rows.y)
    if searches and rows.groups is not None:
        _check_folds(search, rows.y)
    split = rows.split(task, choices.seed)
    scoring = metrics.of_scoring(search.scoring, task) if searches else {}
    _check_names([*scoring, *(metric.key for metric in scoring.values() if len(scoring) > 1)])
    _check_names(estimator.get_params(deep=True))
    _check_grids(search, estimator)
    classes = np.unique(rows.y) if task == "classification" else None
    given = choices.metrics or list(
        dict.fromkeys([*metrics.usual(task, estimator, rows.y), *scoring])
    )
    known = {name: scoring.get(name) or metrics.resolve(name, task, classes) for name in given}
    kind = type(estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator).__name__
    return Plan(
        name=choices.name or kind,
        task=task,
        search=search,
        rows=split,
        scoring=scoring,
        refit=_refit(search, scoring),
        held_out=known if split.y_test is not None else {},
        dataset=_dataset(rows.X, rows.y),
        held_out_dataset=_dataset(rows.X_test, rows.y_test) if rows.X_test is not None else None,
        seed=choices.seed,
        example=signature.example(_widened(split.X_train)),
        report=choices.report,
        learning_curve=choices.learning_curve,
    )


def _check(search: Any, estimator: Any) -> None:
    for method in ("fit", "get_params"):
        if isinstance(search, type) or not hasattr(search, method):
            raise ConfigurationError(
                f"{search!r} is not an estimator", "Give an instance of a scikit-learn class"
            )
    if is_search(search) and search.refit is False:
        raise ConfigurationError(
            "The search has refit=False, so there would be no best model", "Set refit=True"
        )
    if not hasattr(estimator, "predict"):
        raise ConfigurationError(
            f"{type(estimator).__name__} does not predict", "Make the last step a model"
        )


def _check_folds(search: Any, y: Any) -> None:
    """Raise ConfigurationError for folds of scikit-learn's that would tear groups apart."""
    kind = type(check_cv(search.cv, y, classifier=is_classifier(search.estimator)))
    fixed = issubclass(kind, (_CVIterableWrapper, PredefinedSplit))
    if kind.__module__.startswith("sklearn.") and "Group" not in kind.__name__ and not fixed:
        raise ConfigurationError(
            f"The folds of the search ({kind.__name__}) do not keep groups together",
            "Give it cv=GroupKFold(5), or StratifiedGroupKFold(5) for classes",
        )


def _check_grids(search: Any, estimator: Any) -> None:
    """Raise ConfigurationError for an axis that the pipeline has not, with the nearest name."""
    given = getattr(search, "param_grid", None) or getattr(search, "param_distributions", {})
    for grid in given if isinstance(given, list) else [given]:
        # What a replaced step brings along is known only to scikit-learn.
        steps = [
            name
            for name, values in grid.items()
            if isinstance(values, (list, tuple)) and any(hasattr(v, "fit") for v in values)
        ]
        for name in grid:
            if not any(name.startswith(f"{step}__") for step in steps):
                pipeline.check_name(estimator, name)


def _check_names(names: Iterable[str]) -> None:
    """Raise ConfigurationError for a name that MLflow records no metric or parameter under."""
    for name in names:
        if not _RECORDABLE.fullmatch(name):
            raise ConfigurationError(
                f"'{name}' cannot be recorded as the name of a metric or a parameter",
                "MLflow takes letters, digits, '_', '-', '.', ':', '/' and spaces, at most 250",
            )


def _widened(example: Any) -> Any:
    """Return rows with whole numbers as doubles: other rows may have fractions, or gaps."""
    if not isinstance(example, pd.DataFrame):
        return example
    whole = [name for name, kind in example.dtypes.items() if kind.kind in "iu"]
    return example.astype(dict.fromkeys(whole, "float64"))


def _task(search: Any, y: Any) -> Task:
    if is_classifier(search):
        return "classification"
    return "regression" if is_regressor(search) else infer_task(pd.Series(np.ravel(y)))


def _refit(search: Any, scoring: dict[str, metrics.Metric]) -> str | None:
    chosen = getattr(search, "refit", None)
    if isinstance(chosen, str):
        return next((name for name, metric in scoring.items() if metric.key == chosen), None)
    return next(iter(scoring), None)


def _dataset(X: Any, y: Any) -> Dataset:
    digest = hashlib.sha256()
    for table in (X, y):
        for part in _bytes(table):
            digest.update(part)
    name = Path(sys.argv[0]).stem if sys.argv and sys.argv[0] else "data"
    return Dataset(
        IN_MEMORY, name or "data", digest.hexdigest(), _length(X), int(np.prod(np.shape(X)))
    )


def _bytes(table: Any) -> list[bytes]:
    """Return what sets the content of a table apart: names, types and values, in order."""
    if sparse.issparse(table):
        parts = table.tocsr()
        return [a.tobytes() for a in (parts.data, parts.indices, parts.indptr)]
    frame = pd.DataFrame(table)
    names = repr([(str(name), str(kind)) for name, kind in frame.dtypes.items()])
    try:
        rows = pd.util.hash_pandas_object(frame, index=False)
    except TypeError:  # lists and the like, which have no hash
        rows = pd.util.hash_pandas_object(frame.map(repr), index=False)
    return [names.encode(), rows.to_numpy().tobytes()]


def _array(table: Any, name: str) -> Any:
    if isinstance(table, pd.DataFrame):
        return table
    if sparse.issparse(table):
        return sparse.csr_matrix(table)
    array = np.asarray(table)
    if array.ndim != 2:
        raise DataError(f"{name} has {array.ndim} dimensions; rows and columns are needed")
    return array


def _length(table: Any) -> int:
    return int(table.shape[0]) if hasattr(table, "shape") else len(table)


def _part(table: Any, rows: Any) -> Any:
    part = _safe_indexing(table, rows)
    return part.reset_index(drop=True) if hasattr(part, "reset_index") else part
