"""A data frame in, a data frame out, and the same as from a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from inference.predict import predict
from inference.request import ScoreRequest
from inference.score import score
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.models.loaded import LoadedModel
from mlproject.models.opening import open_model
from mlproject.models.trust import Policy
from mlproject.tracking import session as sessions
from mlproject.tracking.target import resolve
from tests.conftest import saved

pytestmark = pytest.mark.filterwarnings("ignore")

Predicted = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


def rows(number: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, number),
            "weight": rng.normal(70, 9, number),
            "sex": rng.choice(["f", "m"], number),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that takes a whole number, a number and a category."""
    X = rows()
    encoded = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    model = make_pipeline(encoded, LogisticRegression()).fit(X, X["weight"] > X["age"])
    return saved(tmp_path_factory.mktemp("model") / "m", model, X, serialization_format="skops")


def opened(folder: Path) -> LoadedModel:
    with sessions.opened(resolve(None)) as session:
        return open_model(str(folder), session, Policy())


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return opened(folder)


def odd() -> pd.DataFrame:
    """Rows of which some cannot be scored, with an index and columns of their own."""
    frame = rows(12).assign(name=list("abcdefghijkl"))
    frame["age"] = frame["age"].astype(object)
    frame.loc[3, "sex"] = "x"
    frame.loc[5, "sex"] = None
    frame.loc[7, "weight"] = np.nan
    frame.loc[9, "age"] = None
    frame.index = pd.Index([f"row {number}" for number in range(12)])
    return frame[["name", "sex", "weight", "age"]]


def test_rows_are_scored_or_rejected_under_their_index(model: LoadedModel) -> None:
    frame = odd()
    predictions, rejects = predict(model, frame)

    assert [*predictions.columns] == ["name", "sex", "weight", "age", "prediction"]
    assert sorted([*predictions.index, *rejects.index]) == sorted(frame.index)
    assert rejects["column"].to_dict() == {
        "row 3": "sex",
        "row 5": "sex",
        "row 7": "weight",
        "row 9": "age",
    }
    assert "the model refuses 'x'" in rejects.loc["row 3", "reason"]
    assert "it is missing" in rejects.loc["row 7", "reason"]
    pd.testing.assert_frame_equal(
        predictions.drop(columns="prediction"), frame.loc[predictions.index]
    )
    assert "prediction" not in frame


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_what_is_predicted_is_what_scoring_a_parquet_file_gives(
    folder: Path, model: LoadedModel, tmp_path: Path, method: str
) -> None:
    frame = odd()
    frame.to_parquet(tmp_path / "in.parquet", index=False)
    request = ScoreRequest(
        model=str(folder),
        input=str(tmp_path / "in.parquet"),
        output=str(tmp_path / "out.parquet"),
        method=method,
        on_error="reject",
        max_rejects=1,
        track=False,
        tracking="local",
    )
    score(request, Reporter(quiet=True))
    predictions, rejects = predict(model, frame, method)

    written = pd.read_parquet(tmp_path / "out.parquet")
    added = [name for name in written if name not in frame]
    assert added == [name for name in predictions if name not in frame]
    assert "prediction" in added
    assert ("probability_True" in added) == (method == "predict_proba")
    pd.testing.assert_frame_equal(predictions[added].reset_index(drop=True), written[added])
    told = pd.read_csv(tmp_path / "out.parquet.rejects.csv")
    assert rejects["column"].tolist() == told["column"].tolist()
    assert rejects["reason"].tolist() == told["reason"].tolist()
    assert frame.index.get_indexer(rejects.index).tolist() == (told["line"] - 1).tolist()


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("age", "old", "'old' is not a whole number of 64 bits"),
        ("age", 1.5, "1.5 is not a whole number of 64 bits"),
        ("weight", pd.Timestamp("2020-01-01"), "is not a number"),
    ],
)
def test_a_value_of_the_wrong_type_is_rejected_and_its_neighbours_are_scored(
    model: LoadedModel, column: str, value: Any, reason: str
) -> None:
    frame = rows(5)
    expected = predict(model, frame)[0]["prediction"]
    frame[column] = frame[column].astype(object)
    frame.loc[2, column] = value
    predictions, rejects = predict(model, frame)

    assert predictions["prediction"].to_dict() == expected.drop(index=2).to_dict()
    assert rejects.index.tolist() == [2]
    assert rejects["column"].tolist() == [column]
    assert reason in rejects["reason"].tolist()[0]


def test_text_categories_and_nullable_numbers_are_taken_as_from_a_file(model: LoadedModel) -> None:
    frame = rows(8)
    expected = predict(model, frame)[0]["prediction"].tolist()
    frame["age"] = frame["age"].astype(str)
    frame["sex"] = frame["sex"].astype("category")
    frame["weight"] = frame["weight"].astype("Float64")

    predictions, rejects = predict(model, frame)
    assert predictions["prediction"].tolist() == expected
    assert rejects.empty


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_an_empty_frame_gives_the_same_columns(model: LoadedModel, method: str) -> None:
    full, _ = predict(model, rows(3), method)
    predictions, rejects = predict(model, rows(3).iloc[:0], method)

    pd.testing.assert_frame_equal(predictions, full.iloc[:0])
    assert [*rejects.columns] == ["column", "reason"]
    assert len(rejects) == 0


def test_rows_may_share_an_index(model: LoadedModel) -> None:
    frame = pd.concat([rows(2), rows(2)])
    frame.iloc[1, 2] = "x"
    predictions, rejects = predict(model, frame)

    assert predictions.index.tolist() == [0, 0, 1]
    assert rejects.index.tolist() == [1]


def test_missing_and_repeated_columns_are_named(model: LoadedModel) -> None:
    frame = rows(3)
    with pytest.raises(DataError, match=r"No column 'weight' in the data frame.*'wieght'"):
        predict(model, frame.rename(columns={"weight": "wieght"}))
    with pytest.raises(DataError, match="has the column 'sex' more than once"):
        predict(model, pd.concat([frame, frame[["sex"]]], axis=1))
    with pytest.raises(ConfigurationError, match="already has a column 'prediction'"):
        predict(model, frame.assign(prediction=1))


def test_a_model_of_arrays_takes_columns_by_position(tmp_path: Path) -> None:
    X = rows()[["age", "weight"]].astype(float)
    estimator = LinearRegression().fit(X.to_numpy(), X["age"])
    import mlflow

    signature = mlflow.models.infer_signature(X.to_numpy(), estimator.predict(X.to_numpy()))
    mlflow.sklearn.save_model(
        estimator, tmp_path / "m", signature=signature, serialization_format="skops"
    )
    model = opened(tmp_path / "m")

    predictions, _ = predict(model, X)
    assert predictions["prediction"].tolist() == estimator.predict(X.to_numpy()).tolist()
    with pytest.raises(ConfigurationError, match="has no predict_proba"):
        predict(model, X, "predict_proba")
