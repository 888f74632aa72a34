"""Labels that arrive later, joined by a key to the rows that were scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from inference.scorer import PROBABILITY
from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data import table as tables
from mlproject.data.table import Table
from mlproject.gate.comparison import Comparison
from mlproject.gate.contenders import Contender, features_of
from mlproject.gate.evidence import Evidence, of_frame
from mlproject.gate.request import RowsRequest
from mlproject.gate.resampled import shown
from mlproject.models.predictions import PREDICTION
from training import auto
from training.resampling import metrics
from training.resampling.metrics import ResampledMetric
from training.resampling.pairs import paired
from training.rules import Rules


def evidence(contenders: Sequence[Contender], rows: RowsRequest) -> Evidence:
    """Return scored rows, which still have their features, with the labels that have arrived.

    The first of the models is the challenger.
    """
    contender = contenders[0]
    recipe = contender.recipe
    asked = rows.target or (recipe.data.target if recipe is not None else None)
    hints, features = contender.model.schema.hints(), features_of(contenders)
    table = tables.load(str(rows.data), hints=hints, features=features)
    formats = recipe.data.formats if recipe is not None else {}
    table = table.formatted({k: v for k, v in formats.items() if k in table.frame})
    labels, target = _labels(rows, asked)
    labels = labels.formatted({k: v for k, v in formats.items() if k == target})
    scored = table.frame.drop(columns=[target], errors="ignore")
    frame = _joined({table.source: scored, labels.source: labels.frame}, str(rows.key))
    source = f"{table.source} with labels of {labels.source}"
    return of_frame(contender, frame, target, source)


def compared(predictions: tuple[str, str], rows: RowsRequest, rules: Rules) -> Comparison:
    """Compare what two models have answered, by labels that arrived later; no model is loaded."""
    labels, target = _labels(rows, rows.target)
    key = str(rows.key)
    first, second = (tables.load(source) for source in predictions)
    for table in (first, second):
        _check_key(table, key)
    answers = [_only_answers(table.frame.set_index(key)) for table in (first, second)]
    rest = first.frame.loc[:, [name for name in first.frame if not _is_answer(name)]]
    frame = _joined(
        {
            first.source: rest.drop(columns=[target], errors="ignore"),
            labels.source: labels.frame,
            second.source: second.frame[[key]],
        },
        key,
    )
    frame = frame[frame[target].notna()].reset_index(drop=True)
    if not len(frame):
        raise DataError(f"The target '{target}' is empty in {labels.source}")
    task = auto.infer_task(frame[target])
    source = (
        f"{len(frame)} of {counted(len(labels.frame), 'row')} of {labels.source}, which both have "
        "answered"
    )
    found = Evidence(task, frame, frame[target], frame, source, group=rules.group_by)
    found.require(rules.slice_by, "slice")
    found = found.drawn_by(rules, None)
    metric = metrics.check(
        rules.metric or ("rmse" if task == "regression" else "accuracy"), found.task
    )
    values = [
        _answers(metric, part.loc[found.columns[key]], table.source)
        for part, table in zip(answers, (first, second), strict=True)
    ]
    y, classes = found.y, None
    if metric.task == "classification" and not metric.of_labels:  # columns are named in text
        y, classes = y.map(str), _classes(answers[0])
    pair = paired(metric, y, values[0], values[1], classes)
    interval, slices, size = shown(pair, found, rules, 1)
    return Comparison(rules, metric, interval.challenger, interval, slices, rows=source, size=size)


def _labels(rows: RowsRequest, target: str | None) -> tuple[Table, str]:
    """Return the file of labels, and which of its columns has them."""
    table = tables.load(str(rows.labels))
    _check_key(table, str(rows.key))
    others = [str(name) for name in table.frame if name != rows.key]
    if target is None and len(others) != 1:
        raise ConfigurationError(
            f"{table.source} has {counted(len(others), 'column')} beside '{rows.key}', and one has "
            "the labels",
            "Name it: --target COLUMN",
        )
    found = target if target is not None else others[0]
    table.require([found], "target")
    return table, found


def _joined(frames: dict[str, pd.DataFrame], key: str) -> pd.DataFrame:
    """Return the rows whose key is in all files, in the order of the first."""
    found: pd.DataFrame | None = None
    for source, frame in frames.items():
        twice = frame[key][frame[key].duplicated()]
        if len(twice):
            raise DataError(
                f"The key '{key}' is not unique in {source}: {twice.iloc[0]} occurs twice"
            )
        if found is None:
            found = frame
            continue
        new = [name for name in frame if name == key or name not in found]
        try:
            found = found.merge(frame[new], on=key, how="inner", sort=False)
        except ValueError as error:  # text and numbers
            kinds = f"{frame[key].dtype} and not {found[key].dtype}"
            raise DataError(f"The key '{key}' of {source} is of another type: {kinds}") from error
    if found is None or not len(found):
        raise DataError(f"No value of the key '{key}' is in all of {', '.join(frames)}")
    return found.reset_index(drop=True)


def _check_key(table: Table, key: str) -> None:
    table.require([key], "key")


def _only_answers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[:, [name for name in frame if _is_answer(name)]]


def _is_answer(name: Any) -> bool:
    return str(name) == PREDICTION or str(name).startswith(PROBABILITY)


def _classes(answers: pd.DataFrame) -> list[Any]:
    names = [str(name) for name in answers if str(name).startswith(PROBABILITY)]
    return [name.removeprefix(PROBABILITY) for name in names]


def _answers(metric: ResampledMetric, answers: pd.DataFrame, source: str) -> np.ndarray[Any, Any]:
    """Return what a metric takes of the columns that scoring has written."""
    if metric.task == "regression" or metric.of_labels:
        if PREDICTION not in answers:
            raise DataError(f"No column '{PREDICTION}' in {source}", "Score with --method predict")
        return answers[PREDICTION].to_numpy()
    probabilities = [name for name in answers if str(name).startswith(PROBABILITY)]
    if not probabilities:
        raise DataError(
            f"No columns '{PROBABILITY}…' in {source}", "Score with --method predict_proba"
        )
    return answers[probabilities].to_numpy(dtype=np.float64)
