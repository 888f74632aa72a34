"""What was asked and not answered: it is there once, whatever was asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from tests.workspace.conftest import URI, emulated
from tests.workspace.test_logged_models import logged


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An emulator that leaves every third request without an answer."""
    folder = tmp_path_factory.mktemp("lossy") / "emulator"
    with emulated(folder, "--lost", "0.3", "--seed", "4") as running:
        yield running


@pytest.fixture
def client(lossy: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in lossy.environment.items():
        monkeypatch.setenv(name, value)
    return store.MlflowClient(URI, URI)


def test_experiments_runs_and_what_they_hold(client: Any) -> None:
    ids = [client.create_experiment(f"experiment-{number}") for number in range(5)]
    made = [client.create_run(ids[0], run_name=f"run-{number}") for number in range(15)]
    run_id = made[0].info.run_id
    for step in range(10):
        client.log_metric(run_id, "loss", 1.0 / (step + 1), step=step)
    client.set_tag(run_id, "kept", "1")
    client.set_tag(run_id, "gone", "1")
    client.delete_tag(run_id, "gone")
    client.delete_run(made[1].info.run_id)
    client.delete_run(made[2].info.run_id)
    client.restore_run(made[2].info.run_id)
    client.delete_experiment(ids[1])

    found = client.search_runs([ids[0]], run_view_type=ViewType.ALL)
    assert len(set(ids)) == 5
    assert sorted(run.info.run_name for run in found) == sorted(f"run-{n}" for n in range(15))
    assert len(client.search_runs([ids[0]])) == 14
    assert [item.step for item in client.get_metric_history(run_id, "loss")] == list(range(10))
    tags = client.get_run(run_id).data.tags
    assert tags["kept"] == "1"
    assert "gone" not in tags
    assert client.get_experiment(ids[1]).lifecycle_stage == "deleted"


def test_a_value_that_is_no_number_is_there_once(client: Any) -> None:
    """MLflow's own server rejects it where it is sent again, and what is rejected is kept."""
    run_id = client.create_run(client.create_experiment("nan")).info.run_id
    for step in range(15):
        client.log_metric(run_id, "loss", float("nan"), timestamp=1, step=step)

    history = client.get_metric_history(run_id, "loss")
    assert [item.step for item in history] == list(range(15))


def test_an_experiment_that_is_there_already_is_not_made_again(client: Any) -> None:
    client.create_experiment("taken")
    client.delete_experiment(client.create_experiment("deleted"))

    for name in ["taken", "deleted"] * 10:
        with pytest.raises(MlflowException, match="already exists"):
            client.create_experiment(name)


def test_registered_models_versions_and_aliases(client: Any) -> None:
    run = client.create_run(client.create_experiment("registry"))
    names = [f"name-{number}" for number in range(5)]
    for name in names:
        client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/model"
    for _ in range(8):
        client.create_model_version(names[0], source, run.info.run_id)
    client.set_registered_model_alias(names[0], "champion", "3")
    client.set_registered_model_alias(names[0], "old", "1")
    client.delete_registered_model_alias(names[0], "old")
    client.delete_model_version(names[0], "8")

    assert sorted(item.name for item in client.search_registered_models()) == names
    versions = client.search_model_versions(f"name='{names[0]}'")
    assert sorted(int(item.version) for item in versions) == list(range(1, 8))
    assert client.get_registered_model(names[0]).aliases == {"champion": "3"}


def test_files_and_models(client: Any, store: Any, tmp_path: Path) -> None:
    store.set_experiment("files")
    with store.start_run() as run:
        for number in range(10):
            store.log_text(f"text {number}", f"{number}.txt")
        info = logged(store)

    listed = [item.path for item in client.list_artifacts(run.info.run_id)]
    assert listed == sorted([*(f"{number}.txt" for number in range(10)), "model"])
    for number in range(10):
        uri = f"{run.info.artifact_uri}/{number}.txt"
        assert store.artifacts.load_text(uri) == f"text {number}"
    assert store.sklearn.load_model(info.model_uri).predict([[1.0]]) is not None
    assert len(store.search_logged_models(output_format="list")) == 1
