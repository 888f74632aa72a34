"""What the gate computes: metrics, intervals, slices, and the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
import warnings
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as library
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB

from mlproject.base.errors import ConfigurationError, DataError
from mlproject.gate import attempts
from mlproject.gate.comparison import Comparison, Size
from mlproject.gate.rules import merged, parse
from mlproject.gate.seen import Seen
from mlproject.gate.slices import Sampling, Slice, by_column, judged
from mlproject.gate.verdict import NO_CHAMPION, Verdict, decide
from mlproject.models.loaded import seconds_a_row
from training import metrics as training_metrics
from training.metrics import known_names
from training.resampling import blocks, intervals, swapping, units
from training.resampling.intervals import Interval, compare, improvements
from training.resampling.metrics import ResampledMetric, check
from training.resampling.pairs import Pair, measured, paired
from training.resampling.units import of_rows
from training.rules import Rules

NAMES = np.array(["ant", "bee", "cat", "dog"])


def named(task: Any, classes: int = 2) -> list[ResampledMetric]:
    """Return every metric that a recipe may name, but those of several labels a row."""
    names = {*known_names(), "neg_nrmse", *library.get_scorer_names()}
    metrics = [check(name, task) for name in sorted(names) if fits(name, task)]
    return [m for m in metrics if takes(m, classes) and not m.name.endswith("_samples")]


def takes(metric: ResampledMetric, classes: int) -> bool:
    try:
        metric.check_classes(classes)
    except DataError:
        return False
    return True


def fits(name: str, task: Any) -> bool:
    try:
        check(name, task)
    except ConfigurationError:
        return False
    return True


def of_name(name: str) -> ResampledMetric:
    return check(name, "regression" if fits(name, "regression") else "classification")


class Frozen(ClassifierMixin, BaseEstimator):
    """A model whose predictions are known: its rows are their positions."""

    def __init__(self, classes: Any, labels: Any, table: Any) -> None:
        self.classes_, self.labels, self.table = classes, labels, table

    def predict(self, X: Any) -> Any:
        return self.classes_[self.labels[X]]

    def predict_proba(self, X: Any) -> Any:
        return self.table[X]


class FrozenRegressor(RegressorMixin, BaseEstimator):
    def __init__(self, values: Any) -> None:
        self.values = values

    def predict(self, X: Any) -> Any:
        return self.values[X]


def numbers(rows: int = 300, seed: int = 0, gain: float = 0.05) -> tuple[Any, Any, Any]:
    """Return true values and the predictions of two models, the second of them better."""
    random = np.random.default_rng(seed)
    y = random.normal(50, 10, rows)
    error = random.normal(size=rows)
    other = (1 - gain) * (0.8 * error + 0.6 * random.normal(size=rows))
    return y, y + error, y + other


def some_labels(classes: int, rows: int = 400, seed: int = 0) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, rows)
    wrong = random.integers(0, classes, (2, rows))
    first, second = (
        np.where(random.random(rows) < share, y, guess)
        for share, guess in zip((0.6, 0.7), wrong, strict=True)
    )
    return NAMES[y], NAMES[first], NAMES[second]


def some_probabilities(classes: int, rows: int = 400, ties: bool = True) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    y = random.integers(0, classes, rows)
    tables = []
    for sharpness in (0.5, 0.8):
        raw = random.random((rows, classes)) + sharpness * np.eye(classes)[y]
        table = raw / raw.sum(axis=1, keepdims=True)
        tables.append(random.multinomial(8, table) / 8 if ties else table)
    return NAMES[y], *tables


def resampled(rows: int, seed: int = 3) -> tuple[Any, Any]:
    """Return counts of one resample, and the rows that it drew."""
    drawn = np.random.default_rng(seed).integers(0, rows, rows)
    return np.bincount(drawn, minlength=rows)[np.newaxis], np.sort(drawn)


def by_training(name: str, task: Any, model: Any, rows: Any, y: Any) -> float:
    """Return what training measures on rows; NaN where it is undefined."""
    classes = getattr(model, "classes_", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values, _ = training_metrics.measured(
            {name: training_metrics.resolve(name, task, classes)}, model, rows, y[rows]
        )
    value = values.get(name, float("nan"))
    return value if np.isfinite(value) else float("nan")


def both_ways(metric: ResampledMetric, pair: Pair, counts: Any) -> list[float]:
    """Measure a resample by the scorer's function, and by the quickest way there is."""
    ways = (replace(metric, quick=False), metric)
    return [way.prepare(pair.y, pair.champion)(counts)[0] for way in ways]


