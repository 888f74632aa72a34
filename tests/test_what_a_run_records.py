"""What stands in a run when it is finished, and the model beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd
import pytest
import yaml

from tests.conftest import Shell, children_of, served

HOUSES = "rooms,area,kind,price\n" + "".join(
    f"{i % 5 + 1},{40 + i * 1.5},{'flat' if i % 3 else 'house'},{100 + i * 3 + i % 7}\n"
    for i in range(120)
)


@pytest.fixture(scope="module")
def trained(own_shell: Callable[[], Shell], client: Any) -> tuple[Any, dict[str, Any]]:
    """A finished run of the default recipe, which these tests only read."""
    result = own_shell().trained()
    return client(result["tracking_uri"]), result


def test_parameters_metrics_files_and_tags(trained: tuple[Any, dict[str, Any]]) -> None:
    store, result = trained
    run = store.get_run(result["run_id"])

    assert run.data.params["best_model__alpha"] == "0.1"
    assert run.data.params["model__max_iter"] == "500"
    assert run.data.params["scaler__with_mean"] == "True"
    assert "0.25" in run.data.params["param_grid"]
    for name in ("cv_rmse", "cv_rmse_std", "best_cv_score", "training_r2_score", "nrmse", "r2"):
        assert name in run.data.metrics
    assert {item.path for item in store.list_artifacts(result["run_id"])} >= {
        "cv_results.csv",
        "environment.txt",
        "estimator.html",
        "recipe.yaml",
    }
    assert run.data.tags["mlproject.recipe"] == "diabetes-lassolars"
    assert run.data.tags["mlproject.model.format"] == "skops"
    assert run.data.tags["estimator_name"] == "GridSearchCV"


def test_each_child_has_its_parameters_scores_and_times_under_autologging_names(
    trained: tuple[Any, dict[str, Any]],
) -> None:
    store, result = trained
    children = children_of(store, result["experiment_id"], result["run_id"])

    assert [child.data.params["model__alpha"] for child in children] == [
        "0.001",
        "0.01",
        "0.1",
        "0.25",
        "0.5",
    ]
    for child in children:
        assert set(child.data.metrics) == {
            "mean_fit_time",
            "std_fit_time",
            "mean_score_time",
            "std_score_time",
            "mean_test_score",
            "std_test_score",
            "rank_test_score",
        }
        assert child.data.params["model__max_iter"] == "500"
        assert child.data.tags["mlflow.autologging"] == "sklearn"
        assert child.data.tags["estimator_name"] == "Pipeline"


def test_the_children_equal_cv_results(trained: tuple[Any, dict[str, Any]], tmp_path: Path) -> None:
    store, result = trained
    path = store.download_artifacts(result["run_id"], "cv_results.csv", str(tmp_path))
    table = pd.read_csv(path)
    children = children_of(store, result["experiment_id"], result["run_id"])

    for row, child in zip(table.itertuples(), children, strict=True):
        assert child.data.metrics["mean_test_score"] == pytest.approx(row.mean_test_score)
        assert child.data.metrics["rank_test_score"] == row.rank_test_score


def test_stock_autologging_gives_children_the_same_parameters_and_metrics(
    trained: tuple[Any, dict[str, Any]], shell: Shell
) -> None:
    store, result = trained
    stock = shell.warm("-c", STOCK, result["tracking_uri"], MLFLOW_ALLOW_FILE_STORE="true")
    assert stock.code == 0, stock.err
    experiment = store.get_experiment_by_name("stock").experiment_id
    runs = store.search_runs([experiment])
    theirs = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    parent = next(run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    ours = children_of(store, result["experiment_id"], result["run_id"])
    our_parent = store.get_run(result["run_id"])

    assert set(theirs[0].data.params) == set(ours[0].data.params)
    assert set(theirs[0].data.metrics) == set(ours[0].data.metrics)
    assert set(parent.data.params) <= set(our_parent.data.params)
    assert set(parent.data.metrics) <= set(our_parent.data.metrics)


STOCK = """
import sys, mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoLars
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("stock")
mlflow.sklearn.autolog(max_tuning_runs=None, log_models=False, silent=True)
pipeline = Pipeline([("scaler", StandardScaler()), ("model", LassoLars())])
grid = {"model__alpha": [0.01, 0.1]}
search = GridSearchCV(pipeline, grid, scoring="neg_root_mean_squared_error")
search.fit(*load_diabetes(return_X_y=True, as_frame=True))
"""


def test_the_dataset_has_its_source_and_the_hash_of_the_whole_file(
    shell: Shell, client: Any
) -> None:
    path = shell.folder / "houses.csv"
    path.write_text(HOUSES)
    result = shell.trained("--data", "houses.csv", "--target", "price")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    run = client(result["tracking_uri"]).get_run(result["run_id"])
    dataset = run.inputs.dataset_inputs[0].dataset

    assert result["data"] == {"source": str(path), "sha256": digest, "rows": 120}
    assert run.data.tags["mlproject.data.sha256"] == digest
    assert dataset.name == "houses"
    assert digest.startswith(dataset.digest)
    assert json.loads(dataset.source) == {"uri": str(path)}
    assert json.loads(dataset.profile) == {
        "num_rows": 120,
        "num_elements": 480,
        "sha256": digest,
    }
    names = [column["name"] for column in json.loads(dataset.schema)["mlflow_colspec"]]
    assert names == ["rooms", "area", "kind"]


def test_there_is_one_copy_of_the_model(trained: tuple[Any, dict[str, Any]]) -> None:
    store, result = trained
    models = store.search_logged_models([result["experiment_id"]])

    assert [found.name for found in models] == ["best_estimator"]


def test_the_model_has_exact_requirements_signature_and_example(
    trained: tuple[Any, dict[str, Any]], client: Any
) -> None:
    import sklearn

    _, result = trained
    folder = downloaded(client, result)
    pins = (folder / "requirements.txt").read_text().split()
    described = yaml.safe_load((folder / "MLmodel").read_text())
    inputs = json.loads(described["signature"]["inputs"])

    assert all("==" in pin for pin in pins)
    assert f"scikit-learn=={sklearn.__version__}" in pins
    assert any(pin.startswith("skops==") for pin in pins)
    assert not any(pin.startswith("cloudpickle==") for pin in pins)
    assert {column["type"] for column in inputs} == {"double"}
    assert described["flavors"]["sklearn"]["serialization_format"] == "skops"
    assert described["flavors"]["sklearn"]["skops_trusted_types"] == []
    assert (folder / "input_example.json").is_file()


def downloaded(client: Any, result: dict[str, Any]) -> Path:
    """Return the folder of a run's model on this machine."""
    store = client(result["tracking_uri"])
    (output,) = store.get_run(result["run_id"]).outputs.model_outputs
    model = store.get_logged_model(output.model_id)
    return Path(url2pathname(urlsplit(model.artifact_location).path))


