"""``import mlproject``: your own estimator, and the same results as the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Shell, children_of

TIMES = ("mean_fit_time", "std_fit_time", "mean_score_time", "std_score_time")
# What a recipe adds to a run, and what says where the data came from.
OF_THE_RECIPE = {"mlproject.recipe", "mlproject.data.source", "mlproject.data.sha256"}
OF_THE_PROCESS = {"mlflow.source.name", "mlflow.runName", "mlflow.log-model.history"}


@pytest.fixture(scope="module")
def diabetes() -> tuple[pd.DataFrame, pd.Series[Any]]:
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X, y


def own_search(**changes: Any) -> Any:
    """The search of the recipe diabetes-lassolars, as a notebook would write it."""
    from sklearn.linear_model import LassoLars
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = Pipeline([("scaler", StandardScaler()), ("model", LassoLars(random_state=1337))])
    options: dict[str, Any] = {
        "param_grid": {"model__alpha": [0.001, 0.01, 0.1, 0.25, 0.5]},
        "scoring": "neg_root_mean_squared_error",
        "cv": KFold(5, shuffle=True, random_state=1337),
    }
    return GridSearchCV(pipeline, **(options | changes))


@pytest.fixture
def isolated(work: Path, new_databases: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose MLflow has no run open afterwards, and no target of an earlier test."""
    import mlflow

    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "0")
    mlflow.set_tracking_uri(f"sqlite:///{work.as_posix()}/callers.db")
    mlflow.set_experiment(experiment_id="0")
    yield work
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


def tree(client: Any, result: Any) -> dict[str, Any]:
    """Return what a run and its children hold, without times, and without what names them."""
    run = client.get_run(result.run_id)
    children = children_of(client, result.experiment_id, result.run_id)
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    return {
        "parameters": _without_scoring(run.data.params),
        "metrics": {k: pytest.approx(v) for k, v in run.data.metrics.items()},
        "tags": {k: v for k, v in run.data.tags.items() if k not in OF_THE_RECIPE | OF_THE_PROCESS},
        "files": {item.path for item in client.list_artifacts(result.run_id)} - {"recipe.yaml"},
        "dataset": [i.tags[0].value for i in run.inputs.dataset_inputs],
        "model": (model.name, _without_scoring(model.params), model.source_run_id == result.run_id),
        "children": [
            (
                child.data.params,
                {k: pytest.approx(v) for k, v in child.data.metrics.items() if k not in TIMES},
                {k: v for k, v in child.data.tags.items() if k.startswith("estimator_")},
                child.info.status,
            )
            for child in children
        ],
    }


def _without_scoring(parameters: dict[str, str]) -> dict[str, str]:
    """A recipe's scorer is an object, and that of the search a name."""
    return {name: value for name, value in parameters.items() if name != "scoring"}


def fit(*arguments: Any, **options: Any) -> Any:
    """Call ``mlproject.fit`` for all but the report, which takes longer than the rest."""
    import mlproject

    return mlproject.fit(*arguments, report=False, **options)


@pytest.mark.parametrize("store", ["mlruns", "sqlite:///own.db"])
def test_your_own_search_makes_the_run_that_train_makes(
    isolated: Path, client: Any, diabetes: Any, store: str
) -> None:
    import mlproject

    target = str(isolated / store) if store == "mlruns" else store
    (isolated / "mlruns").mkdir()
    metrics = ["nrmse", "rmse", "mae", "r2"]
    own = mlproject.fit(
        own_search(), *diabetes, experiment="own", metrics=metrics, seed=1337, tracking=target
    )
    trained = mlproject.train("diabetes-lassolars", experiment="own", tracking=target)
    opened = client(own.tracking_uri)

    assert own.metrics == pytest.approx(trained.metrics)
    assert own.best_params == trained.best_params
    assert (own.candidates, own.children, own.model_format) == (5, 5, "skops")
    assert tree(opened, own) == tree(opened, trained)