often = settings(max_examples=8, deadline=None, derandomize=True, database=None)
count = st.integers(0, 3)
amount = st.integers(1, 40).map(lambda quarters: quarters / 4)


@often
@given(rows=st.lists(st.tuples(amount, amount, count), min_size=3, max_size=20))
def test_a_resample_is_measured_as_its_rows_by_the_scorer(rows: Any) -> None:
    y, predictions, counts = (np.array(column) for column in zip(*rows, strict=True))
    drawn = np.repeat(np.arange(len(y)), counts)
    assume(len(set(y[drawn])) > 1)
    model = FrozenRegressor(predictions)

    for metric in named("regression"):
        expected = by_training(metric.name, "regression", model, drawn, y)
        pair = paired(metric, y, predictions, predictions)
        ways = both_ways(metric, pair, counts[np.newaxis])
        near = pytest.approx([expected] * 2, rel=1e-9, abs=1e-12, nan_ok=True)
        assert ways == near, metric.name


@often
@given(data=st.data())
@pytest.mark.parametrize("of_labels", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_resample_is_measured_as_its_classified_rows_by_the_scorer(
    classes: int, of_labels: bool, data: st.DataObject
) -> None:
    label, chance = st.integers(0, classes - 1), st.tuples(*[st.integers(1, 4)] * classes)
    rows = data.draw(st.lists(st.tuples(label, label, chance, count), min_size=4, max_size=20))
    if not of_labels:  # scikit-learn's scorers want all classes
        rows += [(k, 0, (1,) * classes, 1) for k in range(classes)]
    y, labels, table, counts = (np.array(column) for column in zip(*rows, strict=True))
    model = Frozen(NAMES[:classes], labels, table / table.sum(axis=1, keepdims=True))
    drawn = np.repeat(np.arange(len(y)), counts)
    assume(len(set(drawn)) > 1)

    for metric in named("classification", classes):
        if metric.of_labels == of_labels:
            expected = by_training(metric.name, "classification", model, drawn, NAMES[y])
            response = getattr(model, metric.methods[-1])(np.arange(len(y)))
            pair = paired(metric, NAMES[y], response, response, NAMES[:classes])
            ways = both_ways(metric, pair, counts[np.newaxis])
            near = pytest.approx([expected] * 2, rel=1e-9, abs=1e-12, nan_ok=True)
            assert ways == near, metric.name


def test_every_metric_that_a_recipe_may_name_has_a_value() -> None:
    y, predictions, _ = numbers()
    values = {m.name: measured(m, y, predictions) for m in named("regression")}
    y, labels, _ = some_labels(2)
    y, table, _ = some_probabilities(2)
    values |= {
        m.name: measured(m, y, labels if m.of_labels else table) for m in named("classification")
    }

    assert not [name for name, value in values.items() if not np.isfinite(value)]
    assert {"rmse", "jaccard_macro", "d2_absolute_error_score", "roc_auc_ovo"} <= set(values)
    assert len(values) > 60


@pytest.mark.parametrize("labels", [["ant", "bee"], [0, 1], [1, 2]])
@pytest.mark.parametrize("model", [LogisticRegression(), RidgeClassifier(), GaussianNB()])
def test_the_gate_and_training_measure_the_same(model: Any, labels: list[Any]) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 2))
    y = np.array(labels)[(X[:, 0] + random.normal(size=200) > 0).astype(int)]
    model.fit(X, y)
    for name in ("roc_auc", "average_precision", "f1", "jaccard", "accuracy"):
        metric = check(name, "classification")
        method = next(method for method in metric.methods if hasattr(model, method))
        value = measured(metric, y, getattr(model, method)(X), model.classes_)
        expected = training_metrics.resolve(name, "classification", model.classes_)
        assert value == pytest.approx(expected.scorer(model, X, y), rel=1e-12)


def test_a_resample_without_one_of_the_classes_keeps_the_order_of_the_others() -> None:
    y, table, _ = some_probabilities(4, 40, ties=False)
    metric = check("log_loss", "classification")
    pair = paired(metric, y, table, table)
    counts = (y != "bee").astype(np.int32)[np.newaxis]

    rows = y != "bee"
    expected = library.log_loss(y[rows], table[rows], labels=NAMES)
    assert both_ways(metric, pair, counts) == pytest.approx([expected] * 2)
    assert np.isnan(both_ways(check("roc_auc_ovr", "classification"), pair, counts)).all()


