"""From a request to a plan: recipe, data, split and search, checked before a server is asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from mlproject.base.errors import ConfigurationError
from mlproject.base.suggestions import did_you_mean
from mlproject.data import table as tables
from mlproject.data.column_formats import ColumnFormat
from mlproject.data.dialects import Dialect, DialectOptions, Hints
from mlproject.data.samples import is_sample
from mlproject.data.schema import Feature
from mlproject.data.source import is_url
from mlproject.data.table import Table
from mlproject.tracking import datasets, names
from training import (
    auto,
    catalogue,
    checks,
    estimators,
    folds,
    leaks,
    metrics,
    overrides,
    pipeline,
    search,
    signature,
)
from training.classes import check_known, check_threshold
from training.plan import FirstRows, Plan
from training.recipe import Recipe
from training.request import TrainRequest
from training.rows import LabelledRows, labelled
from training.split import split

# Rows that the model scores once more in the end.
_SCORED_AGAIN = 1000


@dataclass(frozen=True)
class Prepared:
    """A recipe with its overrides, its data, and the plan that follows from both."""

    recipe: Recipe
    table: Table
    plan: Plan


@dataclass(frozen=True)
class _Chosen:
    """A recipe with what is known of it before its rows are looked at.

    Attributes
    ----------
    table : Table or None
        Where it had to be read to derive the recipe.
    left_out : dict of str to str
        Columns that are no features, and why.
    """

    recipe: Recipe
    table: Table | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def prepare(request: TrainRequest) -> Prepared:
    chosen = _chosen(request)
    recipe = chosen.recipe
    estimator = _checked_pipeline(recipe)
    table = chosen.table if chosen.table is not None else loaded(recipe)
    kept = labelled(recipe, table)
    X, y = kept.X, kept.y
    checks.columns_to_split_by(recipe, table, y.index)
    features = [str(name) for name in X.columns]
    validation, held_out_rows = validation_rows(recipe, features, table.dialect)
    if held_out_rows is None:
        checks.splittable(recipe, y)
    if not recipe.metrics:
        usual = metrics.usual(recipe.task, estimator, y)
        recipe = recipe.model_copy(update={"metrics": usual})
    rows = split(recipe, table, X, y, held_out_rows)
    recorded = recipe
    recipe, fewer = folds.possible(recipe, rows.y_train, rows.groups)
    classes = None if recipe.task == "regression" else np.unique(y)
    check_known(recipe.classes.weights, classes)
    scoring = {name: metrics.resolve(name, recipe.task, classes) for name in recipe.scoring}
    plan = Plan(
        name=recipe.name,
        task=recipe.task,
        search=search.plan(recipe, estimator, scoring),
        rows=rows,
        scoring=scoring,
        refit=recipe.refit,
        held_out={name: metrics.resolve(name, recipe.task, classes) for name in recipe.metrics},
        dataset=datasets.of_table(table),
        held_out_dataset=datasets.of_table(validation) if validation is not None else None,
        seed=recipe.seed,
        example=signature.example(rows.X_train),
        target=recipe.data.target,
        types=signature.column_types(rows.X_train, table),
        imports=recipe.imports,
        first_rows=_first_rows(recipe, kept.every),
        formats=_formats(recipe, rows.X_train),
        dialect=table.dialect,
        threshold=_threshold(recipe, classes),
        tags={names.RECIPE: recipe.name} | _dialect_tag(table),
        files={names.RECIPE_FILE: catalogue.dump(_recordable(recorded, table, validation))},
        notices=[*_told(chosen, table, kept, request), *fewer],
        left_out=chosen.left_out,
        rows_left_out=kept.left_out,
        report=recipe.report and request.report,
        learning_curve=request.learning_curve,
    )
    return Prepared(recipe, table, plan)


def _first_rows(recipe: Recipe, X: pd.DataFrame) -> FirstRows:
    source = _source(recipe)
    again = None if is_sample(source) or is_url(source) else source
    return FirstRows(X.iloc[:_SCORED_AGAIN], again, recipe.data.encoding, recipe.data.dialect)


def _formats(recipe: Recipe, X: pd.DataFrame) -> dict[str, ColumnFormat]:
    return {name: known for name, known in recipe.data.formats.items() if name in X}


def _dialect_tag(table: Table) -> dict[str, str]:
    if table.dialect is None:
        return {}
    return {names.DATA_DIALECT: json.dumps(asdict(table.dialect), ensure_ascii=False)}


def _threshold(recipe: Recipe, classes: Any) -> metrics.Metric | None:
    name = recipe.classes.threshold
    if name is None:
        return None
    metric = metrics.resolve(name, recipe.task, classes)
    check_threshold(metric, classes)
    return metric


def _told(chosen: _Chosen, table: Table, kept: LabelledRows, request: TrainRequest) -> list[str]:
    """Return what should be told of the data before it is trained on."""
    recipe, told = chosen.recipe, [*chosen.notices, *kept.notices]
    if table.encoding and not request.encoding:
        told.append(f"The text of {table.source} is read as {table.encoding}")
    if chosen.table is None:
        told += _unexpected(table, kept.X)
    return told + leaks.warnings_of(kept.X, kept.y, recipe.task, recipe.seed)


def _as_yaml(name: str, known: ColumnFormat) -> str:
    content = {"formats": {name: known.model_dump(mode="json", exclude_defaults=True)}}
    return str(yaml.safe_dump(content, default_flow_style=True, width=10_000)).strip()[1:-1]


def _unexpected(table: Table, X: pd.DataFrame) -> list[str]:
    """Return what a recipe that was not made for a file may not expect of it."""
    found = ["The column without a name is left out"] if "" in table.frame else []
    for name, known in table.recognised().items():
        if name in X:
            example = X[name].dropna().iloc[0]
            found.append(
                f"Column '{name}' holds {known.type}s in text, such as {example!r}, and is used "
                f"as text; to read them, add under 'data' of the recipe: {_as_yaml(name, known)}"
            )
    return found


def _recordable(recipe: Recipe, table: Table, validation: Table | None) -> Recipe:
    """Return the recipe as it may be written down: absolute paths, addresses without secrets."""
    data = recipe.data.model_copy(update={"source": table.source})
    held_out = recipe.split
    if validation is not None:
        held_out = held_out.model_copy(update={"source": validation.source})
    return recipe.model_copy(update={"data": data, "split": held_out})


def prepare_without_data(request: TrainRequest) -> Recipe:
    recipe = _chosen(request).recipe
    _checked_pipeline(recipe)
    return recipe


def _checked_pipeline(recipe: Recipe) -> Any:
    for name in dict.fromkeys([*recipe.scoring, *recipe.metrics]):
        metrics.check(name, recipe.task)
    if recipe.refit is not None and recipe.scoring and recipe.refit not in recipe.scoring:
        raise ConfigurationError(
            f"The recipe's 'refit' is '{recipe.refit}', which is not scored",
            did_you_mean(recipe.refit, recipe.scoring, noun="scores"),
        )
    _importable(recipe)
    estimators.check_imports(recipe.imports)
    estimator = pipeline.build(recipe)
    for space in search.grids(recipe):
        pipeline.check_grid(estimator, space)
    return estimator


def _chosen(request: TrainRequest) -> _Chosen:
    """Return the recipe that is asked for, with the request applied."""
    overrides.check(request)
    if request.recipe == catalogue.AUTO or (request.recipe is None and request.data is not None):
        chosen = _derived(request)
    else:
        chosen = _Chosen(catalogue.load(request.recipe or catalogue.DEFAULT))
    return replace(chosen, recipe=overrides.applied(chosen.recipe, request))


def _derived(request: TrainRequest) -> _Chosen:
    if request.data is None or request.target is None:
        missing = "--data SOURCE" if request.data is None else "--target COLUMN"
        raise ConfigurationError(
            "Without a recipe, training needs data and a target",
            f"Give {missing}, or name a recipe: {', '.join(catalogue.available())}",
        )
    table = tables.load(request.data, request.encoding, hints=Hints(request.dialect))
    formats = table.recognised()
    table = table.formatted(formats)
    derived = auto.derive(table, request.target, request, auto.name_of(table.name, request.target))
    recipe = derived.recipe
    used = {name: known for name, known in formats.items() if name not in derived.left_out}
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"formats": used})})
    told = [
        f"Column '{name}' is left out: {why}"
        for name, why in derived.left_out.items()
        if name not in request.drop
    ]
    return _Chosen(recipe, table, derived.left_out, [*told, *derived.notices])


def loaded(recipe: Recipe) -> Table:
    """Return the data of a recipe, read as it says."""
    return _loaded(recipe, Hints(recipe.data.dialect))


def _loaded(recipe: Recipe, hints: Hints, features: Sequence[Feature] = ()) -> Table:
    data = recipe.data
    return tables.load(_source(recipe), data.encoding, data.formats, hints, features)


def _source(recipe: Recipe) -> str:
    if recipe.data.source is None:
        raise ConfigurationError(
            f"The recipe '{recipe.name}' has no data of its own", "Give --data SOURCE"
        )
    return recipe.data.source


def _importable(recipe: Recipe) -> None:
    """Let the modules that a recipe lists be found in the current folder, as with ``python -m``."""
    here = str(Path.cwd())
    if recipe.imports and here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def validation_rows(
    recipe: Recipe, features: list[str], dialect: Dialect | None
) -> tuple[Table | None, tuple[pd.DataFrame, Any] | None]:
    """Return the separate file of held-out rows, where there is one, with the same features."""
    if recipe.split_kind != "file" or recipe.split.source is None:
        return None, None
    table, rows = other_rows(recipe, recipe.split.source, features, dialect)
    return table, (rows.X.reset_index(drop=True), rows.y.reset_index(drop=True))


def other_rows(
    recipe: Recipe,
    source: str,
    features: list[str],
    dialect: Dialect | None,
    types: Sequence[Feature] = (),
) -> tuple[Table, LabelledRows]:
    """Return another source than the training data, with the same features and target.

    Numbers are read as in the training data, whose ``dialect`` is given where it is known; the
    columns of ``types`` as scoring reads them.
    """
    data = recipe.data.model_copy(update={"source": source, "features": features, "drop": []})
    other = recipe.model_copy(update={"data": data})
    options = recipe.data.dialect if dialect is None else DialectOptions()
    table = _loaded(other, Hints(options, dialect, tuple(features)), types)
    return table, labelled(other, table)
