"""Grid, random, halving or none; metrics; candidates that fail; --param."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from mlproject.base.errors import DataError
from tests.conftest import Shell, children_of, dask_cluster, free_port
from training import metrics, parameters
from training.fitting import Outcome, fit
from training.preparation import prepare
from training.request import TrainRequest

IRIS: dict[str, Any] = {
    "name": "iris",
    "task": "classification",
    "seed": 3,
    "data": {"source": "sklearn:iris", "target": "target"},
    "pipeline": [{"model": {"LogisticRegression": {"max_iter": 500}}}],
    "metrics": ["accuracy"],
}


def fitted(folder: Path, search: dict[str, Any], *params: str) -> Outcome:
    (folder / "r.yaml").write_text(yaml.safe_dump(IRIS | {"search": search}))
    return fit(prepare(TrainRequest(recipe="r.yaml", params=params)).plan)


def test_a_grid_tries_every_combination(work: Path) -> None:
    space = {"model__C": [0.1, 1, 10], "model__fit_intercept": [True, False]}

    assert fitted(work, {"parameters": space}).candidates == 6


def test_several_grids_are_tried_one_after_the_other(work: Path) -> None:
    spaces = [{"model__C": [0.1, 1]}, {"model": ["RidgeClassifier"], "model__alpha": [1, 2, 3]}]

    assert fitted(work, {"parameters": spaces}).candidates == 5


def test_a_random_search_draws_as_many_candidates_as_asked_for(work: Path) -> None:
    space = {"model__C": [10.0**i for i in range(-5, 5)]}
    search = {"kind": "random", "candidates": 4, "parameters": space}
    first, again = fitted(work, search), fitted(work, search)

    assert first.candidates == 4
    assert first.results["params"] == again.results["params"]
    assert fitted(work, search | {"candidates": 99}).candidates == 10


def test_a_candidate_that_replaces_a_step_is_recorded_with_the_new_one(
    shell: Shell, client: Any
) -> None:
    spaces = [
        {"model__C": [1e-6, 1e-5]},
        {"model": ["LinearDiscriminantAnalysis"], "model__tol": [1e-4, 1e-3]},
    ]
    (shell.folder / "r.yaml").write_text(yaml.safe_dump(IRIS | {"search": {"parameters": spaces}}))
    trained = shell.trained("r.yaml", "--tracking", "local")

    best = shell.mlproject("runs", "best", trained["run_id"], "--json")
    store = client(trained["tracking_uri"])
    by_class: dict[str, list[dict[str, str]]] = {}
    for child in children_of(store, trained["experiment_id"], trained["run_id"]):
        by_class.setdefault(child.data.params["model"].partition("(")[0], []).append(
            child.data.params
        )

    assert best.json["parameters"] == {
        "model": "LinearDiscriminantAnalysis",
        "model__tol": "0.0001",
    }
    assert {name: len(found) for name, found in by_class.items()} == {
        "LogisticRegression": 2,
        "LinearDiscriminantAnalysis": 2,
    }
    assert all("model__C" not in found for found in by_class["LinearDiscriminantAnalysis"])
    assert all("model__shrinkage" in found for found in by_class["LinearDiscriminantAnalysis"])
    assert all("model__tol" in found for found in by_class["LogisticRegression"])


def test_a_metric_of_a_class_that_no_row_has_is_not_measured() -> None:
    X, y = np.arange(20.0).reshape(-1, 1), np.arange(20) % 2
    model = LogisticRegression().fit(X, y)
    names = ("average_precision", "recall", "precision", "accuracy")
    asked = {name: metrics.resolve(name, "classification", np.array([0, 1])) for name in names}

    values, unmeasured = metrics.measured(asked, model, X[:8], np.zeros(8, int))

    assert set(values) == {"precision", "accuracy"}
    why = "none of them has the class that it is about"
    assert unmeasured == {"average_precision": why, "recall": why}


def test_halving_gives_the_survivors_more_rows(work: Path) -> None:
    space = {"model__C": [0.001, 0.01, 0.1, 1, 10, 100]}
    outcome = fitted(work, {"kind": "halving", "folds": 2, "factor": 2, "parameters": space})

    assert outcome.candidates > 6
    assert max(outcome.results["n_resources"]) > min(outcome.results["n_resources"])
    assert set(outcome.metrics) == {"cv_accuracy", "cv_accuracy_std"}


def test_without_a_search_the_pipeline_is_fitted_once(work: Path) -> None:
    outcome = fitted(work, {"kind": "none"})

    assert (outcome.candidates, outcome.best_parameters, outcome.metrics) == (1, {}, {})


def test_one_value_fixes_a_parameter_and_several_replace_its_axis(work: Path) -> None:
    search = {"parameters": {"model__C": [0.1, 1, 10]}}
    fixed = fitted(work, search, "model__C=2")
    axis = fitted(work, search, "model__C=2,3", "model__fit_intercept=true,false")

    assert fixed.candidates == 1
    assert fixed.best.get_params()["model__C"] == 2
    assert axis.candidates == 4
    assert fitted(work, {"kind": "none"}, "model__C=2,3").candidates == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", {"a": [1]}),
        ("a=0.05,0.2", {"a": [0.05, 0.2]}),
        ("a=1e-3", {"a": [0.001]}),
        ("a=true,None,x y", {"a": [True, None, "x y"]}),
        ("a=[1, 2],[3]", {"a": [[1, 2], [3]]}),
        ("a='1,2'", {"a": ["1,2"]}),
        ("a=1,2; b=x;", {"a": [1, 2], "b": ["x"]}),
    ],
)
def test_values_of_param_are_what_they_look_like(text: str, expected: dict[str, Any]) -> None:
    assert parameters.parse([text]) == expected


def test_several_metrics_are_scored_and_one_chooses(work: Path) -> None:
    outcome = fitted(
        work,
        {
            "parameters": {"model__C": [1e-6, 1]},
            "scoring": ["accuracy", "log_loss", "f1_macro"],
            "refit": "log_loss",
        },
    )

    assert outcome.best_parameters == {"model__C": 1}
    assert outcome.metrics["cv_log_loss"] > 0
    assert (outcome.results["mean_test_neg_log_loss"] < 0).all()


def test_nrmse_is_rmse_over_the_range_of_the_true_values() -> None:
    assert metrics.nrmse([0, 10], [1, 11]) == pytest.approx(0.1)
    assert np.isnan(metrics.nrmse([5, 5], [1, 2]))
    scorer = metrics.resolve("nrmse", "regression", None)
    assert scorer.natural(-0.25) == 0.25


def test_a_metric_for_two_classes_names_the_one_for_more() -> None:
    with pytest.raises(DataError, match="'f1' is for two classes, the target has 3.*'f1_macro'"):
        metrics.resolve("f1", "classification", np.array([0, 1, 2]))


def test_two_classes_with_names_have_a_positive_one(work: Path) -> None:
    rows = "".join(f"{i % 7},{i},{'yes' if i % 7 > 3 else 'no'}\n" for i in range(140))
    (work / "t.csv").write_text(f"a,b,c\n{rows}")
    recipe = IRIS | {
        "data": {"source": "t.csv", "target": "c"},
        "metrics": ["precision", "recall", "f1", "average_precision", "roc_auc"],
    }
    (work / "r.yaml").write_text(yaml.safe_dump(recipe))
    outcome = fit(prepare(TrainRequest(recipe="r.yaml")).plan)

    assert outcome.failures == []
    assert outcome.metrics["cv_f1"] > 0.9


def test_candidates_that_fail_are_reported_with_their_reason_and_the_rest_goes_on(
    shell: Shell, client: Any
) -> None:
    space = {"model__solver": ["lbfgs", "saga"], "model__penalty": ["l1", "l2"]}
    recipe = IRIS | {"search": {"parameters": space}}
    (shell.folder / "r.yaml").write_text(yaml.safe_dump(recipe))
    done = shell.train("r.yaml", "--json")

    assert done.code == 0, done.err
    assert "Solver lbfgs supports only 'l2'" in done.err
    assert "model__penalty=l1" in done.err
    result = done.json
    assert (result["children"], result["failed_candidates"]) == (4, 1)
    store = client(result["tracking_uri"])
    children = children_of(store, result["experiment_id"], result["run_id"])
    failed = [child for child in children if child.info.status == "FAILED"]
    assert [child.data.params["model__penalty"] for child in failed] == ["l1"]
    assert "Solver lbfgs" in failed[0].data.tags["mlproject.failure"]
    assert "mean_test_score" not in failed[0].data.metrics


def test_when_all_candidates_fail_the_run_is_failed_and_says_why(shell: Shell, client: Any) -> None:
    (shell.folder / "t.csv").write_text("a,b\n" + "x,1.5\ny,2.25\n" * 20)
    done = shell.train("diabetes-lassolars", "--data", "t.csv", "--target", "b", "--json")

    assert done.code == 5
    assert "All 5 candidates failed: ValueError: could not convert string" in done.error
    store = client((shell.folder / "mlruns").as_uri())
    run = store.get_run(done.json["run_id"])
    assert run.info.status == "FAILED"
    assert "could not convert" in run.data.tags["mlproject.failure"]


NRMSE_RECIPE = (
    "{name: n, task: regression, imports: [mine], metrics: [nrmse], pipeline: [model: mine.Mine],"
    " data: {source: 'sklearn:diabetes', target: target},"
    " search: {parameters: {model__alpha: [0.1, 1.0, 10.0]}, scoring: [nrmse, r2]}}"
)


def test_dask_fits_the_same_as_this_process(shell: Shell) -> None:
    local = shell.trained("iris-svc")
    spread = shell.trained("iris-svc", "--engine", "dask", "--jobs", "2")

    assert spread["children"] == 6
    assert spread["metrics"] == pytest.approx(local["metrics"])
    assert spread["best_params"] == local["best_params"]


def test_a_dask_cluster_that_is_there_is_used_and_needs_none_of_our_code(shell: Shell) -> None:
    (shell.folder / "mine.py").write_text(
        "from sklearn.linear_model import Ridge\nclass Mine(Ridge):\n    pass\n"
    )
    (shell.folder / "n.yaml").write_text(NRMSE_RECIPE)
    blocked = shell.folder.parent / "blocked"
    blocked.mkdir()
    (blocked / "training.py").write_text("raise ImportError('this machine has none of our code')")
    elsewhere = shell.environment | {"PYTHONPATH": str(blocked)}
    address = f"tcp://127.0.0.1:{free_port()}"
    with dask_cluster(address, shell.folder.parent, elsewhere) as log:
        result = shell.trained("n.yaml", "--engine", "dask", DASK_SCHEDULER_ADDRESS=address)
        said = log.read_text()

    assert result["children"] == 3
    assert "Receive client connection" in said


def test_a_dask_cluster_that_is_not_there_is_one_line(shell: Shell) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    done = shell.train("iris-svc", "--engine", "dask", DASK_SCHEDULER_ADDRESS=address)

    assert done.code == 2
    assert f"No Dask scheduler answers at {address}" in done.error
