"""The rows to compare on: those that a run held out, or those of another source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError, GateError
from mlproject.base.suggestions import did_you_mean
from mlproject.data import row_hashes
from mlproject.data import table as tables
from mlproject.data.dialects import DialectOptions
from mlproject.data.row_hashes import RowHashes
from mlproject.data.schema import Feature
from mlproject.data.table import Table
from mlproject.gate.contenders import Contender, features_of
from training.checks import has_order, plain, plain_target, refuse_time
from training.preparation import loaded, other_rows, validation_rows
from training.recipe import Recipe, Task
from training.rows import OTHER, labelled
from training.rules import Rules
from training.split import Split, positions, split


@dataclass(frozen=True)
class Evidence:
    """Rows to compare on.

    Attributes
    ----------
    X : DataFrame of shape (n_rows, n_features)
    y : Series of shape (n_rows,)
    columns : DataFrame of shape (n_rows, n_columns)
        Everything that is known of the rows, to slice and to group by.
    source : str
        Where they come from, in words.
    run_id : str or None
        The run whose recipe they follow from.
    held_out : bool
        Whether that run held them out of its own data.
    trained_on : RowHashes or None
        What that run was trained on.
    group, time : str or None
        The column whose equal values belong together, and the one in whose order rows depend on
        each other.
    """

    task: Task
    X: pd.DataFrame
    y: pd.Series[Any]
    columns: pd.DataFrame
    source: str
    run_id: str | None = None
    held_out: bool = False
    trained_on: RowHashes | None = None
    group: str | None = None
    time: str | None = None

    @cached_property
    def inputs(self) -> pd.DataFrame:
        """The rows with every column that any model may ask for, whole numbers as doubles.

        The target is none of them: a model without names for its columns takes what there is.
        """
        known = {*self.X, self.y.name}
        others = self.columns[[name for name in self.columns if name not in known]]
        whole = others.select_dtypes("integer").columns
        return pd.concat([self.X, others.astype(dict.fromkeys(whole, "float64"))], axis=1)

    def require(self, names: Sequence[str], use: str) -> None:
        for name in names:
            if name not in self.columns:
                hint = did_you_mean(name, [str(known) for known in self.columns], noun="columns")
                raise DataError(f"No column '{name}' to {use} by in {self.source}", hint)

    def drawn_by(self, rules: Rules, recipe: Recipe | None) -> Evidence:
        """Return the same rows with what they depend on each other by.

        An option says it, or else the split of the recipe.
        """
        group, time = rules.group_by, rules.time_by
        if group is None and time is None and recipe is not None:
            group, time = recipe.split.group, recipe.split.time
        if self.y.name in (group, time):
            how = "group" if self.y.name == group else "order"
            raise ConfigurationError(
                f"'{self.y.name}' is the target, and not a column to {how} rows by",
                f"Choose another column to {how} by",
            )
        self.require([name for name in (group,) if name], "group")
        self.require([name for name in (time,) if name], "order")
        evidence = replace(self, group=group, time=time)
        if time is None:
            return evidence
        missing = int(self.columns[time].isna().sum())
        if missing:
            raise DataError(
                f"The column to order by '{time}' is missing in {missing} of {self.source}",
                "Fill or remove them, or order by another column",
            )
        has_order(self.columns[time], self.source)
        return evidence.only(self.columns[time].argsort(kind="stable").to_numpy())

    def only(self, rows: np.ndarray[Any, Any]) -> Evidence:
        """Return some of the rows, by their positions or a mask."""
        parts = {
            name: getattr(self, name).iloc[rows].reset_index(drop=True)
            for name in ("X", "y", "columns")
        }
        return replace(self, **parts)


def check_target(contenders: Sequence[Contender], target: str | None) -> None:
    """Raise ConfigurationError when a model takes what is to be predicted."""
    for contender in contenders:
        recipe = contenders[0].recipe
        asked = target or (recipe.data.target if recipe is not None else None)
        if asked in {feature.name for feature in contender.model.schema.features}:
            raise ConfigurationError(
                f"The target '{asked}' is a feature of {contender.uri}",
                "Name what the models predict: --target COLUMN",
            )


def held_out(contender: Contender) -> Evidence:
    """Return the rows that a model's run held out, rebuilt from its recipe."""
    recipe = contender.recipe
    if recipe is None or recipe.data.source is None:
        raise ConfigurationError(
            f"{contender.uri} has no recipe that tells which rows it held out",
            "Give rows to compare on: --data SOURCE --target COLUMN",
        )
    table = loaded(recipe)
    _check_unchanged(contender, table.source, table.sha256)
    # The pipeline is not built: what a recipe from a server names is not called.
    kept = labelled(recipe, table)
    features = [str(name) for name in kept.X.columns]
    validation, of_file = validation_rows(recipe, features, table.dialect)
    rows = split(recipe, table, kept.X, kept.y, of_file)
    if validation is not None:
        _check_held_out(contender, validation)
        return _of_file(contender, rows, validation)
    columns = table.frame.loc[kept.y.index].iloc[positions(recipe, table, kept.y)[1]]
    return Evidence(
        recipe.task,
        rows.X_test,
        rows.y_test,
        columns.reset_index(drop=True),
        f"{counted(len(rows.X_test), 'row')} that run {contender.run_id} held out of "
        f"{table.source}",
        run_id=contender.run_id,
        held_out=True,
        trained_on=row_hashes.of_rows(rows.X_train, rows.y_train),
    )


