"""Frames of Spark and Dask programs, scored where their rows are."""

from __future__ import annotations

import json
import shutil
import sys
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

import mlproject
from mlproject.base.errors import ConfigurationError, DataError
from tests.conftest import Shell, dask_cluster, free_port, saved

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = 2_000
BAD = {3: "column 'sex': the model refuses 'x'", 60: "column 'weight': it is missing"}
BAD[700] = "column 'age': it is missing"
ADDED = ["probability_False", "probability_True", "prediction", "reject_reason"]
BLOCKED = "none of our code is here"
SAFE: dict[str, Any] = {"serialization_format": "skops"}


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "row": np.arange(ROWS),
            "age": rng.integers(20, 80, ROWS),
            "weight": rng.normal(70, 9, ROWS),
            "sex": rng.choice(["f", "m"], ROWS),
        }
    )


def odd() -> pd.DataFrame:
    """The same rows, of which three cannot be scored."""
    frame = rows().astype({"age": "Int64"})
    frame.loc[3, "sex"] = "x"
    frame.loc[60, "weight"] = None
    frame.loc[700, "age"] = None
    return frame


@pytest.fixture(scope="module")
def fitted() -> Any:
    X = rows().drop(columns="row")
    encoded = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
    return make_pipeline(encoded, LogisticRegression()).fit(X, X["weight"] > X["age"])


@pytest.fixture(scope="module")
def shell(own_shell: Callable[[], Shell], fitted: Any) -> Shell:
    """A folder with two models, their input, and modules that stand in the way of ours."""
    shell = own_shell()
    X = rows().drop(columns="row")
    saved(shell.folder / "classifier", fitted, X, **SAFE)
    X = X[["age", "weight"]].astype(float)
    saved(shell.folder / "regression", LinearRegression().fit(X, X["age"] % 7), X, **SAFE)
    odd().to_parquet(shell.folder / "in.parquet", index=False)
    (shell.folder / "stream").mkdir()
    odd().to_parquet(shell.folder / "stream" / "a.parquet", index=False)
    (shell.folder / "blocked").mkdir()
    for name in ("inference", "mlproject"):
        (shell.folder / "blocked" / f"{name}.py").write_text(f"raise ImportError('{BLOCKED}')")
    return shell


def check(scored: pd.DataFrame, fitted: Any) -> None:
    """Compare with scikit-learn on the same rows: each is scored, or has a reason."""
    scored = scored.sort_values("row", ignore_index=True)
    assert scored["row"].tolist() == list(range(ROWS))
    bad = scored[scored["reject_reason"].notna()]
    assert bad["row"].tolist() == sorted(BAD)
    for row, reason in BAD.items():
        assert reason in bad.loc[row, "reject_reason"]
    assert bad[ADDED[:3]].isna().all(axis=None)
    good = rows().drop(index=list(BAD))
    scored = scored.drop(index=list(BAD))
    assert scored["prediction"].tolist() == fitted.predict(good).tolist()
    np.testing.assert_allclose(
        scored[ADDED[:2]].to_numpy(float), fitted.predict_proba(good), rtol=1e-12
    )


