"""What a row gets is up to itself: not to the batch, its neighbours, or the number of jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)

from inference.rejects import RejectFinder
from mlproject.data.types import Misfit, shown
from tests.conftest import Shell, saved

pytestmark = pytest.mark.filterwarnings("ignore")


def scored(shell: Shell, source: str, *options: str) -> pd.DataFrame:
    done = shell.score(
        *("--model", "model", "--trust", "pickle", "--input", source, "--output", "o.csv"),
        *("--overwrite", "--no-track", *options),
    )
    assert done.code == 0, done.err
    return pd.read_csv(shell.folder / "o.csv", float_precision="round_trip")


@pytest.mark.parametrize(
    "model",
    [
        MLPRegressor(hidden_layer_sizes=(50,), max_iter=20, random_state=0),
        Ridge(),
        RandomForestRegressor(20, n_jobs=2, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_bytes_do_not_depend_on_batches_and_jobs(shell: Shell, model: Any) -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20_000, 7)), columns=list("abcdefg"))
    saved(shell.folder / "model", model.fit(X[:300], X["a"][:300] * X["b"][:300]), X)
    X.to_csv(shell.folder / "in.csv", index=False)
    outputs = set()
    for options in ([], ["--batch-rows", "64"], ["--batch-rows", "9000", "--jobs", "2"]):
        scored(shell, "in.csv", *options)
        outputs.add((shell.folder / "o.csv").read_bytes())

    assert len(outputs) == 1


def test_a_gap_in_whole_numbers_changes_no_other_row(shell: Shell) -> None:
    as_text = FunctionTransformer(lambda X: X.astype(str), feature_names_out="one-to-one")
    encoded = make_pipeline(as_text, OneHotEncoder(handle_unknown="ignore"))
    X = pd.DataFrame({"i": [1, 2, 3, 4] * 20, "x": 0.0})
    model = make_pipeline(
        make_column_transformer((encoded, ["i"]), remainder="passthrough"), LinearRegression()
    ).fit(X, X["i"] * 100)
    saved(shell.folder / "model", model, X)
    (shell.folder / "whole.csv").write_text("i,x\n3,0\n4,0\n")
    (shell.folder / "gap.csv").write_text("i,x\n3,0\n,0\n4,0\n")
    whole, gap = scored(shell, "whole.csv"), scored(shell, "gap.csv")

    assert whole["prediction"].round(6).tolist() == [300, 400]
    assert gap["prediction"].tolist()[::2] == whole["prediction"].tolist()


def test_missing_text_is_what_the_model_was_fitted_on(shell: Shell) -> None:
    frame = pd.DataFrame({"kind": ["flat", "flat", "house", np.nan] * 20, "size": range(80)})
    pipeline = make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["kind"]),
        ),
        LogisticRegression(),
    )
    model = pipeline.fit(frame, frame["kind"] == "house")
    saved(shell.folder / "model", model, frame)
    (shell.folder / "in.csv").write_text("size,kind\n1,\n2,flat\n3,house\n")
    result = scored(shell, "in.csv", "--method", "predict_proba")
    expected = model.predict_proba(pd.read_csv(shell.folder / "in.csv"))

    assert result["probability_True"].tolist() == expected[:, 1].tolist()
    assert result["probability_True"][0] == result["probability_True"][1]


@pytest.mark.parametrize("batch", ["64", "128"])
def test_a_good_row_is_not_blamed_for_the_value_of_a_bad_one(shell: Shell, batch: str) -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    model = make_pipeline(PolynomialFeatures(interaction_only=True), RandomForestRegressor(3))
    saved(shell.folder / "model", model.fit(X, X["a"]), X)
    rows = ["1e308,5", *["1,1"] * 63, "1e30,0.5"]
    (shell.folder / "in.csv").write_text("\n".join(["a,b", *rows]))
    result = scored(
        shell, "in.csv", "--on-error", "reject", "--max-rejects", "1", "--batch-rows", batch
    )
    rejects = pd.read_csv(shell.folder / "o.csv.rejects.csv")

    assert len(result) == 64
    assert rejects["line"].tolist() == [2]


@pytest.mark.parametrize("batch", ["64", "128"])
def test_a_batch_of_bad_rows_alone_is_rejected(shell: Shell, batch: str) -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    folder = saved(shell.folder / "model", RandomForestRegressor(3).fit(X, X["a"]), X)
    (folder / "input_example.json").unlink()
    saved_rows = ["1,2"] * 64 + ["1,inf", "inf,1"]
    (shell.folder / "in.csv").write_text("\n".join(["a,b", *saved_rows]))
    scored(shell, "in.csv", "--on-error", "reject", "--max-rejects", "1", "--batch-rows", batch)

    assert pd.read_csv(shell.folder / "o.csv.rejects.csv")["column"].tolist() == ["b", "a"]


def test_a_truth_value_is_true_or_false_and_nothing_between(shell: Shell, tmp_path: Path) -> None:
    X = pd.DataFrame({"flag": [True, False] * 20, "x": np.arange(40.0)})
    saved(shell.folder / "model", LinearRegression().fit(X, X["flag"] * 10.0), X)
    pd.DataFrame({"flag": [1.0, 0.0, 0.5], "x": 0.0}).to_parquet(shell.folder / "in.parquet")
    result = scored(shell, "in.parquet", "--on-error", "reject", "--max-rejects", "1")
    rejects = pd.read_csv(shell.folder / "o.csv.rejects.csv")

    assert result["prediction"].round(6).tolist() == [10, 0]
    assert rejects["reason"].tolist() == ["0.5 is not true or false"]


# The model as the finder sees it: what it says against a frame, and how often it was asked.
class Asked:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.calls = 0
        self.rows = 0

    def __call__(self, frame: pd.DataFrame) -> str | None:
        self.calls += 1
        self.rows += len(frame)
        try:
            self.model.predict(frame)
        except ValueError as error:
            return str(error).partition("\n")[0]
        return None


def one_by_one(ask: Asked, good: pd.DataFrame, frame: pd.DataFrame) -> list[Misfit]:
    """Ask about every row alone, and about every value of a refused one beside the good row."""

    def beside(row: pd.DataFrame, names: list[str]) -> str | None:
        return ask(pd.DataFrame({n: (row if n in names else good)[n].array for n in frame}))

    misfits = []
    for number in range(len(frame)):
        row = frame.iloc[[number]]
        why = ask(row)
        if why is None:
            continue
        kinds = {name: kind for name in frame if (kind := odd(row[name].iloc[0]))}
        together = beside(row, list(kinds)) if kinds else None
        if together is not None:
            told = ((n, beside(row, [n])) for n in kinds)
            name, said = next((item for item in told if item[1]), (next(iter(kinds)), together))
            reason = f"it {kinds[name]}, which the model refuses ({said})"
            misfits.append(Misfit(number, name, reason))
            continue
        told = ((n, beside(row, [n])) for n in frame if n not in kinds)
        column, said = next((item for item in told if item[1]), (None, None))
        value = shown(row[column].iloc[:1].tolist()[0]) if column else "it"
        misfits.append(Misfit(number, column, f"the model refuses {value} ({said or why})"))
    return misfits


def odd(value: Any) -> str | None:
    if pd.isna(value):
        return "is missing"
    return "is infinite" if isinstance(value, float) and np.isinf(value) else None


def random_frame(random: np.random.Generator, rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "x": random.normal(size=rows),
            "text": random.choice(["red", "green", "blue"], rows).astype(object),
            "code": random.integers(0, 6, rows),
            "y": random.normal(size=rows),
            "level": random.choice([0.0, 1.0, 2.5, 4.0], rows),
            "flag": random.random(rows) < 0.5,
        }
    )


def random_model(random: np.random.Generator) -> Any:
    """A pipeline that refuses what a random choice of steps refuses."""

    def encoder() -> Any:
        handle = random.choice(["error", "error", "ignore"])
        if random.random() < 0.5:
            return OneHotEncoder(handle_unknown=handle)
        handled = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
        return OrdinalEncoder(**handled if handle == "ignore" else {})

    numbers = [
        StandardScaler(),
        PolynomialFeatures(2, interaction_only=True),
        make_pipeline(SimpleImputer(), PolynomialFeatures(2)),
    ]
    filled = SimpleImputer(strategy="most_frequent")
    text = encoder() if random.random() < 0.5 else make_pipeline(filled, encoder())
    columns = make_column_transformer(
        (numbers[random.integers(len(numbers))], ["x", "y"]),
        (text, ["text"]),
        (encoder(), ["code"]),
        (encoder(), ["level"]),
        remainder="passthrough",
    )
    ends = [RandomForestRegressor(3, max_depth=3), LinearRegression()]
    return make_pipeline(columns, ends[random.integers(len(ends))])


def spoilt(random: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """Put random faults into a frame."""
    frame = frame.copy()
    faults = {
        "x": [np.nan, np.inf, -np.inf, 1e30, 1e39, 1e308],
        "y": [np.nan, np.inf, 1e30, -1e39],
        "text": [None, "violet", "pink", ""],
        "code": [77, 78, -1, 2**40],
        "level": [np.nan, np.inf, 3.0, 3.5, 2.0**40],
    }
    for name, values in faults.items():
        hit = random.random(len(frame)) < random.choice([0, 0.02, 0.3])
        frame.loc[hit, name] = np.array(values, frame[name].dtype)[
            random.integers(len(values), size=hit.sum())
        ]
    return frame


@pytest.mark.parametrize("seed", range(12))
def test_the_refused_rows_and_the_reasons_are_those_of_asking_one_by_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    X = random_frame(random, 200)
    ask = Asked(random_model(random).fit(X, X["x"]))
    good = X.iloc[[0]].reset_index(drop=True)
    finder = RejectFinder(ask, good)
    for _ in range(3):  # what is remembered changes nothing
        frame = spoilt(random, random_frame(random, 60))
        expected = one_by_one(ask, good, frame)
        assert finder.find(frame) == expected
        refused = [item.row for item in expected]
        without = RejectFinder(ask, None).find(frame)
        assert [item.row for item in without] == refused


def test_threads_that_share_a_finder_find_the_same() -> None:
    random = np.random.default_rng(0)
    X = random_frame(random, 200)
    encoded = make_column_transformer((OneHotEncoder(), ["code", "text"]))
    ask = Asked(make_pipeline(encoded, LinearRegression()).fit(X, X["x"]))
    good = X.iloc[[0]].reset_index(drop=True)
    frames = [spoilt(random, random_frame(random, 300)) for _ in range(8)]
    expected = [RejectFinder(ask, good).find(frame) for frame in frames]
    shared = RejectFinder(ask, good)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.find, frames)) == expected


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("kind", [int, float, str])
def test_unknown_categories_cost_a_question_or_two_each(share: float, kind: type) -> None:
    rows, random = 4096 if share < 0.1 else 512, np.random.default_rng(0)
    known = pd.DataFrame({"code": np.arange(50).astype(kind), "x": 1.0})
    known["code"] = known["code"].astype(object if kind is str else kind)
    encoded = make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough")
    ask = Asked(make_pipeline(encoded, LinearRegression()).fit(known, known["x"]))
    frame = known.iloc[random.integers(50, size=rows)].reset_index(drop=True)
    unknown = np.flatnonzero(random.random(rows) < share)
    frame.loc[unknown, "code"] = np.array([kind(1000 + i) for i in unknown], frame["code"].dtype)
    finder = RejectFinder(ask, known.iloc[[0]])
    assert [item.row for item in finder.find(frame)] == unknown.tolist()
    assert ask.calls < 2 * len(unknown) + 50
    assert ask.rows < 5 * rows + len(unknown) * np.log2(rows)

    ask.calls = 0
    assert len(finder.find(frame)) == len(unknown)
    assert ask.calls < 5


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_numbers_that_are_too_large_cost_no_search_each(share: float) -> None:
    rows, random = 2048 if share < 0.1 else 256, np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(rows, 8)), columns=list("abcdefgh"))
    ask = Asked(make_pipeline(StandardScaler(), RandomForestRegressor(2)).fit(X, X["a"]))
    large = np.flatnonzero(random.random(rows) < share)
    frame = X.copy()
    frame.loc[large, "f"] = 1e39 * (1 + random.random(len(large)))
    misfits = RejectFinder(ask, X.iloc[[0]]).find(frame)

    assert [item.row for item in misfits] == large.tolist()
    assert {item.column for item in misfits} == {"f"}
    assert ask.calls < 16 * len(large) + 50


def test_each_row_lacks_other_values_and_none_is_asked_alone() -> None:
    rows, random = 1024, np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(rows, 12)), columns=list("abcdefghijkl"))
    model = make_pipeline(SimpleImputer(), RandomForestRegressor(2)).fit(X, X["a"])
    frame = X.mask(random.random(X.shape) < 0.3)
    frame.loc[7, "a"] = 1e39
    ask = Asked(model)

    assert [item.row for item in RejectFinder(ask, X.iloc[[0]]).find(frame)] == [7]
    assert ask.calls < 50


def test_a_value_that_another_thread_judges_meanwhile_is_judged_here_too() -> None:
    class Shared(dict[Any, Any]):
        """What is known, to which another thread adds each value just before it is looked for."""

        def __contains__(self, value: object) -> bool:
            self[value] = None
            return True

    X = pd.DataFrame({"code": list("abab"), "x": [1.0, 2.0, 3.0, 4.0]})
    encoded = make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough")
    ask = Asked(make_pipeline(encoded, LinearRegression()).fit(X, X["x"]))
    finder = RejectFinder(ask, X.iloc[[0]])
    finder._answers.values["code"] = Shared()
    frame = X.assign(code=list("aczb"))

    assert [item.row for item in finder.find(frame)] == [1, 2]
