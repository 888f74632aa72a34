"""What training makes of files that nobody prepared, on small made-up ones."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.conftest import Shell

RECIPE = {
    "name": "made-up",
    "task": "classification",
    "data": {"target": "y"},
    "pipeline": [{"model": {"LogisticRegression": {}}}],
    "metrics": ["accuracy"],
}
# What is drawn is no part of what these tests are about.
QUIETLY = ("--no-report", "--json")


def rows(shell: Shell, frame: pd.DataFrame, name: str = "data.csv") -> str:
    frame.to_csv(shell.folder / name, index=False)
    return name


def recipe(shell: Shell, **changes: Any) -> str:
    (shell.folder / "made-up.yaml").write_text(yaml.safe_dump(RECIPE | changes))
    return "made-up.yaml"


def two_blobs(count: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(0)
    y = np.where(np.arange(count) % 10, "usual", "rare")
    a = random.normal(size=count) + (y == "rare") * 1.5
    return pd.DataFrame({"a": a, "b": random.normal(size=count), "y": y})


def with_rare_classes() -> pd.DataFrame:
    frame = two_blobs()
    frame.loc[[3, 5], "y"] = "seldom"
    frame.loc[[7], "y"] = "once"
    return frame


@pytest.mark.parametrize(
    ("rare", "told", "classes", "left_out"),
    [
        ("drop", "Classes of fewer than 7 rows", {"usual", "rare"}, 3),
        ("merge", "are one class, 'other'", {"usual", "rare", "other"}, 0),
        ("folds", "so there are 2 folds instead of 5", {"usual", "rare", "seldom", "once"}, 0),
    ],
)
def test_a_recipe_says_what_becomes_of_rare_classes(
    shell: Shell, client: Any, rare: str, told: str, classes: set[str], left_out: int
) -> None:
    if rare == "merge":  # of three rows there would still be too few
        frame = with_rare_classes()
        frame.loc[[9, 11, 13, 15], "y"] = ["x", "x", "z", "w"]
    else:
        frame = with_rare_classes()
    data = rows(shell, frame)
    done = shell.train(
        *(recipe(shell, classes={"rare": rare}), "--data", data, "--param", "model__C=1"),
        *QUIETLY,
    )
    assert done.code == 0, done.err
    assert told in done.err
    assert sum(done.json["rows_left_out"].values()) == left_out
    scored = shell.score(
        *("--run-id", done.json["run_id"], "--input", data, "--output", "o.csv"),
        *("--method", "predict_proba"),
    )
    assert scored.code == 0, scored.err
    columns = pd.read_csv(shell.folder / "o.csv").columns
    assert {name.removeprefix("probability_") for name in columns if "probability_" in name} == (
        classes
    )


def test_a_rare_class_ends_training_where_the_recipe_does_not_say_otherwise(shell: Shell) -> None:
    done = shell.train(recipe(shell), "--data", rows(shell, with_rare_classes()))

    assert done.code == 3
    assert "'once'" in done.error
    assert "classes.rare in the recipe" in done.error


def test_a_tuned_threshold_finds_more_of_a_rare_class(shell: Shell) -> None:
    data = rows(shell, two_blobs(600))
    metrics = {"metrics": ["balanced_accuracy"]}
    plain = shell.trained(recipe(shell, **metrics), "--data", data)
    tuned = shell.trained(
        recipe(shell, **metrics, classes={"threshold": "balanced_accuracy"}), "--data", data
    )
    weighed = shell.trained(
        recipe(shell, **metrics, classes={"weights": "balanced"}), "--data", data
    )

    before = plain["metrics"]["balanced_accuracy"]
    assert tuned["metrics"]["balanced_accuracy"] > before
    assert weighed["metrics"]["balanced_accuracy"] > before
    assert tuned["model_format"] == "skops"
    scored = shell.score("--run-id", tuned["run_id"], "--input", data, "--output", "o.csv")
    assert scored.code == 0, scored.err
    assert (pd.read_csv(shell.folder / "o.csv")["prediction"] == "rare").sum() > 60


@pytest.mark.parametrize(
    ("classes", "code", "told"),
    [
        ({"threshold": "roc_auc"}, 2, "which no threshold changes"),
        ({"rare": "merge"}, 3, "without them the target 'y' has one class"),
    ],
)
def test_what_cannot_be_done_for_classes_is_refused(
    shell: Shell, classes: dict[str, Any], code: int, told: str
) -> None:
    frame = two_blobs()
    if "rare" in classes:
        frame["y"] = np.where(np.arange(200) < 3, "a", "b")
        frame = frame.iloc[:8].assign(y=["a", "a", "b", "b", "c", "c", "d", "d"])
    done = shell.train(recipe(shell, classes=classes), "--data", rows(shell, frame))

    assert done.code == code, done.err
    assert told in done.error


def test_weights_need_a_model_that_takes_them(shell: Shell) -> None:
    pipeline = [{"model": {"KNeighborsClassifier": {}}}]
    done = shell.train(
        recipe(shell, pipeline=pipeline, classes={"weights": "balanced"}),
        *("--data", rows(shell, two_blobs()), "--no-report"),
    )
    assert done.code == 2
    assert "takes class weights" in done.error


def test_a_model_of_noise_is_said_to_be_useless(shell: Shell) -> None:
    random = np.random.default_rng(1)
    noise = pd.DataFrame(random.normal(size=(300, 3)), columns=["a", "b", "y"])
    done = shell.train("--data", rows(shell, noise), "--target", "y", *QUIETLY)

    assert done.code == 0, done.err
    assert re.search(r"Warning: The model (is useless|may be no better than a dummy)", done.err)
    assert done.json["baselines"]["dummy"]["interval"]["low"] <= 0


def test_every_run_has_baselines_and_intervals(shell: Shell, client: Any) -> None:
    result = shell.trained()
    metrics = client(result["tracking_uri"]).get_run(result["run_id"]).data.metrics

    assert metrics["rmse_low"] < metrics["rmse"] < metrics["rmse_high"]
    assert metrics["dummy_rmse"] > metrics["linear_rmse"]
    assert metrics["dummy_cv_rmse"] > metrics["cv_rmse"]
    improvement = metrics["dummy_rmse"] - metrics["rmse"]
    assert metrics["over_dummy"] == pytest.approx(improvement)
    assert metrics["over_dummy_low"] < improvement < metrics["over_dummy_high"]


def test_the_metrics_say_where_they_come_from(shell: Shell) -> None:
    out = shell.train().out

    assert re.search(r"rmse, on 89 held-out rows +\d+\.\d+ \(95 %: \d+\.\d+ to \d+\.\d+\)", out)
    assert re.search(r"rmse, cross-validated +\d+\.\d+ ± \d", out)
    assert re.search(r"better than a dummy model +by \d+\.\d+ rmse \(95 %: ", out)


def test_a_text_column_that_is_empty_in_the_first_rows_is_text(shell: Shell) -> None:
    frame = two_blobs()
    frame["late"] = [None] * 60 + ["stone", "wood"] * 70
    frame["flag"] = [None, True, False, True] * 50
    data = rows(shell, frame)
    result = shell.trained("--data", data, "--target", "y")
    done = shell.score("--run-id", result["run_id"], "--input", data, "--output", "o.csv", "--json")

    assert done.code == 0, done.err
    assert (done.json["rows_out"], done.json["rows_rejected"]) == (200, 0)
    [mlmodel] = (shell.folder / "mlruns").rglob("MLmodel")
    inputs = json.loads(yaml.safe_load(mlmodel.read_text())["signature"]["inputs"])
    types = {item["name"]: item["type"] for item in inputs}
    assert (types["late"], types["flag"]) == ("string", "boolean")


UNSTABLE = """
from sklearn.base import BaseEstimator, RegressorMixin

