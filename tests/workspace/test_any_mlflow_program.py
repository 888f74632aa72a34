"""A program that knows nothing of this project, on ``azureml3://``."""

from __future__ import annotations

import json
from pathlib import Path

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

    done = azure_shell.python("plain.py", MLFLOW_TRACKING_URI=URI)

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