def test_the_process_is_left_as_it_was(isolated: Path, diabetes: Any) -> None:
    import mlflow
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    import mlproject

    mlflow.set_experiment("callers")
    mlflow.sklearn.autolog(max_tuning_runs=3, log_models=False, silent=True)
    try:
        with mlflow.start_run() as run:
            before = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri()
            chosen = dict(AUTOLOGGING_INTEGRATIONS["sklearn"])
            mlproject.fit(own_search(), *diabetes, tracking="sqlite:///elsewhere.db")
            with pytest.raises(
                mlproject.ModelError, match="No candidate could be scored: ValueError: no score"
            ):
                fit(own_search(scoring=_broken), *diabetes)

            active = mlflow.active_run()
            assert active is not None
            assert active.info.run_id == run.info.run_id
            after = dict(os.environ), mlflow.get_tracking_uri(), mlflow.get_registry_uri()
            assert after == before
            assert AUTOLOGGING_INTEGRATIONS["sklearn"] == chosen
        untouched = mlflow.get_run(run.info.run_id).data
        assert (untouched.params, untouched.metrics) == ({}, {})
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)


def _broken(estimator: Any, X: Any, y: Any) -> float:
    raise ValueError("no score")


def test_the_callers_autologging_goes_on(isolated: Path, diabetes: Any) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    mlflow.sklearn.autolog(log_models=False, silent=True)
    try:
        fit(Ridge(), *diabetes, experiment="ours")
        with mlflow.start_run() as run:
            Ridge(alpha=0.5).fit(*diabetes)
        assert mlflow.get_run(run.info.run_id).data.params["alpha"] == "0.5"
    finally:
        mlflow.sklearn.autolog(disable=True, silent=True)


def test_inside_an_active_run_it_is_a_child_and_elsewhere_it_is_not(
    isolated: Path, client: Any, diabetes: Any
) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    with mlflow.start_run() as run:
        here = fit(Ridge(), *diabetes)
        elsewhere = fit(Ridge(), *diabetes, tracking="sqlite:///elsewhere.db")

    tags = mlflow.get_run(here.run_id).data.tags
    assert tags["mlflow.parentRunId"] == run.info.run_id
    other = client(elsewhere.tracking_uri).get_run(elsewhere.run_id)
    assert "mlflow.parentRunId" not in other.data.tags


def test_an_estimator_without_a_search_is_one_fit(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=2.0)
    result = fit(model, *diabetes)

    assert (result.candidates, result.children, result.best_params) == (1, 0, {})
    assert result.recipe == "Ridge"
    assert model.coef_.shape == (10,)
    assert set(result.metrics) == {"rmse", "nrmse", "mae", "r2"}


