"""MLflow 3's logged models, in a workspace whose service has none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Lasso


def logged(mlflow: Any, name: str = "model", **options: Any) -> Any:
    """Log a model in the cheapest way."""
    options = {"pip_requirements": [], "serialization_format": "cloudpickle"} | options
    return mlflow.sklearn.log_model(Lasso().fit([[0.0], [1.0]], [0, 1]), name=name, **options)


def test_a_model_is_among_the_artifacts_of_its_run(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store, params={"alpha": "1.0"}, tags={"team": "a"}, model_type="linear")

    model = store.get_logged_model(info.model_id)
    assert info.model_id.startswith(f"m-{run.info.run_id}-")
    assert model.source_run_id == run.info.run_id
    assert model.artifact_location == f"{run.info.artifact_uri}/model"
    assert (model.name, str(model.status), model.model_type) == ("model", "READY", "linear")
    assert model.params == {"alpha": "1.0"}
    assert model.tags["team"] == "a"
    client = store.MlflowClient()
    assert "model/MLmodel" in [
        item.path for item in client.list_artifacts(run.info.run_id, "model")
    ]
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [item.model_id for item in outputs] == [info.model_id]


def test_a_second_model_of_a_name_has_a_folder_of_its_own(store: Any) -> None:
    with store.start_run() as run:
        first, second = logged(store, step=1), logged(store, step=2)

    places = [store.get_logged_model(info.model_id).artifact_location for info in (first, second)]
    assert places[0] == f"{run.info.artifact_uri}/model"
    assert places[1].startswith(f"{run.info.artifact_uri}/model-")
    for info in (first, second):
        assert store.sklearn.load_model(info.model_uri).predict([[1.0]]) is not None
    outputs = store.MlflowClient().get_run(run.info.run_id).outputs.model_outputs
    assert {item.model_id: item.step for item in outputs} == {first.model_id: 1, second.model_id: 2}


def test_a_model_outside_of_a_run_makes_none(store: Any, name: str) -> None:
    info = logged(store, "alone", params={"alpha": "1"}, registered_model_name=name)
    pending = store.initialize_logged_model("unfinished")
    store.set_logged_model_tags(info.model_id, {"team": "a"})

    model = store.get_logged_model(info.model_id)
    assert store.search_runs(output_format="list") == []
    assert (model.name, str(model.status), model.source_run_id) == ("alone", "READY", None)
    assert (model.params, model.tags["team"]) == ({"alpha": "1"}, "a")
    assert store.sklearn.load_model(f"models:/{info.model_id}").predict([[0.0]]) is not None
    assert store.sklearn.load_model(f"models:/{name}/1").predict([[0.0]]) is not None
    found = store.search_logged_models(output_format="list")
    assert {item.model_id for item in found} == {info.model_id, pending.model_id}
    store.MlflowClient().delete_logged_model(info.model_id)
    found = store.search_logged_models(output_format="list")
    assert [item.model_id for item in found] == [pending.model_id]


def test_models_without_a_name_get_one_each(store: Any) -> None:
    with store.start_run():
        names = [store.initialize_logged_model().name for _ in range(3)]

    assert len(set(names)) == 3


def test_a_model_has_the_parameters_of_its_run_at_its_time(store: Any) -> None:
    with store.start_run():
        store.log_param("before", "1")
        info = logged(store)
        store.log_param("after", "2")

    assert store.get_logged_model(info.model_id).params == {"before": "1"}


def test_models_of_a_deleted_run_are_still_found(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store)
    store.delete_run(run.info.run_id)

    assert [item.model_id for item in store.search_logged_models(output_format="list")] == [
        info.model_id
    ]
    assert store.get_logged_model(info.model_id).model_id == info.model_id


def test_the_metrics_of_a_model_keep_their_dataset_and_the_run_that_logged_them(store: Any) -> None:
    train, test = (
        store.data.from_numpy(np.arange(size), name=name)
        for name, size in (("train", 3), ("test", 4))
    )
    with store.start_run() as run:
        info = logged(store)
        store.log_metric("r2", 0.9, model_id=info.model_id, dataset=train)
    with store.start_run() as later:
        store.log_metric("r2", 0.5, model_id=info.model_id, dataset=test)

    metrics = store.get_logged_model(info.model_id).metrics
    found = {(item.dataset_name, item.value, item.run_id) for item in metrics}
    assert found == {("train", 0.9, run.info.run_id), ("test", 0.5, later.info.run_id)}
    for dataset, condition in (("test", "metrics.r2 < 0.6"), ("train", "metrics.r2 > 0.8")):
        models = store.search_logged_models(
            filter_string=condition, datasets=[{"dataset_name": dataset}], output_format="list"
        )
        assert [model.model_id for model in models] == [info.model_id], dataset
    assert not store.search_logged_models(
        filter_string="metrics.r2 > 0.8", datasets=[{"dataset_name": "test"}], output_format="list"
    )


def test_what_a_model_has_is_in_one_tag_of_its_run(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store)
        for number in range(10):
            store.log_metric(f"m{number}", number, model_id=info.model_id)
            store.set_logged_model_tags(info.model_id, {f"tag{number}": "x"})

    model = store.get_logged_model(info.model_id)
    assert {item.key for item in model.metrics} == {f"m{number}" for number in range(10)}
    assert {f"tag{number}" for number in range(10)} <= model.tags.keys()
    stored = _tags_on_the_service(store, run.info.run_id)
    assert len([key for key in stored if key.startswith("azureml3.")]) <= 5


def test_several_threads_log_models_of_one_name(store: Any) -> None:
    with store.start_run() as run, ThreadPoolExecutor(6) as pool:
        infos = list(pool.map(lambda n: _logged_constant(store, run.info.run_id, n), range(6)))

    locations = {store.get_logged_model(info.model_id).artifact_location for info in infos}
    assert len(locations) == 6
    for number, info in enumerate(infos):
        assert store.sklearn.load_model(info.model_uri).predict([[0.0]])[0] == number


def test_notes_on_the_models_of_a_run_are_listed_once(
    store: Any, asked: Callable[[], list[str]]
) -> None:
    with store.start_run():
        for number in range(4):
            model = store.initialize_logged_model(f"model-{number}")
            store.set_logged_model_tags(model.model_id, {"number": str(number)})
    asked()

    found = store.search_logged_models(output_format="list")

    assert {model.name: model.tags["number"] for model in found} == {
        f"model-{number}": str(number) for number in range(4)
    }
    assert len([line for line in asked() if line.endswith("/azureml3/models")]) == 1


def test_pages_of_models_are_of_one_search(store: Any, asked: Callable[[], list[str]]) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        ids = {store.initialize_logged_model(f"model-{number}").model_id for number in range(7)}
    experiment = run.info.experiment_id

    first = client.search_logged_models([experiment], max_results=3)
    asked()
    second = client.search_logged_models([experiment], max_results=3, page_token=first.token)
    third = client.search_logged_models([experiment], max_results=3, page_token=second.token)

    assert asked() == []
    found = [model.model_id for page in (first, second, third) for model in page]
    assert (set(found), len(found), third.token) == (ids, 7, None)


def test_models_are_found_by_name_run_tag_parameter_and_metric(store: Any) -> None:
    with store.start_run() as first:
        one = logged(store, "one", params={"alpha": "1"}, tags={"team": "a"})
        store.log_metric("r2", 0.5, model_id=one.model_id)
    with store.start_run():
        two = logged(store, "two", params={"alpha": "2"})
        store.log_metric("r2", 0.9, model_id=two.model_id)

    def found(condition: str | None, **options: Any) -> list[str]:
        models = store.search_logged_models(
            filter_string=condition, output_format="list", **options
        )
        return [model.model_id for model in models]

    assert found(None) == [two.model_id, one.model_id]
    assert found("name = 'one'") == [one.model_id]
    assert found(f"source_run_id = '{first.info.run_id}'") == [one.model_id]
    assert found("tags.team = 'a'") == [one.model_id]
    assert found("params.alpha = '2'") == [two.model_id]
    assert found("metrics.r2 > 0.8") == [two.model_id]
    order = [{"field_name": "metrics.r2", "ascending": True}]
    assert found(None, order_by=order) == [one.model_id, two.model_id]
    assert found(None, max_results=1) == [two.model_id]


def test_tags_and_parameters_of_a_model_are_set_and_deleted(store: Any) -> None:
    with store.start_run():
        info = logged(store)
    client = store.MlflowClient()

    client.set_logged_model_tags(info.model_id, {"stage": "test", "owner": "me"})
    client.delete_logged_model_tag(info.model_id, "stage")
    client.log_model_params(info.model_id, {"depth": "3"})

    model = client.get_logged_model(info.model_id)
    assert model.tags["owner"] == "me"
    assert "stage" not in model.tags
    assert model.params["depth"] == "3"


def test_a_deleted_model_is_gone_and_its_files_stay(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store)

    store.MlflowClient().delete_logged_model(info.model_id)

    with pytest.raises(MlflowException, match="The logged model .* was not found"):
        store.get_logged_model(info.model_id)
    assert not store.search_logged_models(output_format="list")
    assert store.artifacts.list_artifacts(f"{run.info.artifact_uri}/model")


def test_a_model_is_deleted_as_often_as_asked_and_its_run_still_names_it(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store)
    client = store.MlflowClient()

    client.delete_logged_model(info.model_id)
    client.delete_logged_model(info.model_id)

    made = client.get_run(run.info.run_id).outputs.model_outputs
    assert [output.model_id for output in made] == [info.model_id]


@pytest.mark.parametrize("model_id", ["m-0", "m-nowhere-12345678", "other"])
def test_an_unknown_model_is_said_to_be_missing(store: Any, model_id: str) -> None:
    with pytest.raises(
        MlflowException, match=f"The logged model '{model_id}' was not found"
    ) as raised:
        store.get_logged_model(model_id)

    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_a_model_that_cannot_be_stored_is_failed_and_the_error_is_the_users(store: Any) -> None:
    with store.start_run() as run, pytest.raises(Exception, match="pickle"):
        store.sklearn.log_model(
            _Unpicklable(), name="bad", pip_requirements=[], serialization_format="pickle"
        )

    models = store.search_logged_models(output_format="list")
    assert [(model.source_run_id, str(model.status)) for model in models] == [
        (run.info.run_id, "FAILED")
    ]


def test_a_model_costs_few_requests(store: Any, asked: Callable[[], list[str]]) -> None:
    with store.start_run():
        asked()
        logged(store)
        made = asked()

    files = [line for line in made if line.startswith("PUT")]
    assert len(made) - len(files) <= 8, made


def test_scoring_runs_name_the_model_that_they_took(store: Any) -> None:
    from mlflow.entities import LoggedModelInput

    with store.start_run():
        info = logged(store)
    with store.start_run() as scoring:
        client = store.MlflowClient()
        client.log_inputs(scoring.info.run_id, models=[LoggedModelInput(info.model_id)])

    inputs = client.get_run(scoring.info.run_id).inputs.model_inputs
    assert [item.model_id for item in inputs] == [info.model_id]


def test_downloading_a_model_of_a_run_takes_each_file_once(
    store: Any, asked: Callable[[], list[str]], tmp_path: Path
) -> None:
    with store.start_run() as run:
        logged(store)
    asked()
    folder = tmp_path / "there"
    folder.mkdir()

    store.artifacts.download_artifacts(f"runs:/{run.info.run_id}/model", dst_path=str(folder))

    read = [line for line in asked() if line.startswith("GET /azureml/ExperimentRun")]
    assert len(read) == len(set(read)) == 5, read


def test_what_others_write_into_a_run_does_not_keep_it_from_being_read(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with store.start_run() as run:
        info = logged(store)
        store.log_metric("r2", 0.5, model_id=info.model_id)
        store.set_tag("long", "x" * 2000)
    uri = store.get_tracking_uri().replace("azureml3:", "azureml:")
    others = store.MlflowClient(uri)  # Microsoft's, to which our folder and tags are any others
    for tag, value in (
        ("azureml3.model.0123456789ab", "{}"),
        ("azureml3.model.0123456789ac", '{"name": 1, "folder": [], "created": "x"}'),
        ("azureml3.output.m-x", "many"),
    ):
        others.set_tag(run.info.run_id, tag, value)
    for folder in ("models", "rejected"):
        name = f"azureml3/{folder}/00000000000000000001-0123456"
        others.log_text(run.info.run_id, "no JSON", f"{name}7.json")
        others.log_text(run.info.run_id, '{"params": [], "model": 5}', f"{name}8.json")

    _forget_notes()
    found = store.MlflowClient().get_run(run.info.run_id)
    models = store.search_logged_models(output_format="list")

    assert found.data.tags["long"] == "x" * 2000
    assert [model.model_id for model in models] == [info.model_id]
    assert [metric.value for metric in models[0].metrics] == [0.5]
    assert "is no JSON" in caplog.text
    assert "is no such note" in caplog.text


def _forget_notes() -> None:
    """Read notes anew, as another process does."""
    from mlproject.azure.stores import journal

    journal._MEMORY = journal.Memory()


def _logged_constant(store: Any, run_id: str, value: int) -> Any:
    with store.start_run(run_id=run_id):
        return store.sklearn.log_model(
            Lasso().fit([[0.0], [1.0]], [value, value]),
            name="model",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )


def _tags_on_the_service(store: Any, run_id: str) -> dict[str, str]:
    """Return the tags of a run as Microsoft's client reads them."""
    uri = store.get_tracking_uri().replace("azureml3:", "azureml:")
    return dict(store.MlflowClient(uri).get_run(run_id).data.tags)