def _of_file(contender: Contender, rows: Split, validation: Table) -> Evidence:
    # A separate file may hold rows that were trained on, so the run is not taken at its word.
    source = f"{counted(len(rows.X_test), 'row')} of {validation.source}, the held-out file"
    with_target = validation.frame[validation.frame[str(rows.y_test.name)].notna()]
    columns = with_target if len(with_target) == len(rows.X_test) else validation.frame
    return Evidence(
        contender.task,
        rows.X_test,
        rows.y_test,
        columns.reset_index(drop=True),
        source,
        run_id=contender.run_id,
        trained_on=row_hashes.of_rows(rows.X_train, rows.y_train),
    )


def of_source(contenders: Sequence[Contender], source: str, target: str | None) -> Evidence:
    """Return the rows of a source, as the challenger's recipe wants them where it has one.

    The training data is not read. The first of the models is the challenger.
    """
    contender = contenders[0]
    schema, recipe = contender.model.schema, contender.recipe
    types = features_of(contenders)
    if recipe is None or not schema.features:
        return _plain(contender, source, target, types)
    asked = {"target": target or recipe.data.target, "missing_target": "drop"}
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update=asked)})
    features = [feature.name for feature in schema.features]
    # Which classes are rare was decided by the training rows, and not by these.
    rare = recipe.classes.model_copy(update={"rare": "folds"})
    other = recipe.model_copy(update={"classes": rare})
    table, kept = other_rows(other, source, features, schema.dialect, types)
    columns = table.frame.loc[kept.y.index].reset_index(drop=True)
    X, y = kept.X.reset_index(drop=True), kept.y.reset_index(drop=True)
    lost = sum(kept.left_out.values())
    left = f", and {lost} left out ({', '.join(kept.left_out)})" if lost else ""
    found = Evidence(
        recipe.task, X, y, columns, f"{counted(len(X), 'row')} of {table.source}{left}"
    )
    return _with_classes_of(contender, recipe, found)


def _with_classes_of(contender: Contender, recipe: Recipe, found: Evidence) -> Evidence:
    """Return rows whose rare classes are merged, or left out, as the model was trained."""
    known = contender.classes
    if known is None or recipe.classes.rare not in ("merge", "drop"):
        return found
    if recipe.classes.rare == "drop":
        return found.only(found.y.isin(known.tolist()).to_numpy())
    if OTHER not in known:
        return found
    texts = found.y.map(lambda label: str(plain(label)))
    return replace(found, y=texts.where(texts.isin(known.tolist()), OTHER))


def _plain(
    contender: Contender, source: str, target: str | None, types: Sequence[Feature]
) -> Evidence:
    if target is None:
        raise ConfigurationError(
            f"{contender.uri} has no recipe that names the target in {source}",
            "Name its target: --target COLUMN",
        )
    schema = contender.model.schema
    table = tables.load(source, hints=schema.hints(DialectOptions()), features=types)
    table.require([target], "target")
    return of_frame(contender, table.frame, target, table.source)


def of_frame(contender: Contender, frame: pd.DataFrame, target: str, source: str) -> Evidence:
    """Return the rows of a frame that have a target."""
    rows = frame[frame[target].notna()].reset_index(drop=True)
    if not len(rows):
        raise DataError(f"The target '{target}' is empty in {source}", "Choose another target")
    plain_target(rows[target], source)
    refuse_time(rows[target], source)
    names = [feature.name for feature in contender.model.schema.features]
    X = rows[[name for name in names if name in rows]] if names else rows.drop(columns=target)
    whole = X.select_dtypes("integer").columns
    X = X.astype(dict.fromkeys(whole, "float64"))
    lost = len(frame) - len(rows)
    left = f", and {lost} without a target left out" if lost else ""
    told = f"{counted(len(rows), 'row')} of {source}{left}"
    return Evidence(contender.task, X, rows[target], rows, told)


def _check_unchanged(contender: Contender, source: str, sha256: str) -> None:
    recorded = contender.data_sha256
    if recorded is not None and recorded != sha256:
        raise GateError(
            f"{source} is not what run {contender.run_id} was trained on: its SHA-256 differs",
            "Put the data back as it was, or give other rows with --data SOURCE",
        )


def _check_held_out(contender: Contender, validation: Table) -> None:
    inputs = contender.run.inputs if contender.run is not None else None
    for item in inputs.dataset_inputs if inputs is not None else ():
        contexts = [tag.value for tag in item.tags if tag.key == "mlflow.data.context"]
        if "eval" in contexts and not validation.sha256.startswith(str(item.dataset.digest)):
            raise GateError(
                f"{validation.source} is not what run {contender.run_id} held out: its SHA-256 "
                "differs",
                "Put the file back as it was, or give other rows with --data SOURCE",
            )
