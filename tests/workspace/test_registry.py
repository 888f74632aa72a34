"""Registered models of a workspace, with the aliases that its service does not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from sklearn.linear_model import Lasso

from tests.workspace.test_logged_models import logged


@pytest.fixture
def client(store: Any, name: str) -> Any:
    """A client, with two versions of a registered model."""
    for _ in range(2):
        with store.start_run():
            store.register_model(logged(store).model_uri, name)
    return store.MlflowClient()


def test_an_alias_names_a_version_until_it_is_moved_or_deleted(client: Any, name: str) -> None:
    client.set_registered_model_alias(name, "champion", "1")
    assert client.get_model_version_by_alias(name, "champion").version == "1"

    client.set_registered_model_alias(name, "champion", "2")
    assert client.get_model_version_by_alias(name, "champion").version == "2"
    assert client.get_model_version(name, "1").aliases == []
    assert client.get_model_version(name, "2").aliases == ["champion"]
    assert client.get_registered_model(name).aliases == {"champion": "2"}
    found = client.search_model_versions(f"name='{name}'")
    assert {item.version: item.aliases for item in found} == {"1": [], "2": ["champion"]}

    client.delete_registered_model_alias(name, "champion")
    with pytest.raises(MlflowException, match=f"alias champion not found: '{name}'") as missing:
        client.get_model_version_by_alias(name, "champion")
    assert missing.value.error_code == "INVALID_PARAMETER_VALUE"


def test_an_alias_of_a_version_that_is_not_there_is_refused(client: Any, name: str) -> None:
    with pytest.raises(MlflowException):
        client.set_registered_model_alias(name, "champion", "7")

    assert client.get_registered_model(name).aliases == {}


def test_deleting_a_version_deletes_its_aliases(client: Any, name: str) -> None:
    client.set_registered_model_alias(name, "champion", "2")
    client.set_registered_model_alias(name, "previous", "1")

    client.delete_model_version(name, "2")

    assert client.get_registered_model(name).aliases == {"previous": "1"}


def test_tags_of_ours_are_not_shown(client: Any, name: str) -> None:
    client.set_registered_model_alias(name, "champion", "1")
    client.set_registered_model_tag(name, "team", "a")
    client.set_model_version_tag(name, "1", "checked", "yes")

    assert client.get_registered_model(name).tags == {"team": "a"}
    assert client.get_model_version(name, "1").tags == {"checked": "yes"}
    assert client.get_model_version(name, "1").model_id.startswith("m-")


def test_what_the_service_cannot_do_is_said(client: Any, name: str) -> None:
    with pytest.raises(MlflowException, match="cannot rename registered models"):
        client.rename_registered_model(name, "other")
    with pytest.raises(MlflowException, match="cannot delete registered models"):
        client.delete_registered_model(name)
    with pytest.raises(MlflowException, match="not found"):
        client.delete_registered_model(f"{name}-missing")
    experiment = client.create_experiment(f"experiment-{name}")
    with pytest.raises(MlflowException, match="cannot rename experiments"):
        client.rename_experiment(experiment, "other")


def test_a_run_s_model_and_a_logged_model_are_registered_with_their_run(
    store: Any, name: str
) -> None:
    with store.start_run() as run:
        info = logged(store)
    by_run = store.register_model(f"runs:/{run.info.run_id}/model", name)
    by_id = store.register_model(f"models:/{info.model_id}", name)

    for version in (by_run, by_id):
        assert version.run_id == run.info.run_id
        assert version.model_id == info.model_id
        assert version.source == f"{run.info.artifact_uri}/model"
        loaded = store.sklearn.load_model(f"models:/{name}/{version.version}")
        assert isinstance(loaded, Lasso)


def test_logging_and_registering_in_one_call_works(store: Any, name: str) -> None:
    with store.start_run():
        info = logged(store, registered_model_name=name)

    assert info.registered_model_version == "1"
    assert store.pyfunc.load_model(f"models:/{name}/1").metadata.model_id == info.model_id


def test_a_folder_is_registered_by_uploading_it(store: Any, name: str, tmp_path: Path) -> None:
    store.sklearn.save_model(
        Lasso().fit([[0.0], [1.0]], [0, 1]),
        tmp_path / "saved",
        pip_requirements=[],
        serialization_format="cloudpickle",
    )

    version = store.register_model((tmp_path / "saved").as_uri(), name)

    assert (
        store.sklearn.load_model(f"models:/{name}/{version.version}").predict([[1.0]]) is not None
    )


def test_a_folder_without_a_model_is_not_registered(store: Any, name: str, tmp_path: Path) -> None:
    with pytest.raises(MlflowException, match="it should hold an MLmodel file"):
        store.register_model(tmp_path.as_uri(), name)


def test_a_version_is_copied_and_registered_again_with_its_lineage(
    client: Any, store: Any, name: str
) -> None:
    copied = client.copy_model_version(f"models:/{name}/1", f"{name}-copy")
    again = store.register_model(f"models:/{name}/2", f"{name}-copy")

    first, second = (client.get_model_version(name, number) for number in ("1", "2"))
    assert (copied.run_id, copied.source) == (first.run_id, first.source)
    assert (again.run_id, again.model_id) == (second.run_id, second.model_id)


@pytest.mark.parametrize("alias", ["latest", "v1"])
def test_aliases_that_mean_something_else_are_refused(client: Any, name: str, alias: str) -> None:
    with pytest.raises(MlflowException, match="reserved"):
        client.set_registered_model_alias(name, alias, "1")


def test_a_logged_model_names_its_versions(store: Any, name: str) -> None:
    with store.start_run() as run:
        info = logged(store)
    client = store.MlflowClient()
    store.register_model(f"runs:/{run.info.run_id}/model", name)
    client.create_model_version(name, info.model_uri, model_id=info.model_id)

    named = json.loads(client.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    assert named == [{"name": name, "version": 1}, {"name": name, "version": 2}]


def test_a_logged_model_that_is_registered_by_its_id_names_each_version_once(
    store: Any, name: str
) -> None:
    with store.start_run():
        info = logged(store)
    for _ in range(2):
        store.register_model(info.model_uri, name)

    named = json.loads(store.get_logged_model(info.model_id).tags["mlflow.modelVersions"])
    assert named == [{"name": name, "version": 1}, {"name": name, "version": 2}]


def test_the_alias_latest_is_the_newest_version(client: Any, name: str) -> None:
    assert client.get_model_version_by_alias(name, "latest").version == "2"


def test_a_version_of_another_server_s_run_keeps_the_id_of_the_run(client: Any, name: str) -> None:
    source = client.get_model_version(name, "1").source

    version = client.create_model_version(name, source, run_id="0" * 32)

    assert version.run_id == "0" * 32
    assert client.get_model_version(name, version.version).run_id == "0" * 32