@pytest.fixture(scope="module")
def spark(shell: Shell) -> dict[str, Any]:
    """What a Spark program tells, whose executors have none of this project."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not here")
    program = Path(__file__).with_name("spark_program.py")
    blocked = str(shell.folder / "blocked")
    done = shell.python(str(program), blocked, PYSPARK_PYTHON=sys.executable)
    assert done.code == 0, done.err
    told: dict[str, Any] = json.loads((shell.folder / "told.json").read_text())
    assert told["alone"] == BLOCKED
    return told


def test_spark_scores_each_row_or_says_why_not(
    spark: dict[str, Any], shell: Shell, fitted: Any
) -> None:
    check(pd.read_parquet(shell.folder / "scored.parquet"), fitted)


def test_spark_keeps_all_columns_as_they_are(spark: dict[str, Any]) -> None:
    told = spark["scored"]
    assert [*told["columns"]] == [*told["given"], *ADDED]
    assert [told["columns"][name] for name in ADDED] == ["double", "double", "boolean", "string"]
    assert told["changed"] == 0


def test_spark_predicts_what_mlflow_predicts(spark: dict[str, Any]) -> None:
    assert spark["judged"]["rows"] == ROWS - len(BAD)
    assert spark["judged"]["rejected"] == 0
    assert spark["judged"]["gap"] < 1e-12


def test_partitions_do_not_show_in_what_spark_predicts(spark: dict[str, Any]) -> None:
    assert spark["partitioned"] == {"close": True, "reasons": True}


def test_spark_scores_no_rows_to_the_same_columns(spark: dict[str, Any]) -> None:
    columns = ["row", "age", "weight", "sex", "prediction", "reject_reason"]
    assert spark["empty"] == {"rows": 0, "columns": columns}


def test_spark_scores_a_stream(spark: dict[str, Any]) -> None:
    assert spark["streamed"] == {"rows": ROWS, "rejected": len(BAD)}


def test_spark_scores_with_two_models_at_a_time(spark: dict[str, Any]) -> None:
    assert spark["twice"] == {"first": ROWS - 3, "prediction": ROWS - 2}


def test_what_spark_cannot_score_is_refused_before_anything_is_computed(
    spark: dict[str, Any],
) -> None:
    told = spark["refused"]
    assert told["clash"].startswith("ConfigurationError: The data frame already has a column")
    assert told["missing"].startswith("DataError: No column 'sex'")
    assert "'sexx'" in told["missing"]
    assert (
        "ConfigurationError: A Spark data frame is expected, not pandas.DataFrame" in told["pandas"]
    )


def dask_frame(frame: pd.DataFrame, partitions: int = 4) -> Any:
    import dask.dataframe

    return dask.dataframe.from_pandas(frame, npartitions=partitions)


def test_dask_scores_each_row_or_says_why_not(shell: Shell, fitted: Any) -> None:
    frame = odd().set_index(np.arange(ROWS) * 2)
    given = dask_frame(frame)
    scored = mlproject.dask.score(given, str(shell.folder / "classifier"), method="predict_proba")
    made = scored.compute(scheduler="sync")

    assert scored.divisions == given.divisions
    assert made.index.tolist() == frame.index.tolist()
    assert [*scored.columns] == [*frame.columns, *ADDED]
    assert made.dtypes.to_dict() == scored.dtypes.to_dict()
    assert str(scored.dtypes["prediction"]) == "boolean"
    pd.testing.assert_frame_equal(made[[*frame.columns]], given.compute(scheduler="sync"))
    check(made, fitted)


def test_partitions_do_not_show_in_what_dask_predicts(shell: Shell) -> None:
    model = str(shell.folder / "regression")
    frame = odd()
    given = dask_frame(frame, 13)
    empty = given[given["row"] > frame["row"].median()]  # in half of the partitions
    many = mlproject.dask.score(empty, model).compute(scheduler="threads")
    one = mlproject.dask.score(dask_frame(frame, 1), model).compute(scheduler="sync")

    pd.testing.assert_frame_equal(many, one.loc[many.index], rtol=1e-13)
    assert len(many) == ROWS // 2


def test_the_model_is_in_the_graph_of_dask_once(shell: Shell) -> None:
    import cloudpickle
    import dask

    def size(partitions: int) -> int:
        frame = dask_frame(odd()[["age", "weight"]].head(partitions), partitions)
        scored = mlproject.dask.score(frame, str(shell.folder / "regression"))
        (small,) = dask.optimize(scored)
        return sum(len(cloudpickle.dumps(task)) for task in dict(small.__dask_graph__()).values())

    assert size(20) < 1.5 * size(1)


def test_a_dask_cluster_needs_none_of_our_code(shell: Shell, fitted: Any) -> None:
    import distributed

    address = f"tcp://127.0.0.1:{free_port()}"
    elsewhere = shell.environment | {"PYTHONPATH": str(shell.folder / "blocked")}
    scored = mlproject.dask.score(
        dask_frame(odd()), str(shell.folder / "classifier"), method="predict_proba"
    )
    with (
        dask_cluster(address, shell.folder.parent, elsewhere),
        distributed.Client(address) as client,
    ):
        check(client.compute(scored).result(timeout=120), fitted)


def test_what_dask_cannot_score_is_refused_before_anything_is_computed(shell: Shell) -> None:
    model, frame = str(shell.folder / "classifier"), odd()

    with pytest.raises(ConfigurationError, match="already has a column 'reject_reason'"):
        mlproject.dask.score(dask_frame(frame.assign(reject_reason="")), model)
    with pytest.raises(DataError, match=r"No column 'sex' in the data frame.*'sexx'"):
        mlproject.dask.score(dask_frame(frame.rename(columns={"sex": "sexx"})), model)
    with pytest.raises(
        ConfigurationError, match="A Dask data frame is expected, not pandas.DataFrame"
    ):
        mlproject.dask.score(frame, model)


def test_the_type_of_a_prediction_is_known_without_an_example(
    shell: Shell, fitted: Any, tmp_path: Path
) -> None:
    import mlflow

    X = rows().drop(columns="row")
    signature = mlflow.models.infer_signature(X, fitted.predict(X))
    path = tmp_path / "bare"
    mlflow.sklearn.save_model(fitted, path, signature=signature, pip_requirements=[], **SAFE)
    scored = mlproject.dask.score(dask_frame(odd()), str(path), method="predict_proba")

    made = scored.compute(scheduler="sync")
    assert made.dtypes[ADDED[:3]].astype(str).tolist() == ["float64", "float64", "boolean"]
    assert made.dtypes.to_dict() == scored.dtypes.to_dict()
    assert made["row"][made["reject_reason"].notna()].tolist() == sorted(BAD)
    good = rows().drop(index=list(BAD))
    assert made["prediction"].dropna().tolist() == fitted.predict(good).tolist()


def test_workers_with_other_versions_are_refused_unless_they_are_allowed() -> None:
    from inference.engines import probing, shipping

    cargo = shipping.Cargo.of(len).content
    other = probing.versions() | {"numpy": "1.0"}

    with pytest.raises(ConfigurationError, match=r"has numpy .*, but the caller has 1\.0.*allow"):
        shipping.loader(other)(cargo)
    assert shipping.loader(None)(cargo)([1, 2]) == 2
    assert shipping.loader(probing.versions())(cargo)([1, 2]) == 2


@pytest.mark.parametrize("name", ["dask", "spark"])
def test_a_program_without_the_cluster_s_packages_is_told_so(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlproject.base import clusters

    monkeypatch.setattr(clusters, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=f"Install the extra '{name}'"):
        getattr(mlproject, name).score(None, "model")
