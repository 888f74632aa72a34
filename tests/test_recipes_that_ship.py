"""Each recipe that ships trains, records, and gives a model that loads anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell, children_of

LOAD = """
import sys, mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.sklearn.load_model(sys.argv[2])
info = mlflow.models.get_model_info(sys.argv[2])
example = info.load_input_example() if hasattr(info, "load_input_example") else None
model_dir = mlflow.artifacts.download_artifacts(sys.argv[2])
example = mlflow.models.Model.load(model_dir).load_input_example(model_dir)
print(len(model.predict(example)), "training" in sys.modules)
"""


@pytest.mark.parametrize(
    ("recipe", "children", "metrics"),
    [
        ("diabetes-lassolars", 5, {"nrmse", "rmse", "mae", "r2"}),
        ("iris-svc", 6, {"accuracy", "f1_macro"}),
        ("digits-logistic", 3, {"accuracy", "log_loss"}),
        ("pima-random-forest", 9, {"roc_auc", "precision", "recall", "f1", "accuracy"}),
    ],
)
def test_a_recipe_gives_a_run_with_a_child_for_each_candidate_and_a_model_that_loads_elsewhere(
    shell: Shell,
    client: Any,
    request: pytest.FixtureRequest,
    recipe: str,
    children: int,
    metrics: set[str],
) -> None:
    more: list[str] = []
    if recipe == "pima-random-forest":
        more = ["--data", str(request.getfixturevalue("pima"))]

    result = shell.trained(recipe, *more)

    assert result["children"] == result["candidates"] == children
    assert metrics <= set(result["metrics"])
    assert result["experiment"] == recipe
    assert result["model_format"] == "skops"
    store = client(result["tracking_uri"])
    run = store.get_run(result["run_id"])
    assert run.info.status == "FINISHED"
    assert metrics <= set(run.data.metrics)
    recorded = children_of(store, result["experiment_id"], result["run_id"])
    assert len(recorded) == children
    assert {child.info.status for child in recorded} == {"FINISHED"}
    assert len({tuple(sorted(child.data.params.items())) for child in recorded}) == children

    elsewhere = dict(shell.environment)
    elsewhere.pop("PYTHONPATH")  # mlflow and scikit-learn, and nothing of ours
    loaded = Shell(shell.folder, elsewhere).python(
        "-c", LOAD, result["tracking_uri"], result["model_uri"], MLFLOW_ALLOW_FILE_STORE="true"
    )
    assert loaded.out == "5 False\n", loaded.err


def test_the_default_recipe_finds_the_known_best_penalty(shell: Shell) -> None:
    result = shell.trained()

    assert result["best_params"] == {"model__alpha": 0.1}
    assert result["metrics"]["nrmse"] == pytest.approx(0.176886, abs=1e-5)
    assert result["metrics"]["r2"] == pytest.approx(0.530203, abs=1e-5)
    assert result["metrics"]["cv_rmse"] == pytest.approx(55.874197, abs=1e-4)


def test_the_pima_recipe_takes_zero_as_missing_in_five_columns_only(work: Path, pima: Path) -> None:
    import numpy as np

    from training.preparation import prepare
    from training.request import TrainRequest

    prepared = prepare(TrainRequest(recipe="pima-random-forest", data=str(pima))).plan
    imputer = prepared.search.estimator.named_steps["imputer"].fit(prepared.rows.X_train)
    before = prepared.rows.X_train
    after = imputer.transform(before)

    imputed = ["Glucose", "BloodPressure", "SkinThickness", "Insulin", "BMI"]
    assert (before[imputed] == 0).any().all()
    assert not (after[:, :5] == 0).any()
    pregnancies = before["Pregnancies"].to_numpy()
    assert (pregnancies == 0).any()
    assert np.array_equal(after[:, 5], pregnancies)


def test_the_seed_makes_a_run_repeatable_and_another_seed_another_split(shell: Shell) -> None:
    first = shell.trained("iris-svc", "--seed", "7")
    again = shell.trained("iris-svc", "--seed", "7")
    other = shell.trained("iris-svc", "--seed", "8")

    assert first["metrics"] == again["metrics"]
    assert first["metrics"] != other["metrics"]


def test_the_recorded_recipe_trains_the_same_thing_again(shell: Shell, client: Any) -> None:
    first = shell.trained("--param", "model__alpha=0.05,0.2", "--param", "model__max_iter=300")
    store = client(first["tracking_uri"])
    path = store.download_artifacts(first["run_id"], "recipe.yaml", str(shell.folder))

    again = shell.trained(path)

    assert again["metrics"] == first["metrics"]
    assert again["best_params"] == first["best_params"]
    assert again["children"] == 2