class _Unpicklable(Lasso):
    def __reduce__(self) -> Any:
        raise TypeError("this cannot be a pickle")


def test_the_history_of_a_metric_is_whole_while_a_model_is_unfinished(store: Any) -> None:
    with store.start_run() as run:
        model = store.initialize_logged_model("slowly")
        for step in range(3):
            store.log_metric("loss", 1.0 / (step + 1), step=step, model_id=model.model_id)
        history = store.MlflowClient().get_metric_history(run.info.run_id, "loss")
        unfinished = store.get_logged_model(model.model_id)
        finished = store.finalize_logged_model(model.model_id, "READY")

    assert [item.step for item in history] == [0, 1, 2]
    assert str(unfinished.status) == "PENDING"
    assert [metric.step for metric in unfinished.metrics] == [0, 1, 2]
    assert [metric.step for metric in finished.metrics] == [0, 1, 2]
    assert str(store.get_logged_model(model.model_id).status) == "READY"


def test_checkpoints_have_the_metrics_of_their_step(store: Any) -> None:
    with store.start_run():
        models = []
        for step in range(3):
            store.log_metric("accuracy", step / 10, step=step)
            models.append(logged(store, "checkpoint", step=step))
        store.log_metric("chosen", 1.0, model_id=models[1].model_id)

    found = {
        model.model_id: {metric.key: metric.value for metric in model.metrics}
        for model in store.search_logged_models(output_format="list")
    }
    assert [found[info.model_id]["accuracy"] for info in models] == [0.0, 0.1, 0.2]
    assert found[models[1].model_id]["chosen"] == 1.0
    best = store.search_logged_models(
        order_by=[{"field_name": "metrics.accuracy", "ascending": False}],
        output_format="list",
        max_results=1,
    )
    assert best[0].model_id == models[2].model_id