def test_whole_numbers_are_doubles_in_the_signature_unless_they_are_categories(
    shell: Shell, client: Any
) -> None:
    (shell.folder / "houses.csv").write_text(HOUSES)
    recipe = {
        "name": "houses",
        "task": "regression",
        "data": {
            "source": "houses.csv",
            "target": "price",
            "drop": ["kind"],
            "categorical": ["rooms"],
        },
        "pipeline": [{"model": "Ridge"}],
        "search": {"kind": "none"},
        "metrics": ["rmse"],
    }
    (shell.folder / "houses.yaml").write_text(yaml.safe_dump(recipe))
    result = shell.trained("houses.yaml")
    assert (result["candidates"], result["children"]) == (1, 0)
    folder = downloaded(client, result)
    described = yaml.safe_load((folder / "MLmodel").read_text())
    types = {item["name"]: item["type"] for item in json.loads(described["signature"]["inputs"])}

    assert types == {"rooms": "long", "area": "double"}


def test_register_gives_a_version_that_points_at_the_run(shell: Shell, client: Any) -> None:
    result = shell.trained("--register", "diabetes")
    store = client(result["tracking_uri"])

    assert result["registered"] == {"name": "diabetes", "version": "1"}
    assert store.get_model_version("diabetes", "1").run_id == result["run_id"]


def test_an_own_class_is_stored_by_cloudpickle_by_value_and_the_run_says_so(
    shell: Shell, client: Any
) -> None:
    (shell.folder / "mine.py").write_text(
        "from sklearn.linear_model import Ridge\n"
        "from sklearn.pipeline import Pipeline\n"
        "from sklearn.base import BaseEstimator, RegressorMixin\n"
        "class Mine(RegressorMixin, BaseEstimator):\n"
        "    def __init__(self, alpha=1.0):\n        self.alpha = alpha\n"
        "    def fit(self, X, y):\n        self.ridge_ = Ridge(alpha=self.alpha).fit(X, y)\n"
        "        return self\n"
        "    def predict(self, X):\n        return self.ridge_.predict(X)\n"
        "def build():\n    return Pipeline([('model', Mine())])\n"
    )
    recipe = {
        "name": "own",
        "task": "regression",
        "imports": ["mine"],
        "data": {"source": "sklearn:diabetes", "target": "target"},
        "pipeline": "mine:build",
        "search": {"parameters": {"model__alpha": [0.1, 1.0]}, "scoring": ["r2"]},
        "metrics": ["r2"],
    }
    (shell.folder / "own.yaml").write_text(yaml.safe_dump(recipe))
    result = shell.trained("own.yaml")
    run = client(result["tracking_uri"]).get_run(result["run_id"])

    assert result["model_format"] == "cloudpickle"
    assert run.data.tags["mlproject.model.format"] == "cloudpickle"
    assert "mine.Mine" in run.data.tags["mlproject.model.format.why"]
    (shell.folder / "mine.py").unlink()
    code = (
        "import sys, mlflow; mlflow.set_tracking_uri(sys.argv[1]); "
        "print(type(mlflow.sklearn.load_model(sys.argv[2])).__name__)"
    )
    loaded = shell.warm(
        "-c", code, result["tracking_uri"], result["model_uri"], MLFLOW_ALLOW_FILE_STORE="true"
    )
    assert loaded.out == "Pipeline\n", loaded.err


