"""The rows that a run held out, rebuilt from its recipe; or the rows of another file."""

from __future__ import annotations

from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlproject.base.errors import ConfigurationError, DataError, GateError
from mlproject.base.suggestions import did_you_mean
from mlproject.data.table import Table
from mlproject.tracking import names
from mlproject.tracking.failures import as_tracking_error
from training import catalogue
from training.preparation import loaded, other_rows, validation_rows
from training.recipe import Recipe
from training.rows import labelled
from training.split import Split, positions, split

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Rows that are in the training data too, as a share, from which a comparison is not fair. Rows of
# few distinct values repeat by themselves.
_MOST_SEEN = 0.2


@dataclass(frozen=True)
class Evidence:
    """Rows to compare models on.

    Attributes
    ----------
    recipe : Recipe
        Of the challenger.
    X : DataFrame of shape (n_rows, n_features)
    y : Series of shape (n_rows,)
    columns : DataFrame of shape (n_rows, n_columns)
        Everything that is known of the rows, to slice by.
    source : str
        Where they come from, in words.
    seen : str or None
        Why the challenger is taken to have been trained on them.
    """

    recipe: Recipe
    X: pd.DataFrame
    y: pd.Series[Any]
    columns: pd.DataFrame
    source: str
    seen: str | None = None

    @property
    def inputs(self) -> pd.DataFrame:
        """The rows with every column that any model may ask for, whole numbers as doubles."""
        others = self.columns[[name for name in self.columns if name not in self.X]]
        whole = others.select_dtypes("integer").columns
        return pd.concat([self.X, others.astype(dict.fromkeys(whole, "float64"))], axis=1)

    def check_columns(self, names: list[str]) -> None:
        for name in names:
            if name not in self.columns:
                hint = did_you_mean(name, [str(known) for known in self.columns], noun="columns")
                raise DataError(f"No column '{name}' to slice by in {self.source}", hint)


def of_run(client: MlflowClient, run_id: str, data: str | None = None) -> Evidence:
    """Return the rows that a run held out, or those of a source as its recipe wants them."""
    recipe = _recipe(client, run_id)
    if recipe.data.source is None:
        raise GateError(f"The recipe of run {run_id} names no data")
    table = loaded(recipe)
    _check_unchanged(client, run_id, table)
    # The pipeline is not built: what a recipe from a server names is not called.
    kept = labelled(recipe, table)
    X, y = kept.X, kept.y
    features = [str(name) for name in X.columns]
    validation, of_file = validation_rows(recipe, features, table.dialect)
    rows = split(recipe, table, X, y, of_file)
    if data is None:
        if validation is not None:
            columns = validation.frame
        else:
            columns = table.frame.loc[y.index].iloc[positions(recipe, table, y)[1]]
        source = f"{len(rows.X_test)} rows that run {run_id} held out of {table.source}"
        columns = columns.reset_index(drop=True)
        return Evidence(recipe, rows.X_test, rows.y_test, columns, source)
    return _of_file(recipe, data, table, rows)


def _of_file(recipe: Recipe, data: str, trained_on: Table, rows: Split) -> Evidence:
    features = [str(name) for name in rows.X_train.columns]
    table, kept = other_rows(recipe, data, features, trained_on.dialect)
    X, y = kept.X.reset_index(drop=True), kept.y.reset_index(drop=True)
    columns = table.frame.loc[kept.y.index].reset_index(drop=True)
    known = _hashes(X, y).isin(_hashes(rows.X_train, rows.y_train))
    seen = _seen(table, trained_on, float(known.mean()) if len(known) else 0.0)
    return Evidence(recipe, X, y, columns, f"{len(X)} rows of {data}", seen)


def _recipe(client: MlflowClient, run_id: str) -> Recipe:
    with as_tracking_error(f"The recipe of run {run_id} cannot be read"):
        files = {item.path for item in client.list_artifacts(run_id)}
        if names.RECIPE_FILE not in files:
            raise ConfigurationError(
                f"The run {run_id} has no recipe, from which the rows that it held out follow",
                "Only models that 'python -m training' or mlproject.train made can be compared",
            )
        with TemporaryDirectory(prefix="mlproject-") as folder:
            path = client.download_artifacts(run_id, names.RECIPE_FILE, folder)
            return catalogue.load(str(path))


def _check_unchanged(client: MlflowClient, run_id: str, table: Table) -> None:
    with as_tracking_error(f"The run {run_id} cannot be read"):
        recorded = client.get_run(run_id).data.tags.get(names.DATA_SHA256)
    if recorded is not None and recorded != table.sha256:
        raise GateError(
            f"{table.source} is not what run {run_id} was trained on: its SHA-256 differs",
            "Put the data back as it was, or train again",
        )


def _hashes(X: pd.DataFrame, y: pd.Series[Any]) -> pd.Series[Any]:
    return pd.util.hash_pandas_object(X.assign(**{str(y.name): y.to_numpy()}), index=False)


def _seen(table: Table, trained_on: Table, share: float) -> str | None:
    """Return why a file's rows are taken to be those that a model was trained on."""
    if table.sha256 == trained_on.sha256:
        return f"{table.source} is the data that it was trained on"
    if share <= _MOST_SEEN:
        return None
    return f"{share:.0%} of the rows of {table.source} are rows that it was trained on"