def test_held_out_rows_can_be_given_or_left_out(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge
    from sklearn.metrics import root_mean_squared_error

    X, y = diabetes
    model = Ridge()
    given = fit(model, X[:300], y[:300], X_test=X[300:], y_test=y[300:])
    expected = root_mean_squared_error(y[300:], Ridge().fit(X[:300], y[:300]).predict(X[300:]))
    only = fit(own_search(), X, y, cv_only=True)

    assert given.metrics["rmse"] == pytest.approx(expected)
    assert set(only.metrics) == {"cv_rmse", "cv_rmse_std"}


def test_arrays_classes_groups_and_several_scores(isolated: Path) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, GroupKFold

    X, y = load_iris(return_X_y=True)
    groups = np.arange(len(y)) // 3
    search = GridSearchCV(
        LogisticRegression(max_iter=500),
        {"C": [0.1, 1.0]},
        scoring={"right": "accuracy", "loss": "neg_log_loss"},
        refit="loss",
        cv=GroupKFold(3),
    )
    result = fit(search, X, y, groups=groups, seed=4)

    assert result.metrics["cv_loss"] > 0
    assert result.metrics["cv_right"] == pytest.approx(
        search.cv_results_["mean_test_right"][search.best_index_]
    )
    assert {"accuracy", "f1_macro", "log_loss"} <= set(result.metrics)


def test_a_class_from_a_module_beside_the_script_loads_without_it(
    shell: Shell, client: Any
) -> None:
    (shell.folder / "mine.py").write_text(
        "from sklearn.linear_model import Ridge\nclass Mine(Ridge):\n    pass\n"
    )
    (shell.folder / "script.py").write_text(
        "import mlproject\nfrom mine import Mine\nfrom sklearn.datasets import load_diabetes\n"
        "X, y = load_diabetes(return_X_y=True, as_frame=True)\n"
        "result = mlproject.fit(Mine(), X, y, tracking='local')\n"
        "print(result.model_uri)\n"
    )
    done = shell.python("script.py")
    assert done.code == 0, done.err
    (shell.folder / "mine.py").unlink()
    code = "import mlflow, sys; print(mlflow.sklearn.load_model(sys.argv[1]).predict([[0.0] * 10]))"
    uri = (shell.folder / "mlruns").as_uri()
    loaded = shell.python(
        "-W",
        "ignore",
        "-c",
        code,
        done.out.strip(),
        MLFLOW_TRACKING_URI=uri,
        MLFLOW_ALLOW_FILE_STORE="true",
    )

    assert done.err == ""
    assert loaded.code == 0, loaded.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": "Ridge"}, "'Ridge' is not an estimator. Give an instance"),
        ({"y": [1, 2]}, "X has 442 rows, and y has 2"),
        ({"X_test": [[1]]}, "X_test and y_test belong together"),
        ({"metrics": ["rmsee"]}, "No metric 'rmsee'. Did you mean 'rmse'?"),
        ({"metrics": ["accuracy"]}, "does not fit a regression task"),
        ({"tracking": "locl"}, "No tracking target 'locl'"),
        ({"register": "a/b"}, "'a/b' cannot be the name of a registered model"),
        ({"engine": "x"}, "'engine': 'x' is not one of 'local', 'dask'"),
        ({"jobs": 0}, "'jobs': give a number of fits, or -1 for all cores"),
        ({"test_size": 30}, "'test_size': 30 is not between 0 and 1"),
        ({"cv_only": True}, "cv_only measures by the folds of a search, and there is none"),
        ({"X": [1, 2, 3]}, "X has 1 dimensions; rows and columns are needed"),
        ({"y": None}, "fit needs X and y"),
    ],
)
def test_what_does_not_fit_is_one_line(
    isolated: Path, diabetes: Any, changes: dict[str, Any], message: str
) -> None:
    from sklearn.linear_model import Ridge

    import mlproject

    arguments = {"search": Ridge(), "X": diabetes[0], "y": diabetes[1]} | changes
    with pytest.raises(mlproject.MlprojectError) as caught:
        fit(**arguments)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (isolated / "mlruns").exists()


