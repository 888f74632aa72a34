"""What a row gets is up to itself: not to the batch, its neighbours, or the number of jobs."""

from __future__ import annotations

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
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures

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