def test_a_secret_in_an_address_stands_nowhere_in_the_run(shell: Shell) -> None:
    (shell.folder / "houses.csv").write_text(HOUSES)
    with served(shell.folder) as address:
        result = shell.trained("--data", f"{address}/houses.csv?sig=s3cret", "--target", "price")

    assert result["data"]["source"] == f"{address}/houses.csv"
    files = [path for path in (shell.folder / "mlruns").rglob("*") if path.is_file()]
    assert len(files) > 100
    assert [path for path in files if b"s3cret" in path.read_bytes()] == []


def test_a_derived_recipe_handles_text_gaps_flags_ids_and_dates(shell: Shell, client: Any) -> None:
    rows = "".join(
        f"{i + 1},id-{i},{i % 9 if i % 4 else ''},{'red' if i % 3 else ''},"
        f"{'true' if i % 2 else 'false'},"
        f"2026-01-{1 + i % 28:02d},same,{'yes' if (i % 9) > 4 else 'no'}\n"
        for i in range(150)
    )
    (shell.folder / "t.csv").write_text(f",id,size,colour,new,day,unit,sold\n{rows}")
    done = shell.train("--data", "t.csv", "--target", "sold", "--json")
    assert done.code == 0, done.err
    result = done.json
    store = client(result["tracking_uri"])
    path = store.download_artifacts(result["run_id"], "recipe.yaml", str(shell.folder))
    recipe = yaml.safe_load(Path(path).read_text())

    assert recipe["task"] == "classification"
    assert recipe["data"]["drop"] == ["id", "unit"]
    assert "Column 'id' is left out: it numbers the rows" in done.err
    assert "Column 'unit' is left out: it is constant" in done.err
    assert "Column '' is left out: it has no name" in done.err
    assert result["children"] == 7
    assert result["model_format"] == "skops"
    assert shell.trained("recipe.yaml")["metrics"] == result["metrics"]


def test_an_experiment_given_by_its_id_is_used(shell: Shell, client: Any) -> None:
    uri = f"sqlite:///{shell.folder.as_posix()}/mlflow.db"
    number = client(uri).create_experiment("team", (shell.folder / "team").as_uri())

    result = shell.trained(MLFLOW_EXPERIMENT_ID=number, MLFLOW_TRACKING_URI=uri)
    assert (result["experiment_id"], result["experiment"]) == (number, "team")


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([1.5, 2.0, 3.1] * 20, "regression"),
        (["yes", "no"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        ([0, 1] * 20, "classification"),
        ([1, 2, 3] * 20, "classification"),
        ([*[1, 2, 3] * 20, 4], "classification"),
        ([0, 1, 2] * 20, "classification"),
        ([3, 4, 5, 6, 8] * 20, "regression"),
        ([1952, 1957, 1962] * 20, "regression"),
        (list(range(21)), "regression"),
        (list(range(40)), "regression"),
    ],
)
def test_the_task_follows_from_the_target(values: list[Any], task: str) -> None:
    from training.auto import infer_task

    assert infer_task(pd.Series(values)) == task


def test_columns_that_number_the_rows_are_left_out() -> None:
    from training.columns import unusable

    assert unusable(pd.Series(range(100001, 100050))) == "it numbers the rows"
    assert unusable(pd.Series([*range(48), 60])) is None


def test_a_score_that_is_no_number_is_null_in_json() -> None:
    from mlproject.cli.frame import finite

    assert finite({"a": float("nan"), "b": [1.5, float("inf")]}) == {"a": None, "b": [1.5, None]}


def test_a_database_and_the_file_store_live_in_one_folder(shell: Shell) -> None:
    shell.trained("--tracking", "sqlite:///mlflow.db")
    done = shell.train("--tracking", "local")
    listed = shell.warm(
        "-c",
        "import mlflow; mlflow.search_runs(search_all_experiments=True)",
        MLFLOW_TRACKING_URI=(shell.folder / "mlruns").as_uri(),
        MLFLOW_ALLOW_FILE_STORE="true",
    )

    assert done.code == 0
    assert "Malformed" not in done.err + listed.err
    assert list((shell.folder / "mlartifacts" / "diabetes-lassolars").rglob("MLmodel"))