def test_a_tracking_target_may_be_a_path(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge

    import mlproject

    there = isolated / "mlruns"
    fitted = fit(Ridge(), *diabetes, tracking=there)
    predictions, _ = mlproject.predict(fitted.model_uri, diabetes[0], tracking=there)

    assert len(predictions) == len(diabetes[0])
    with pytest.raises(mlproject.TrackingError, match="nobody"):
        mlproject.rollback("nobody", tracking=there)


def test_a_search_that_keeps_no_model_is_refused(isolated: Path, diabetes: Any) -> None:
    import mlproject

    with pytest.raises(mlproject.ConfigurationError, match="refit=False.*Set refit=True"):
        fit(own_search(refit=False), *diabetes)


def test_importing_brings_in_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys, mlproject\n"
        "assert mlproject.MlprojectError and 'fit' in dir(mlproject)\n"
        "heavy = {'mlflow', 'sklearn', 'pandas', 'numpy', 'pyarrow', 'azureml', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_notebook_shows_the_result_as_a_table(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge

    result = fit(Ridge(), *diabetes, experiment="<b>")

    assert f"<td>{result.run_id}</td>" in result._repr_html_()
    assert "<td>&lt;b&gt;</td>" in result._repr_html_()


def test_a_typed_script_runs_from_the_fit_to_the_promotion(shell: Shell) -> None:
    script = Path(__file__).with_name("typed_script.py")
    done = shell.python(str(script))

    assert done.code == 0, done.err


def test_a_file_is_scored_as_the_command_scores_it(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge

    import mlproject

    X, y = diabetes
    result = fit(Ridge(), X, y, tracking="sqlite:///elsewhere.db")
    rows = X.astype(object)
    rows.loc[3, "bmi"] = "n.a."
    rows.to_csv("new.csv", index=False)
    scored = mlproject.score(
        result, "new.csv", "scored.parquet", keep=["bmi", "age"], on_error="reject"
    )
    predictions, rejects = mlproject.predict(result, rows.astype({"bmi": str}))
    written = pd.read_parquet("scored.parquet")

    assert (scored.rows_in, scored.rows_out, scored.rows_rejected) == (442, 441, 1)
    assert list(written.columns) == ["bmi", "age", "prediction"]
    assert written["prediction"].to_numpy() == pytest.approx(predictions["prediction"].to_numpy())
    assert rejects.index.tolist() == [3]
    assert rejects.loc[3, "column"] == "bmi"


def test_the_arguments_are_the_options_of_the_commands() -> None:
    import inspect

    from inference.request import ScoreRequest
    from mlproject import api
    from mlproject.base.options import declared
    from mlproject.gate.request import PromoteRequest
    from training.request import TrainRequest

    for function, request in (
        (api.train, TrainRequest),
        (api.score, ScoreRequest),
        (api.promote, PromoteRequest),
    ):
        arguments = inspect.signature(function).parameters
        options = {item.name: item for item in declared(request) if item.name != "run_id"}
        assert set(arguments) == {*options, "progress"}
        for name, option in options.items():
            default = arguments[name].default
            if default is not inspect.Parameter.empty and not option.elsewhere:
                assert default == option.default, name


def test_results_have_the_keys_of_json(shell: Shell) -> None:
    from dataclasses import fields

    import mlproject

    trained = shell.trained("iris-svc", "--register", "iris")
    promoted = shell.mlproject("models", "promote", "iris", "--json").json

    assert set(trained) == {field.name for field in fields(mlproject.TrainResult)}
    assert all(hasattr(mlproject.PromotionResult, name) or name in promoted for name in promoted)
    assert promoted["judged"]["passed"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"param_grid": {"model__alhpa": [1]}}, "no parameter 'model__alhpa'. Did you mean"),
        ({"scoring": {"f(x)=1": "r2"}, "refit": "f(x)=1"}, "'f(x)=1' cannot be recorded"),
    ],
)
def test_a_search_that_cannot_be_recorded_is_told_before_it_is_fitted(
    isolated: Path, diabetes: Any, changes: dict[str, Any], message: str
) -> None:
    import mlproject

    with pytest.raises(mlproject.ConfigurationError) as caught:
        fit(own_search(**changes), *diabetes, tracking="local")

    assert message in str(caught.value)
    assert not (isolated / "mlruns").exists()


def test_folds_that_tear_groups_apart_are_refused(isolated: Path, diabetes: Any) -> None:
    import mlproject

    groups = np.arange(442) // 10
    with pytest.raises(mlproject.ConfigurationError, match=r"KFold.*Give it cv=GroupKFold\(5\)"):
        fit(own_search(), *diabetes, groups=groups)


def test_a_missing_target_is_told(isolated: Path, diabetes: Any) -> None:
    import mlproject

    y = diabetes[1].where(diabetes[1] > 40)
    with pytest.raises(mlproject.DataError, match="y is missing in [0-9]+ of 442 rows"):
        fit(own_search(), diabetes[0], y)


def test_estimators_with_folds_of_their_own_are_no_searches(isolated: Path, diabetes: Any) -> None:
    from sklearn.feature_selection import RFECV
    from sklearn.linear_model import Ridge, RidgeCV

    for estimator in (RidgeCV(), RFECV(Ridge(), cv=2)):
        assert fit(estimator, *diabetes).children == 0


