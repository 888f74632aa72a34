"""A program that knows nothing of this project, on ``azureml3://``."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Shell
from tests.workspace.conftest import URI

SCRIPT = """
import json
import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LassoLars
from sklearn.model_selection import GridSearchCV

mlflow.set_experiment("plain")
mlflow.sklearn.autolog(max_tuning_runs=None)
X, y = load_diabetes(return_X_y=True, as_frame=True)
with mlflow.start_run() as active:
    search = GridSearchCV(LassoLars(), {"alpha": [10.0**-k for k in range(9)]}, cv=3).fit(X, y)
client = mlflow.MlflowClient()
run_id = active.info.run_id
run = client.get_run(run_id)
version = mlflow.register_model(f"runs:/{run_id}/best_estimator", "plain")
client.set_registered_model_alias("plain", "champion", version.version)
expected = search.predict(X)
models = {
    uri: bool((mlflow.sklearn.load_model(uri).predict(X) == expected).all())
    for uri in [
        f"runs:/{run_id}/best_estimator",
        "models:/plain@champion",
        f"models:/plain/{version.version}",
        *(f"models:/{item.model_id}" for item in run.outputs.model_outputs),
    ]
}
children = client.search_runs([run.info.experiment_id], f"tags.mlflow.parentRunId = '{run_id}'")
print("RESULT " + json.dumps({
    "run_id": run_id,
    "status": run.info.status,
    "metrics": run.data.metrics,
    "params": run.data.params,
    "tags": run.data.tags,
    "children": [[child.data.params, child.info.status] for child in children],
    "root": [item.path for item in client.list_artifacts(run_id)],
    "model": [item.path for item in client.list_artifacts(run_id, "best_estimator")],
    "found": [item.name for item in mlflow.search_logged_models(output_format="list")],
    "models": models,
    "version": [version.run_id, version.model_id],
    "aliases": client.get_model_version("plain", version.version).aliases,
}))
"""


def test_autologging_registering_aliases_and_loading_work(azure_shell: Shell) -> None:
    script = Path(azure_shell.folder / "plain.py")
    script.write_text(SCRIPT, encoding="utf-8")

    done = azure_shell.warm("plain.py", MLFLOW_TRACKING_URI=URI)

    assert done.code == 0, done.err
    line = next(line for line in done.out.splitlines() if line.startswith("RESULT "))
    found = json.loads(line.removeprefix("RESULT "))
    assert found["status"] == "FINISHED"
    assert {"best_cv_score", "training_r2_score"} <= set(found["metrics"])
    assert found["params"]["best_alpha"]
    assert len(found["children"]) == 9
    assert {status for _, status in found["children"]} == {"FINISHED"}
    assert found["root"] == ["best_estimator", "cv_results.csv", "estimator.html", "model"]
    assert found["model"].count("best_estimator/MLmodel") == 1
    assert sorted(found["found"]) == ["best_estimator", "model"]
    assert len(found["models"]) == 5
    assert all(found["models"].values()), found["models"]
    assert found["version"][0] == found["run_id"]
    assert found["version"][1].startswith(f"m-{found['run_id']}-")
    assert found["aliases"] == ["champion"]
    assert not [key for key in found["tags"] if key.startswith("azureml3.")]
    assert f"https://ml.azure.com/runs/{found['run_id']}?wsid=/subscriptions/" in done.out
    assert "/#/experiments" not in done.out


def test_autologging_twice_in_one_run_keeps_both(azure_shell: Shell) -> None:
    """Both fits write the plots, and each ``score`` its record of metrics."""
    found = _as_on_sqlite(
        azure_shell,
        """
        from sklearn.datasets import load_iris
        from sklearn.tree import DecisionTreeClassifier

        mlflow.sklearn.autolog(log_models=False)
        X, y = load_iris(return_X_y=True)
        first_X, first_y, second_X, second_y = X[:120], y[:120], X[30:], y[30:]
        with mlflow.start_run() as run:
            tree = DecisionTreeClassifier(max_depth=1).fit(first_X, first_y)
            tree.score(first_X, first_y)
            tree.score(second_X, second_y)
            other = DecisionTreeClassifier(max_depth=1).fit(second_X, second_y)
            other.score(first_X, first_y)
        """,
    )
    assert any(name.startswith("training_") for name in found["metrics"])
    assert "training_confusion_matrix.png" in found["artifacts"]


def test_what_programs_log_one_after_another_reads_back(azure_shell: Shell) -> None:
    found = _as_on_sqlite(
        azure_shell,
        """
        with mlflow.start_run() as run:
            for number in range(3):
                mlflow.log_table({"n": [number]}, "table.json")
                mlflow.log_dict({"n": number}, "content.json")
            print(len(mlflow.load_table("table.json")), mlflow.artifacts.load_dict(
                f"{run.info.artifact_uri}/content.json"))
        """,
    )
    assert found["out"] == ["3 {'n': 2}"]


def _as_on_sqlite(shell: Shell, program: str) -> dict[str, Any]:
    """Run a program in the workspace and on SQLite; return what its run holds, if it is the same.

    The program leaves its run in ``run``, and is to warn of nothing.
    """
    described = """
        import json
        client = mlflow.MlflowClient()
        run = client.get_run(run.info.run_id)
        print("RESULT " + json.dumps({
            "metrics": sorted(run.data.metrics),
            "params": run.data.params,
            "artifacts": [item.path for item in client.list_artifacts(run.info.run_id)],
        }, sort_keys=True))
    """
    head = 'import mlflow\nmlflow.set_experiment("program")\n'
    text = head + textwrap.dedent(program) + textwrap.dedent(described)
    (shell.folder / "program.py").write_text(text, encoding="utf-8")
    printed = []
    for uri in (URI, "sqlite:///mlflow.db"):
        done = shell.warm("program.py", MLFLOW_TRACKING_URI=uri)
        assert done.code == 0, done.err
        assert "unexpected error" not in done.err, done.err
        printed.append([line for line in done.out.splitlines() if "View run" not in line])
    assert printed[0] == printed[1]
    *out, result = printed[0]
    return {**json.loads(result.removeprefix("RESULT ")), "out": out}


@pytest.mark.nightly
def test_several_processes_log_models_of_one_name_into_one_run(
    azure_shell: Shell, store: Any
) -> None:
    program = """
        import sys
        import mlflow
        from sklearn.linear_model import Lasso

        for round in range(3):
            value = 10 * int(sys.argv[2]) + round
            with mlflow.start_run(run_id=sys.argv[1]):
                info = mlflow.sklearn.log_model(
                    Lasso().fit([[0.0], [1.0]], [value, value]), name="model",
                    pip_requirements=[], serialization_format="cloudpickle",
                )
                mlflow.log_metric(f"of-{value}", value, model_id=info.model_id)
            print(info.model_id, value)
    """
    (azure_shell.folder / "program.py").write_text(textwrap.dedent(program), encoding="utf-8")
    with store.start_run() as run:
        pass
    processes = [azure_shell.start("-m", "program", run.info.run_id, str(n)) for n in range(4)]
    finished = [process.communicate() for process in processes]
    assert all(process.returncode == 0 for process in processes), finished
    lines = [line for out, _ in finished for line in out.splitlines()]

    logged = dict(line.split() for line in lines if line.startswith("m-"))
    models = {model_id: store.get_logged_model(model_id) for model_id in logged}
    assert len({model.artifact_location for model in models.values()}) == 12
    for model_id, value in logged.items():
        predicted = store.sklearn.load_model(f"models:/{model_id}").predict([[0.0]])
        assert predicted[0] == float(value)
        # MLflow links what the run has with each new model, so that there are others' too.
        metrics = [(metric.key, metric.value) for metric in models[model_id].metrics]
        assert metrics.count((f"of-{value}", float(value))) == 1