def test_linking_metrics_writes_no_metric_twice(store: Any) -> None:
    with store.start_run() as run:
        store.log_metrics({"a": 1.0, "b": 2.0})
        info = logged(store)

    history = store.MlflowClient().get_metric_history(run.info.run_id, "a")
    model = store.get_logged_model(info.model_id)
    assert len(history) == 1
    assert {metric.key: metric.value for metric in model.metrics} == {"a": 1.0, "b": 2.0}


def test_long_tags_and_parameters_of_a_model_are_whole(store: Any) -> None:
    with store.start_run():
        info = logged(store, tags={"note": "n" * 2500})
    store.MlflowClient().log_model_params(info.model_id, {"late": "p" * 2500})

    model = store.get_logged_model(info.model_id)
    assert model.tags["note"] == "n" * 2500
    assert model.params["late"] == "p" * 2500


def test_registering_by_run_takes_what_loading_by_run_takes(store: Any, name: str) -> None:
    with store.start_run() as run:
        for value in (0.0, 1.0):
            store.sklearn.log_model(
                Lasso().fit([[0.0], [1.0]], [value, value]),
                name="model",
                pip_requirements=[],
                serialization_format="cloudpickle",
            )
    uri = f"runs:/{run.info.run_id}/model"
    version = store.register_model(uri, name)

    by_run, by_version = (
        store.sklearn.load_model(place).predict([[0.0]])[0]
        for place in (uri, f"models:/{name}/{version.version}")
    )
    assert (by_run, by_version) == (1.0, 1.0)


def test_the_files_of_a_model_are_listed_by_every_uri(store: Any) -> None:
    with store.start_run() as run:
        info = logged(store)

    place = store.get_logged_model(info.model_id).artifact_location
    for uri in (place, f"models:/{info.model_id}"):
        listed = [item.path for item in store.artifacts.list_artifacts(uri)]
        assert any(path.endswith("MLmodel") for path in listed), uri
    root = store.artifacts.list_artifacts(run.info.artifact_uri)
    assert [item.path for item in root] == ["artifacts/model"]