def test_global_autologging_goes_on(
    isolated: Path, diabetes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.sklearn
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS
    from sklearn.linear_model import Ridge

    monkeypatch.setitem(AUTOLOGGING_INTEGRATIONS, "sklearn", {})  # which would come first
    mlflow.autolog(log_models=False, silent=True)
    try:
        assert fit(Ridge(), *diabetes, experiment="a", register="r").registered
        with mlflow.start_run() as run:
            Ridge(alpha=0.5).fit(*diabetes)
        assert mlflow.get_run(run.info.run_id).data.params["alpha"] == "0.5"
    finally:
        mlflow.autolog(disable=True, silent=True)


def test_a_relative_address_of_the_caller_is_the_same_server(isolated: Path, diabetes: Any) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    mlflow.set_tracking_uri("sqlite:///relative.db")
    with mlflow.start_run(experiment_id=mlflow.create_experiment("mine")) as run:
        result = fit(Ridge(), *diabetes)

    assert mlflow.get_run(result.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id


def test_several_threads_follow_one_another(isolated: Path, diabetes: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from sklearn.linear_model import Ridge

    def fitted(number: int) -> Any:
        import mlproject

        return mlproject.fit(Ridge(), *diabetes, tracking=f"sqlite:///{number}.db")

    before = dict(os.environ)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(fitted, range(2)))

    assert [Path(result.tracking_uri).name for result in results] == ["0.db", "1.db"]
    assert dict(os.environ) == before


def test_a_run_that_was_given_is_joined_once(
    isolated: Path, client: Any, diabetes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    given = mlflow.MlflowClient().create_run("0").info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    first = fit(Ridge(), *diabetes)
    second = fit(Ridge(alpha=3.0), *diabetes)

    assert first.run_id == given
    assert second.run_id != given
    assert os.environ["MLFLOW_RUN_ID"] == given


def test_a_given_run_that_could_not_be_recorded_can_be_finished(
    isolated: Path, diabetes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    import mlproject

    in_the_way = isolated / "artifacts"
    in_the_way.write_text("a file where the folder should be")
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("blocked", artifact_location=str(in_the_way))
    mlflow.set_experiment(experiment_id=experiment)
    given = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", given)
    with pytest.raises(mlproject.TrackingError, match=f"later with MLFLOW_RUN_ID={given}"):
        fit(Ridge(), *diabetes)
    in_the_way.unlink()

    assert fit(Ridge(), *diabetes).run_id == given
    assert client.get_run(given).info.status == "FINISHED"


def test_an_estimator_that_leaves_a_run_open_does_not_take_over(
    isolated: Path, diabetes: Any
) -> None:
    import mlflow
    from sklearn.linear_model import Ridge

    class Greedy(Ridge):
        def fit(self, X: Any, y: Any) -> Any:
            mlflow.start_run(nested=True)
            return super().fit(X, y)

    result = fit(Greedy(), *diabetes)

    assert mlflow.active_run() is None
    assert mlflow.get_run(result.run_id).info.status == "FINISHED"


def test_whole_numbers_of_the_training_may_be_fractions_later(
    isolated: Path, diabetes: Any
) -> None:
    from sklearn.linear_model import Ridge

    import mlproject

    X = diabetes[0] * 100
    result = fit(Ridge(), X.astype(int), diabetes[1])
    predictions, rejects = mlproject.predict(result, X)

    assert (len(predictions), len(rejects)) == (442, 0)


def test_arrays_are_predicted_too(isolated: Path, diabetes: Any) -> None:
    from sklearn.linear_model import Ridge

    import mlproject

    X, y = diabetes[0].to_numpy(), diabetes[1].to_numpy()
    model = Ridge()
    predictions, rejects = mlproject.predict(fit(model, X, y, jobs=2), X)

    assert predictions["prediction"].to_numpy() == pytest.approx(model.predict(X))
    assert rejects.empty


def test_a_scorer_may_give_several_scores(isolated: Path, diabetes: Any) -> None:

    search = own_search(scoring=_several_scores, refit="a", n_jobs=None)
    result = fit(search, *diabetes, jobs=2)

    assert result.metrics["cv_a"] == pytest.approx(result.metrics["cv_b"] / 2)
    assert search.n_jobs is None


def _several_scores(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    score = float(estimator.score(X, y))
    return {"a": score, "b": 2 * score}