def test_log_loss_of_single_precision_is_clipped_as_scikit_learn_clips_it() -> None:
    table = np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32)
    y = ["ant", "ant", "bee"]

    result = measured(of_name("log_loss"), y, table)
    assert result == pytest.approx(library.log_loss(y, table), rel=1e-6)


def test_classes_are_the_same_whatever_their_type() -> None:
    y, predictions = np.array([0, 1, 1, 0]), np.array([0.0, 1.0, 0.0, 0.0])

    assert measured(of_name("accuracy"), y, predictions) == 0.75
    assert (
        measured(of_name("recall"), pd.Series(y, dtype="category"), predictions.astype(object))
        == 0.5
    )


def test_the_spread_of_the_target_survives_a_row_far_out() -> None:
    y, predictions, _ = numbers(500)
    y[0] = predictions[0] = 1e9
    counts = np.ones((1, 500), dtype=np.int64)
    counts[0, :2] = 0, 2
    drawn = np.r_[1, 1:500]

    result = of_name("r2").prepare(y, predictions)(counts)[0]
    assert result == pytest.approx(library.r2_score(y[drawn], predictions[drawn]), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("rsme", "regression", "No metric 'rsme'. Did you mean 'rmse'?"),
        ("acuracy", "classification", "Did you mean 'accuracy'?"),
        ("accuracy", "regression", "'accuracy' does not fit a regression task"),
        ("rmse", "classification", "'rmse' does not fit a classification task"),
    ],
)
def test_a_metric_that_does_not_fit_is_refused(name: str, task: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check(name, task)


def test_improvement_is_positive_when_the_challenger_is_better() -> None:
    y, champion, challenger = numbers(100)
    for name in ("rmse", "r2", "nrmse", "max_error", "neg_mean_squared_log_error"):
        metric = check(name, "regression")
        forth = compare(paired(metric, y, champion, challenger), resamples=100)
        back = compare(paired(metric, y, challenger, champion), resamples=100)
        assert forth.improvement == -back.improvement, name
        assert forth.low == pytest.approx(-back.high, rel=1e-12, abs=1e-15), name
        assert forth.low <= forth.high, name
    assert of_name("rmse").improvement(2.0, 1.5) == 0.5
    assert of_name("r2").improvement(0.5, 0.8) == pytest.approx(0.3)


def test_better_is_above_zero_and_noise_and_worse_are_not() -> None:
    rmse = of_name("rmse")
    y, champion, better = numbers(3000, gain=0.1)
    noise = champion + np.random.default_rng(8).normal(0, 1e-3, len(y))

    assert compare(paired(rmse, y, champion, better)).low > 0
    level = compare(paired(rmse, y, champion, noise))
    assert level.low < 0 < level.high
    assert compare(paired(rmse, y, better, champion)).high < 0


def test_the_interval_is_that_of_rows_drawn_with_replacement() -> None:
    y, champion, challenger = numbers(150)
    result = compare(paired(of_name("mae"), y, champion, challenger), resamples=20_000)
    gain = np.abs(y - champion) - np.abs(y - challenger)
    random = np.random.default_rng(77)
    drawn = gain[random.integers(0, 150, (20_000, 150))].mean(axis=1)

    assert result.improvement == pytest.approx(gain.mean())
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert (result.low, result.high) == pytest.approx((low, high), abs=0.03 * (high - low))


def test_pooled_rows_give_the_same_distribution_as_drawn_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = paired(of_name("f1_macro"), *some_labels(3, 2000))
    pooled = improvements(pair, resamples=4000, seed=0)
    monkeypatch.setattr(intervals, "_ROWS_A_KIND", 10**9)
    drawn = improvements(pair, resamples=4000, seed=0)

    assert pooled.mean() == pytest.approx(drawn.mean(), abs=drawn.std() / 15)
    assert pooled.std() == pytest.approx(drawn.std(), rel=0.06)


@pytest.mark.parametrize(
    "name",
    ["rmse", "r2", "medae", "nrmse", "roc_auc", "log_loss", "f1", "neg_mean_squared_log_error"],
)
def test_a_seed_gives_the_same_interval_whatever_the_blocks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = check(name, "regression" if fits(name, "regression") else "classification")
    if metric.task == "regression":
        pair = paired(metric, *numbers(301))
    elif metric.of_labels:
        pair = paired(metric, *some_labels(2, 301))
    else:
        pair = paired(metric, *some_probabilities(2, 301))
    first = improvements(pair, resamples=157, seed=4)
    other = improvements(pair, resamples=157, seed=5)
    for block, piece in ((1, 1), (1000, 700), (10_000, 5000)):
        monkeypatch.setattr(units, "_BLOCK", block)
        monkeypatch.setattr(units, "_PIECE", piece)
        assert (improvements(pair, resamples=157, seed=4) == first).all()
    assert (first != other).any()


def test_memory_does_not_grow_with_resamples() -> None:
    pair = paired(of_name("rmse"), *numbers(100_000))
    peaks = []
    for resamples in (100, 400):
        tracemalloc.start()
        compare(pair, resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + 1
    assert peaks[1] < 64


def test_undefined_resamples_are_left_out_and_counted() -> None:
    random = np.random.default_rng(0)
    y = np.array([1] * 4 + [0] * 16)
    tables = [np.c_[1 - p, p] for p in (random.random(20), random.random(20))]
    result = compare(paired(of_name("roc_auc"), y, *tables))

    # A resample has none of the four with probability 0.8 ** 20 = 1.2 %.
    assert 5 <= result.undefined <= 60
    assert np.isfinite([result.low, result.high]).all()


def test_too_many_undefined_resamples_are_refused() -> None:
    y = np.array([1] + [0] * 19)
    table = np.full((20, 2), 0.5)

    with pytest.raises(DataError, match=r"\d+ of 500 resamples .* do not define .* 'roc_auc'"):
        compare(paired(of_name("roc_auc"), y, table, table), resamples=500)


@pytest.mark.parametrize("name", ["nrmse", "r2", "explained_variance"])
def test_a_target_of_one_value_defines_no_metric_relative_to_it(name: str) -> None:
    y = np.full(50, 0.1)
    predictions = np.linspace(0, 1, 50)

    with pytest.raises(DataError, match=f"'{name}' is not defined on the held-out rows"):
        compare(paired(of_name(name), y, predictions, predictions))


@pytest.mark.parametrize(
    ("y", "champion", "challenger", "message"),
    [
        ([1.0], [1.0], [1.0], "at least two held-out rows"),
        ([], [], [], "no held-out rows"),
        ([1.0, 2.0], [1.0], [1.0, 2.0], "The champion predicts 1 row of 2"),
        ([1.0, None], [1.0, 2.0], [1.0, 2.0], "held-out target has no finite number in 1 row"),
        ([1.0, 2.0], [1.0, 2.0], [1.0, np.inf], "The challenger has no finite number in 1 row"),
        (["a", "b"], [1.0, 2.0], [1.0, 2.0], "The held-out target is not numeric"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused(
    y: Any, champion: Any, challenger: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        compare(paired(of_name("rmse"), y, champion, challenger))


def test_classes_that_do_not_fit_the_metric_are_refused() -> None:
    y, first, second = some_labels(3)
    _, table, _ = some_probabilities(3)

    with pytest.raises(DataError, match="'f1' is for two classes, .* has 3. Use 'f1_macro'"):
        paired(of_name("f1"), y, first, second)
    with pytest.raises(DataError, match="'roc_auc' is for two classes, .* Use 'roc_auc_ovr'"):
        paired(of_name("roc_auc"), y, table, table)
    with pytest.raises(DataError, match="The champion gives 2 probabilities a row for 3 classes"):
        paired(of_name("log_loss"), y, table[:, :2], table)
    with pytest.raises(DataError, match="The challenger gives no probability in 400 rows"):
        paired(of_name("log_loss"), y, table, table - 2)
    with pytest.raises(DataError, match="have the class 'cat', which the models do not know"):
        paired(of_name("log_loss"), y, table[:, :2], table[:, :2], classes=["ant", "bee"])
    with pytest.raises(DataError, match="The held-out target lacks a class in 1 row"):
        paired(of_name("accuracy"), [None, *y[1:]], first, second)


def sliced(column: Any, *, worse_where: Any = None, tolerance: float = 0) -> tuple[Slice, ...]:
    y, champion, challenger = numbers(len(column))
    if worse_where is not None:
        challenger = np.where(worse_where, champion + 3 * (champion - y), challenger)
    pair = paired(of_name("rmse"), y, champion, challenger)
    return in_slices(pair, pd.Series(column, name="site"), tolerance)


def in_slices(pair: Pair, column: Any, tolerance: float = 0) -> tuple[Slice, ...]:
    sampling = Sampling(of_rows(len(pair.y)))
    return judged(by_column(pair, column, sampling), tolerance=tolerance)


def test_a_slice_that_loses_is_found_and_others_are_not() -> None:
    column = np.array(["north", "south", "east"] * 100)
    result = sliced(column, worse_where=column == "south", tolerance=0.1)

    assert [part.value for part in result] == ["east", "north", "south"]
    assert [part.worse for part in result] == [False, False, True]
    assert [part.rows for part in result] == [100, 100, 100]
    lost = result[2]
    assert lost.improvement == lost.champion - lost.challenger < 0
    assert not sliced(column, worse_where=column == "south", tolerance=100)[2].worse


def test_a_slice_equals_the_metric_on_its_rows() -> None:
    y, champion, challenger = numbers(90)
    column = np.arange(90) % 3
    result = in_slices(paired(of_name("r2"), y, champion, challenger), pd.Series(column))

    for part, value in zip(result, range(3), strict=True):
        rows = column == value
        assert part.challenger == pytest.approx(library.r2_score(y[rows], challenger[rows]))


@pytest.mark.parametrize("how", ["groups", "blocks"])
def test_equal_models_are_seldom_promoted_where_rows_depend_on_each_other(how: str) -> None:
    random = np.random.default_rng(0)
    rows, draws, promoted = 600, 200, 0
    groups = np.arange(rows) // 20  # of rows that stand next to each other
    for draw in range(draws):
        y, own = random.normal(size=rows), random.normal(size=(2, rows))
        champion, challenger = y + own + 2 * random.normal(size=(2, 30))[:, groups]
        pair = paired(of_name("rmse"), y, champion, challenger)
        drawn = units.of_groups(groups) if how == "groups" else blocks.in_time(pair)
        if drawn.number >= 10:
            promoted += compare(pair, units=drawn, resamples=200, seed=draw).low > 0

    # Of 200 at 2.5 %, 12 or more have a probability of 1 %; of single rows it is a third of them.
    assert promoted < 12


def test_few_rows_on_which_equal_models_would_be_promoted_cannot_tell() -> None:
    y, champion, challenger = numbers(60)
    usual = paired(of_name("rmse"), y, champion, challenger)
    # One that is wrong in a few rows, each by the same: of a few coins all fall alike too often.
    labels = np.zeros(60, dtype=int)
    wrong = np.where(np.arange(60) < 5, 1, 0)
    coins = paired(of_name("accuracy"), labels, wrong, labels)

    shares = [
        swapping.promoted_by_chance(pair, of_rows(60), confidence=0.5, seed=0)
        for pair in (usual, coins)
    ]

    assert all(share is not None for share in shares)
    assert swapping.holds(shares[0] or 0, 0.5)
    assert verdict(size=Size(60, 60, "rows", 0.025)).passed
    told = outcome(verdict(size=Size(60, 60, "rows", 0.15)), "rows")
    assert told == (
        False,
        "60 rows cannot tell; 15.0% of equal models would be promoted on them (simulated by "
        "swapping); more are needed",
    )
    many = paired(of_name("rmse"), *numbers(1000))
    assert swapping.promoted_by_chance(many, of_rows(1000), confidence=0.95, seed=0) is None


def test_equal_models_seldom_lose_any_of_many_slices() -> None:
    random = np.random.default_rng(0)
    draws, refused = 60, 0
    column = pd.Series(np.arange(1000) % 20, name="site")
    for _ in range(draws):
        y, errors = random.normal(size=1000), random.normal(size=(2, 1000))
        pair = paired(of_name("rmse"), y, *(y + errors))
        refused += any(part.worse for part in in_slices(pair, column))

    # By estimates alone, all of them.
    assert refused <= 5


def test_attempts_together_promote_no_more_than_they_may() -> None:
    tails = [(1 - attempts.confidence(0.95, attempt)) / 2 for attempt in range(1, 1000)]

    assert tails[0] == pytest.approx(0.025)
    assert sum(tails) < 0.0412


def test_missing_values_are_a_slice_and_small_slices_are_not_judged() -> None:
    column = np.array(["a"] * 60 + [None] * 35 + ["b"] * 5, dtype=object)
    result = sliced(column, worse_where=np.full(100, True))

    assert [(part.value, part.rows, part.judged) for part in result] == [
        ("a", 60, True),
        ("b", 5, False),
        ("missing", 35, True),
    ]
    assert [part.worse for part in result] == [True, False, True]


@pytest.mark.parametrize(
    ("column", "labels"),
    [
        (np.arange(1, 101), ["1 to 25", "above 25 to 50", "above 50 to 75", "above 75 to 100"]),
        (
            pd.array([*range(1, 100), None], dtype="Int64"),
            ["1 to 25", "above 25 to 50", "above 50 to 75", "above 75 to 99", "missing"],
        ),
        (np.r_[[0.0] * 60, np.arange(1, 41) / 8], ["0", "above 0 to 1.875", "above 1.875 to 5"]),
        (np.arange(100) % 20 * 0.5, [f"{value / 2:g}" for value in range(20)]),
        ([True, False] * 50, ["False", "True"]),
        (pd.Categorical(["x", "y"] * 50), ["x", "y"]),
        ([1, "one", 1.0, "two"] * 25, ["1", "one", "two"]),
        ([[1], [2]] * 50, ["[1]", "[2]"]),
        (
            pd.date_range("2026-01-01", periods=100, tz="UTC"),
            [
                "2026-01-01 to 2026-01-25",
                "above 2026-01-25 to 2026-02-19",
                "above 2026-02-19 to 2026-03-16",
                "above 2026-03-16 to 2026-04-10",
            ],
        ),
    ],
)
def test_slices_are_values_or_quartiles(column: Any, labels: list[str]) -> None:
    result = sliced(column)

    assert [part.value for part in result] == labels
    assert sum(part.rows for part in result) == 100


def test_numbers_stored_as_objects_are_cut_too() -> None:
    column = np.array([*range(99), None], dtype=object)

    assert len(sliced(column)) == 5


def test_a_slice_that_does_not_define_the_metric_is_not_judged() -> None:
    y, first, second = some_probabilities(2)
    column = pd.Series(np.where(y == "ant", "all of one class", "both"), name="kind")
    column[:100] = "both"
    result = in_slices(paired(of_name("roc_auc"), y, first, second), column)

    assert [(part.judged, part.worse) for part in result] == [(False, False), (True, False)]
    assert result[0].as_dict()["champion"] is None


def test_equal_models_lose_nothing_to_rounding() -> None:
    y = np.zeros(1000)
    error = np.random.default_rng(0).normal(size=1000)
    pair = paired(of_name("rmse"), y, error, np.sort(error))
    result = in_slices(pair, pd.Series(["all"] * 1000))

    assert not result[0].worse


def test_of_many_texts_the_rarest_are_one_slice() -> None:
    common = [f"s{i:03}" for i in range(49) for _ in range(40)]
    rare = [f"t{i:03}" for i in range(100) for _ in range(3)]

    slices = sliced(rare + common)

    assert [part.value for part in slices] == [
        *(f"s{i:03}" for i in range(49)),
        "100 other values",
    ]
    assert [part.rows for part in slices[-2:]] == [40, 300]


def test_a_column_of_which_no_value_repeats_is_refused() -> None:
    with pytest.raises(DataError, match="'site' has 1200 values of fewer than 30 rows each"):
        sliced([f"id{i}" for i in range(1200)])
    with pytest.raises(DataError, match="'site' has 2 rows of 3"):
        in_slices(paired(of_name("rmse"), *numbers(3)), pd.Series([1, 2], name="site"))


def interval(**changes: Any) -> Interval:
    usual = Interval("rmse", 53.10, 52.36, 0.74, 0.12, 1.35, 0.95, 2000, 1000)
    return replace(usual, **changes)


def verdict(rules: Rules | None = None, quality: float = 52.36, **parts: Any) -> Verdict:
    usual: dict[str, Any] = {
        "interval": interval(),
        "seconds_a_row": (1e-6, 1.5e-6),
        "size": Size(1000, 1000),
        "seen": (Seen("models:/m/2", 0, "its run held them out"), Seen("models:/m/1", 7, "hashes")),
    }
    return decide(Comparison(rules or Rules(), of_name("rmse"), quality, **{**usual, **parts}))


def outcome(result: Verdict, name: str) -> tuple[bool, str]:
    (only,) = [part for part in result.checks if part.name == name]
    return only.passed, only.what


def test_a_better_challenger_passes_every_check_and_each_says_why() -> None:
    result = verdict(Rules(floor=60.0))

    assert result.passed
    assert [(part.name, part.what) for part in result.checks] == [
        (
            "improvement",
            "rmse 52.36 against 53.10: better by 0.74, 95 % interval 0.12 to 1.35, above 0",
        ),
        ("floor", "rmse 52.36, at most 60"),
        ("rows", "1000 rows"),
        ("slices", "no slices asked for"),
        ("signature", "it takes and answers what the champion does"),
        ("time", "1.5 µs a row against 1 µs (1.5 times), at most 2 times"),
        (
            "unseen",
            "the challenger was trained on none of the rows (its run held them out); the champion "
            "was trained on 7 rows, which are left out (hashes)",
        ),
    ]
    assert result.why == result.checks[0].what


@pytest.mark.parametrize(
    ("rules", "changes", "what"),
    [
        ({}, {"low": -0.41}, "95 % interval -0.41 to 1.35, not above 0"),
        ({}, {"low": 0.0}, "interval 0.00 to 1.35, not above 0"),
        ({}, {"low": 1e-12}, "interval 0.00 to 1.35, not above 0"),
        ({"improvement": 0.5}, {}, "interval 0.12 to 1.35, not above 0.5"),
        (
            {},
            {"challenger": 53.5, "improvement": -0.4, "low": -1.0, "high": 0.2},
            "rmse 53.50 against 53.10: worse by 0.40, 95 % interval -1.00 to 0.20, not above 0",
        ),
        (
            {},
            {"challenger": 53.1, "improvement": 0.0, "low": 0.0, "high": 0.0},
            "rmse 53.1 against 53.1: better by 0.0",
        ),
        ({}, {"low": -0.1, "undefined": 7}, "not above 0 (7 of 2000 resamples undefined)"),
    ],
)
def test_an_improvement_that_may_be_none_is_refused(
    rules: dict[str, Any], changes: dict[str, Any], what: str
) -> None:
    result = verdict(Rules(**rules), interval=interval(**changes))

    assert not result.passed
    assert what in result.why


def test_digits_tell_a_narrow_pass_apart() -> None:
    assert "interval 0.0003 to 1.3500, above 0" in verdict(interval=interval(low=0.0003)).why
    assert outcome(verdict(Rules(floor=52.3), quality=52.3004), "floor") == (
        False,
        "rmse 52.3004, above the ceiling of 52.3",
    )


def test_the_floor_is_a_ceiling_where_less_is_better() -> None:
    assert outcome(verdict(Rules(floor=50)), "floor") == (
        False,
        "rmse 52.36, above the ceiling of 50",
    )
    result = decide(Comparison(Rules(floor=0.9), of_name("accuracy"), 0.8755, interval=None))
    assert outcome(result, "floor") == (False, "accuracy 0.8755, below the floor of 0.9")
    result = decide(Comparison(Rules(floor=0.9), of_name("accuracy"), 0.9, interval=None))
    assert outcome(result, "floor") == (True, "accuracy 0.9000, at least 0.9")
    result = decide(Comparison(Rules(floor=0.9), of_name("roc_auc"), float("nan"), interval=None))
    assert outcome(result, "floor") == (False, "roc_auc is not defined on the held-out rows")


def test_a_first_champion_needs_the_floor_only_on_rows_it_has_not_seen() -> None:
    result = verdict(Rules(floor=60, slice_by=["site"]), interval=None, seconds_a_row=None)

    assert result.passed
    assert result.why == "rmse 52.36, at most 60"
    none_yet = [part.name for part in result.checks if part.what == NO_CHAMPION]
    assert none_yet == ["improvement", "slices", "signature", "time"]
    assert not verdict(Rules(floor=50), interval=None).passed


def test_a_lost_slice_is_named_with_its_numbers() -> None:
    parts = [
        Slice("site", "north", 100, 50.0, 49.0, 1.0, True, 0.5, 100, 2.0),
        Slice("site", "south", 100, 50.0, 53.5, -3.5, True, 0.5, 100, -2.5, True),
        Slice("site", "missing", 3, 50.0, 99.0, -49.0, False),
    ]
    rules = Rules(slice_by=["site"], slice_tolerance=0.5)

    assert outcome(verdict(rules, slices=tuple(parts)), "slices") == (
        False,
        "1 of 2 slices surely loses more than 0.5: site = south, rmse 53.50 against 50.00, "
        "worse by 3.50 (at least 2.50) on 100 rows; 1 too small to judge, or undefined",
    )
    assert outcome(verdict(rules, slices=tuple(parts[:1])), "slices") == (
        True,
        "none of 1 slice by site surely loses more than 0.5",
    )
    assert outcome(verdict(rules), "slices") == (False, "no slices of site were measured")


def test_a_slower_and_an_incompatible_challenger_are_refused() -> None:
    slow = verdict(seconds_a_row=(2e-6, 5e-3))
    assert slow.why == "5 ms a row against 2 µs (2.5e+03 times), more than 2 times"
    assert verdict(Rules(time_factor=None), seconds_a_row=(1e-6, 1.0)).passed
    assert verdict(seconds_a_row=None).why == "the prediction time was not measured"
    assert verdict(signature_problems=("it needs 'age' too", "'bmi' is text")).why == (
        "it needs 'age' too; 'bmi' is text"
    )


def test_results_are_frozen_and_fit_json() -> None:
    result = verdict(slices=(), interval=interval(low=float("-inf")), quality=float("nan"))

    text = json.dumps(result.as_dict(), allow_nan=False)
    assert json.loads(text)["passed"] is False
    assert interval(low=float("nan")).as_dict()["low"] is None
    with pytest.raises(FrozenInstanceError):
        result.passed = True  # type: ignore[misc]


def test_rules_have_defaults_and_options_go_over_them() -> None:
    recipe = parse({"metric": "mae", "floor": 60, "slice_by": ["site"]}, "promotion of a.yaml")

    assert (recipe.floor, recipe.resamples, recipe.time_factor) == (60.0, 2000, 2.0)
    assert parse(None, "promotion of a.yaml") == Rules()
    overrides = {"metric": None, "improvement": 0.5, "slice_by": (), "floor": 0.0}
    over = merged(recipe, overrides)
    assert over == replace_rules(recipe, improvement=0.5, floor=0.0)
    assert merged(recipe, {"metric": "", "slice_by": ("sex",)}).slice_by == ["sex"]
    assert recipe.improvement == 0


def replace_rules(rules: Rules, **changes: Any) -> Rules:
    return rules.model_copy(update=changes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"improvment": 1}, "has an unknown key 'improvment'. Did you mean 'improvement'?"),
        ({"confidence": 95}, "confidence: Input should be less than or equal to 0.9999"),
        ({"improvement": -1}, "improvement: Input should be greater than or equal to 0"),
        ({"improvement": float("nan")}, "improvement: Input should be"),
        ({"floor": "60"}, "floor: Input should be a valid number"),
        ({"resamples": 99}, "resamples: Input should be greater than or equal to 100"),
        ({"resamples": 2000.5}, "resamples: Input should be a valid integer"),
        ({"slice_by": "site"}, "slice_by: Input should be a valid list"),
        ({"slice_by": [""]}, "slice_by.0: String should have at least 1 character"),
        ({"time_factor": 0}, "time_factor: Input should be greater than 0"),
        (["metric"], "holds no rules. It should be a YAML mapping"),
    ],
)
def test_rules_that_make_no_sense_are_refused(content: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^promotion of a\.yaml") as caught:
        parse(content, "promotion of a.yaml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_arithmetic_of_the_gate_imports_no_mlflow() -> None:
    code = (
        "import sys, mlproject.gate.verdict as v\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('inference', 'mlflow')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_pair_is_plain_data() -> None:
    pair = paired(of_name("accuracy"), ["a", "b"], ["b", "b"], ["a", "b"])

    assert isinstance(pair, Pair)
    assert (pair.y.tolist(), pair.champion.tolist()) == ([0, 1], [1, 1])


def test_a_machine_that_is_busy_at_first_makes_neither_model_slower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]

    class Shared:
        """A model on a machine that has something else to do in the first quarter of a second."""

        def predict(self, X: Any) -> None:
            clock[0] += 0.03 if clock[0] < 0.25 else 0.01

    monkeypatch.setattr("mlproject.models.loaded.time.perf_counter", lambda: clock[0])
    model: Any = Shared()
    rows = pd.DataFrame({"x": range(10)})

    assert seconds_a_row((model, rows), (model, rows)) == pytest.approx((0.001, 0.001))