class Unstable(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        self.calls_ = 0
        return self
    def predict(self, X):
        self.calls_ += 1
        return [float(self.calls_)] * len(X)

def pipeline():
    return Unstable()
"""


def test_a_model_that_does_not_score_its_own_data_is_not_finished(
    shell: Shell, client: Any
) -> None:
    (shell.folder / "unstable.py").write_text(UNSTABLE)
    name = recipe(
        shell,
        task="regression",
        imports=["unstable"],
        pipeline="unstable:pipeline",
        search={"kind": "none"},
        metrics=["rmse"],
    )
    frame = two_blobs().assign(y=range(200))
    done = shell.train(name, "--data", rows(shell, frame), *QUIETLY)

    assert done.code == 5, done.err
    assert "Scoring changes what the model predicts for its own data: row 1 is" in done.error
    run = client((shell.folder / "mlruns").as_uri()).get_run(done.json["run_id"])
    assert run.info.status == "FAILED"


def test_dates_are_features_of_a_model_that_loads_without_this_project(shell: Shell) -> None:
    days = pd.date_range("2024-01-01", periods=400, freq="D")
    frame = pd.DataFrame({"day": days, "y": days.weekday * 10.0 + 0.5})
    data = rows(shell, frame)
    result = shell.trained("--data", data, "--target", "y")
    assert result["metrics"]["r2"] > 0.99
    assert result["model_format"] == "skops"

    [mlmodel] = (shell.folder / "mlruns").rglob("MLmodel")
    program = f"""
import sys, pandas as pd, mlflow
sys.path[:] = [place for place in sys.path if not place.rstrip('/').endswith('src')]
sys.modules.pop('mlproject_features', None)
model = mlflow.pyfunc.load_model({str(mlmodel.parent)!r})
frame = pd.DataFrame({{'day': pd.to_datetime(['2024-07-01', '2024-07-07'])}})
monday, sunday = model.predict(frame)
print(monday < 5 < 55 < sunday)
"""
    done = shell.python("-c", program)
    assert done.code == 0, done.err
    assert done.out.strip().endswith("True")


def test_a_search_ends_within_its_budget_and_says_what_it_left_out(shell: Shell) -> None:
    frame = two_blobs(400)
    done = shell.train("--data", rows(shell, frame), "--target", "y", "--budget", "1", *QUIETLY)

    assert done.code == 0, done.err
    assert re.search(r"Warning: \d candidates? (was|were) not tried within 1 s", done.err)
    assert 1 <= done.json["candidates"] < 7


def test_a_budget_that_is_none_is_refused_before_data_is_read(shell: Shell) -> None:
    done = shell.train("--data", "x.csv", "--target", "y", "--budget", "soon")

    assert done.code == 2
    assert "'soon' is not a time for a search" in done.error


def test_halving_keeps_the_best_of_each_family_up_to_all_rows() -> None:
    from sklearn.dummy import DummyRegressor
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline

    from training.budget import BudgetedGridSearchCV

    random = np.random.default_rng(0)
    X = random.normal(size=(900, 2))
    y = X[:, 0] + random.normal(size=900) * 0.1
    grids = [
        {"model": [Ridge()], "model__alpha": [1, 10, 100]},
        {"model": [DummyRegressor()]},
    ]
    search = BudgetedGridSearchCV(
        Pipeline([("model", Ridge())]), grids, budget=600, first_rows=100, random_state=0, cv=3
    ).fit(X, y)

    rounds = pd.DataFrame(search.cv_results_).groupby("n_resources")["param_model"]
    kinds = {size: {type(model).__name__ for model in models} for size, models in rounds}
    assert kinds == {size: {"Ridge", "DummyRegressor"} for size in (100, 300, 900)}
    assert search.best_params_["model__alpha"] == 1
    assert (search.untried_, search.failed_, search.rows_) == (0, 0, 900)


def test_a_candidate_that_fails_last_does_not_end_the_rounds() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline

    from training.budget import BudgetedGridSearchCV

    X = np.arange(900.0).reshape(-1, 1)
    search = BudgetedGridSearchCV(
        Pipeline([("model", Ridge())]),
        {"model__alpha": [1, 2, 3, 4, -1]},
        budget=600,
        first_rows=300,
        random_state=0,
        cv=3,
    ).fit(X, X[:, 0])

    assert search.cv_results_["n_resources"].max() == 900
    assert (search.failed_, search.untried_) == (1, 0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_candidate_of_which_every_fit_fails_does_not_end_the_search() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import Pipeline

    from training.budget import BudgetedGridSearchCV

    X, y = np.arange(40.0).reshape(-1, 1), np.arange(40.0)
    search = BudgetedGridSearchCV(
        Pipeline([("model", Ridge())]), {"model__alpha": [-1, 1, -2]}, budget=600, cv=4
    ).fit(X, y)

    assert search.best_params_ == {"model__alpha": 1}
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    assert search.failed_ == 1


def test_a_group_is_offered_and_kept_together(shell: Shell) -> None:
    random = np.random.default_rng(0)
    patients = [f"p{number:02d}" for number in range(40)]
    frame = pd.DataFrame({"patient": np.repeat(patients, 6), "a": random.normal(size=240)})
    frame["y"] = frame["patient"].map({name: name[-1] in "02468" for name in patients})
    data = rows(shell, frame)
    offered = shell.train("--data", data, "--target", "y", "--no-report")
    assert "give --group-by patient" in offered.err

    done = shell.train("--data", data, "--target", "y", "--group-by", "patient", *QUIETLY)
    assert done.code == 0, done.err
    assert "patient" not in done.json["features"]
    assert done.json["rows_held_out"] % 6 == 0


def test_columns_are_dropped_and_folds_and_shares_changed_as_asked_for(
    shell: Shell, client: Any
) -> None:
    data = rows(shell, two_blobs())
    result = shell.trained(
        *("--data", data, "--target", "y", "--drop", "b", "--folds", "3", "--test-size", "0.4"),
    )
    store = client(result["tracking_uri"])
    path = store.download_artifacts(result["run_id"], "recipe.yaml", str(shell.folder))
    recorded = yaml.safe_load(Path(path).read_text())

    assert result["features"] == ["a"]
    assert result["left_out"] == {"b": "it is dropped, as asked for"}
    assert result["rows_held_out"] == 80
    assert (recorded["search"]["folds"], recorded["split"]["test_size"]) == (3, 0.4)
    assert shell.trained("recipe.yaml")["metrics"] == result["metrics"]


def test_numbers_in_text_are_told_to_a_recipe_that_takes_them_as_text(shell: Shell) -> None:
    frame = two_blobs().assign(price=[f"${number:,}" for number in range(1000, 1200)])
    encoder = {"OneHotEncoder": {"handle_unknown": "ignore"}}
    transformers = [["price", encoder, ["price"]], ["rest", "passthrough", ["a", "b"]]]
    pipeline = [
        {"features": {"ColumnTransformer": {"transformers": transformers}}},
        {"model": {"LogisticRegression": {}}},
    ]
    done = shell.train(
        recipe(shell, pipeline=pipeline), "--data", rows(shell, frame), "--no-report"
    )

    assert done.code == 0, done.err
    assert "Column 'price' holds numbers in text, such as '$1,000'" in done.err


def test_a_hostile_partial_in_a_model_file_is_refused() -> None:
    from functools import partial

    import skops.io
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.utils.validation import check_array

    from mlproject.models import skops_file, soundness

    good = skops.io.dumps(FunctionTransformer(partial(check_array, dtype=None)))
    assert skops_file.foreign(good) == []
    for function in (partial(print, "x"), partial(check_array, [[1]]), partial(np.exp)):
        data = skops.io.dumps(FunctionTransformer(function))
        assert skops_file.foreign(data), function
    hidden = FunctionTransformer()
    hidden.kw_args = partial(check_array)
    assert soundness.unsound(hidden) is not None


def german(count: int = 300) -> pd.DataFrame:
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=count, freq="D")
    z = random.normal(size=count)
    return pd.DataFrame(
        {
            "day": days.strftime("%d.%m.%Y"),
            "price": [f"{1000 + 7 * number:,.2f} €" for number in range(count)],
            "z": z,
            "y": [f"{value:.3f}" for value in 10.0 * days.month + z],
        }
    )


def test_the_gate_reads_the_data_of_a_run_as_the_run_did(shell: Shell) -> None:
    frame = german()
    frame.loc[::9, "y"] = None
    frame = frame.rename(columns={"price": "größe"})
    frame.to_csv(shell.folder / "data.csv", index=False, encoding="cp1252")
    result = shell.trained("--data", "data.csv", "--target", "y", "--register", "m")
    done = shell.mlproject("models", "promote", "m", "--json")

    assert done.code == 0, done.err
    assert result["rows_left_out"] == {"the target is missing": 34}
    quality = done.json["judged"]["metrics"]["challenger"]
    assert quality == pytest.approx(result["metrics"]["rmse"])


def test_a_format_holds_for_text_that_looks_like_other_numbers(shell: Shell) -> None:
    random = np.random.default_rng(0)
    x = random.integers(1, 999, 1600)
    x[1100:] *= 1000
    texts = [f"{value:,}".replace(",", ".") for value in x]
    data = rows(shell, pd.DataFrame({"x": texts, "y": x / 1000 + random.normal(size=1600) / 100}))
    name = recipe(
        shell,
        task="regression",
        data={"formats": {"x": {"type": "number", "thousands": ".", "decimal": ","}}},
        pipeline=[{"model": {"HistGradientBoostingRegressor": {}}}],
        metrics=["r2"],
    )
    result = shell.trained(name, "--data", data, "--target", "y")
    done = shell.score("--run-id", result["run_id"], "--input", data, "--output", "o.csv")
    assert done.code == 0, done.err
    scored = pd.read_csv(shell.folder / "o.csv")

    assert result["metrics"]["r2"] > 0.99
    assert np.abs(scored["prediction"] - scored["y"])[1100:].mean() < 25


@pytest.mark.parametrize(
    "numbers",
    [
        [*range(1, 40), *range(41, 90)],
        [*range(1, 90), 7],
        [float("nan"), *range(2, 90)],
    ],
)
def test_row_numbers_with_a_gap_or_one_twice_are_left_out(numbers: list[float]) -> None:
    from training.columns import unusable

    shuffled = pd.Series(numbers, name="id").sample(frac=1, random_state=0)
    assert unusable(shuffled.reset_index(drop=True)) == "it numbers the rows"


NONSENSE = {
    "the target left out": (["--drop", "y"], 2, "'y' is the target"),
    "the target as the group": (["--group-by", "y"], 2, "'y' is the target"),
    "nearly all held out": (["--test-size", "0.999"], 3, "rows cannot be split with 0.999"),
    "all held out": (["--test-size", "1"], 2, "test_size"),
    "one fold": (["--folds", "1"], 2, "2 folds or more"),
    "no time": (["--budget", "0"], 2, "is not a time for a search"),
}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (datetime.time(10, 30), "times of day"),
        ([1, 2], "lists"),
        (b"a", "values that are not text"),
    ],
)
def test_a_column_that_is_left_out_is_told_by_what_it_holds(value: Any, what: str) -> None:
    from training.columns import unusable

    assert unusable(pd.Series([value] * 20)) == f"it holds {what}"


@pytest.mark.parametrize("asked", NONSENSE)
def test_what_makes_no_sense_is_refused_in_one_line(shell: Shell, asked: str) -> None:
    options, code, told = NONSENSE[asked]
    done = shell.train("--data", rows(shell, two_blobs()), "--target", "y", *options)

    assert done.code == code, done.err
    assert told in done.error
    assert not (shell.folder / "mlruns").exists()


@pytest.mark.parametrize("options", [("--drop", "y"), ("--group-by", "y")])
def test_a_recipe_too_needs_its_target(shell: Shell, options: tuple[str, str]) -> None:
    done = shell.train(recipe(shell), "--data", rows(shell, two_blobs()), *options)

    assert done.code == 2, done.err
    assert "'y' is the target" in done.error


def test_a_target_of_lists_is_refused_in_one_line(shell: Shell) -> None:
    pd.DataFrame({"a": range(50), "y": [[1]] * 50}).to_parquet(shell.folder / "lists.parquet")
    done = shell.train("--data", "lists.parquet", "--target", "y")

    assert done.code == 3
    assert "neither numbers nor text" in done.error


def test_a_feature_beyond_single_precision_is_trained_on(shell: Shell) -> None:
    frame = two_blobs().assign(big=[1e39 * (number + 1.5) for number in range(200)])
    data = rows(shell, frame)
    result = shell.trained("--data", data, "--target", "y")
    done = shell.score("--run-id", result["run_id"], "--input", data, "--output", "o.csv")

    assert done.code == 0, done.err


def test_a_split_by_time_may_lack_the_time_of_rows_that_are_left_out(shell: Shell) -> None:
    frame = two_blobs().assign(when=pd.date_range("2024-01-01", periods=200).strftime("%Y-%m-%d"))
    frame.loc[:9, ["when", "y"]] = None
    name = recipe(
        shell,
        data={"target": "y", "missing_target": "drop"},
        split={"kind": "time", "time": "when"},
    )
    done = shell.train(name, "--data", rows(shell, frame), *QUIETLY)

    assert done.code == 0, done.err
    assert done.json["rows_trained"] + done.json["rows_held_out"] == 190


def test_a_quantity_that_grows_steadily_numbers_no_rows() -> None:
    from training.columns import unusable

    months = np.arange(150)
    jobs = pd.Series(110_000 + 130 * months + (months % 7) * 11, name="private")
    assert unusable(jobs) is None


def test_a_leak_is_seen_through_gaps_and_in_a_file_that_is_sorted() -> None:
    from training.leaks import warnings_of

    random = np.random.default_rng(0)
    y = pd.Series(np.sort(random.exponential(50, 600)), name="price")
    leak = pd.Series(1000 * y + random.normal(size=600), name="cost in cents")
    leak[::50] = np.nan
    [told] = warnings_of(leak.to_frame(), y, "regression", seed=0)

    assert "alone predicts the target (R² 1.00)" in told
    assert told.endswith("--drop 'cost in cents'")


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"yes": 5, True: 1}, "in quotes: YAML takes them for truth values"),
        ({"Yes": 5, "no": 1}, "Did you mean 'yes'?"),
        ({"yes": 5}, "lacks the class 'no'"),
    ],
)
def test_weights_are_of_the_classes_that_there_are(
    shell: Shell, weights: dict[Any, float], told: str
) -> None:
    frame = two_blobs().assign(y=lambda rows: np.where(rows["a"] > 0, "yes", "no"))
    name = recipe(shell, classes={"weights": weights})
    done = shell.train(name, "--data", rows(shell, frame))

    assert done.code == 2, done.err
    assert "classes.weights" in done.error
    assert told in done.error
    assert not (shell.folder / "mlruns").exists()


def test_a_mistyped_key_of_a_format_is_refused_with_the_nearest(shell: Shell) -> None:
    name = recipe(
        shell, data={"target": "y", "formats": {"a": {"type": "number", "thousand": ","}}}
    )
    done = shell.train(name, "--data", rows(shell, two_blobs()))

    assert done.code == 2, done.err
    assert "Did you mean 'thousands'?" in done.error


def test_a_format_that_training_offers_can_be_pasted(shell: Shell) -> None:
    prices = [f"${number:,}" for number in range(1000, 1199)]
    frame = two_blobs().assign(price=[*prices, "?"])
    encoder = {"OneHotEncoder": {"handle_unknown": "ignore"}}
    transformers = [["price", encoder, ["price"]], ["rest", "passthrough", ["a", "b"]]]
    steps = {"ColumnTransformer": {"transformers": transformers}}
    pipeline = [{"features": steps}, {"model": {"LogisticRegression": {}}}]
    data = rows(shell, frame)
    done = shell.train(recipe(shell, pipeline=pipeline), "--data", data, "--no-report")
    offered = re.search(r"add under 'data' of the recipe: (formats: .*)", done.err)
    assert offered, done.err

    pasted = yaml.safe_load(f"{{{offered[1]}}}")
    boosting = [{"model": {"HistGradientBoostingClassifier": {}}}]
    again = recipe(shell, pipeline=boosting, data={"target": "y"} | pasted)
    assert shell.train(again, "--data", data, "--no-report").code == 0


def test_a_frame_in_the_place_of_a_file_leads_to_fit() -> None:
    import mlproject

    with pytest.raises(
        mlproject.ConfigurationError, match=r"For rows in memory use mlproject\.fit"
    ):
        mlproject.train(data=two_blobs(), target="y")  # type: ignore[arg-type]


def test_what_many_classes_would_take_longer_than_the_budget_is_not_begun(shell: Shell) -> None:
    random = np.random.default_rng(0)
    kinds = np.arange(6000) % 1000
    frame = pd.DataFrame(random.normal(size=(1000, 4))[kinds] * 3, columns=list("abcd"))
    frame += random.normal(size=frame.shape)
    frame.assign(kind=[f"k{number}" for number in kinds]).to_csv(
        shell.folder / "many.csv", index=False
    )
    many = ("--data", "many.csv", "--target", "kind", "--no-report", "--json")

    done = shell.train(*many, "--budget", "20s")

    assert done.code == 0, done.err
    assert "Boosting is left out: 1000 classes take it longer than 20 s" in done.err
    assert "model__C" not in done.json["best_params"]
    assert done.json["metrics"]["accuracy"] > 0.1
    assert done.json["seconds"] < 200  # on a busy machine; it took hours
