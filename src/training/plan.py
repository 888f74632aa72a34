"""A plan: everything that is known of a training before a server is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sklearn.model_selection import ParameterGrid
from sklearn.model_selection._search import BaseSearchCV

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError
from mlproject.data.column_formats import ColumnFormat
from mlproject.data.dialects import Dialect, DialectOptions
from mlproject.tracking.datasets import Dataset
from training.metrics import Metric
from training.recipe import Task
from training.split import Split


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a source, as training sees them.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
    source : str or None
        Files on this machine that can be read once more.
    """

    X: pd.DataFrame
    source: str | None
    encoding: str | None = None
    dialect: DialectOptions = DialectOptions()


@dataclass(frozen=True)
class Plan:
    """What is fitted on which rows, how it is measured, and what is to be recorded with it.

    Attributes
    ----------
    name : str
        What the training is called, and by default its experiment.
    search : estimator
        An unfitted search object, or the pipeline itself where there is no search.
    scoring : mapping of str to Metric
        The metrics of each candidate, by the name that the run records.
    refit : str or None
        The one of them that chooses the best candidate.
    held_out : mapping of str to Metric
        The metrics on the held-out rows.
    dataset, held_out_dataset : Dataset
        Where the rows come from; the second where the held-out ones come from elsewhere.
    example : DataFrame or array of a few rows
        Training rows as the model will be given them.
    types : mapping of str to str, optional
        Column to MLflow's type; None for rows of a caller's own.
    imports : sequence of str
        Modules of the user's own that are stored with the model.
    tags, files : mapping of str to str
        What the run holds beside what every run does, such as the recipe.
    formats : mapping of str to ColumnFormat
        Columns of text that are read as numbers, times or dates.
    dialect : Dialect, optional
        How the CSV files of the source are written.
    first_rows : FirstRows, optional
        The rows that the model is to score in the end; None for rows of a caller's own.
    threshold : Metric, optional
        The metric for which the threshold between two classes is tuned.
    notices : sequence of str
        What should be told.
    left_out : mapping of str to str
        Columns that are no features, and why.
    rows_left_out : mapping of str to int
        Why rows of the source are neither trained on nor held out, and how many.
    report : bool
        Whether the run gets plots, a report and a model card.
    learning_curve : bool
        Whether its report shows how the model gets better with more rows.
    """

    name: str
    task: Task
    search: Any
    rows: Split
    scoring: Mapping[str, Metric]
    refit: str | None
    held_out: Mapping[str, Metric]
    dataset: Dataset
    seed: int
    example: Any
    target: str | None = None
    types: Mapping[str, str] | None = None
    held_out_dataset: Dataset | None = None
    imports: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    first_rows: FirstRows | None = None
    formats: Mapping[str, ColumnFormat] = field(default_factory=dict)
    dialect: Dialect | None = None
    threshold: Metric | None = None
    notices: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    rows_left_out: Mapping[str, int] = field(default_factory=dict)
    report: bool = True
    learning_curve: bool = False

    def __post_init__(self) -> None:
        if self.learning_curve and not self.report:
            raise ConfigurationError(
                "The learning curve is drawn in the report, which is left out",
                "Leave out one of --learning-curve and --no-report, or 'report: false'",
            )

    @property
    def deciding(self) -> Metric | None:
        """The metric that chooses the best candidate; else the first on the held-out rows."""
        if self.refit in self.scoring:
            return self.scoring[str(self.refit)]
        return next(iter(self.held_out.values()), None)

    @property
    def searches(self) -> bool:
        """Whether candidates are compared, rather than one pipeline fitted."""
        return is_search(self.search)

    @property
    def described(self) -> str:
        """How many candidates and folds there are, as far as that is known before."""
        if not self.searches:
            return "one fit"
        count, folds = count_of(self.search), _folds(self.search)
        candidates = "candidates" if count is None else counted(count, "candidate")
        return f"{candidates}, {counted(folds, 'fold')}" if folds is not None else candidates


def is_search(estimator: Any) -> bool:
    """Whether an estimator compares candidates, as grid search does; others have folds too."""
    parts = all(hasattr(estimator, name) for name in ("cv", "estimator", "refit"))
    return parts and (isinstance(estimator, BaseSearchCV) or hasattr(estimator, "search_spaces"))


def count_of(search: Any) -> int | None:
    """Return how many candidates a search tries; None where it cannot be known before."""
    if hasattr(search, "n_iter"):
        return int(search.n_iter)
    grid = getattr(search, "param_grid", None)
    return len(ParameterGrid(grid)) if grid is not None else None


def _folds(search: Any) -> int | None:
    if search.cv is None:
        return 5  # scikit-learn's default
    found = search.cv if isinstance(search.cv, int) else getattr(search.cv, "n_splits", None)
    return int(found) if found is not None else None
