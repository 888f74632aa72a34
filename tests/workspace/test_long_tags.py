"""Tags of experiments, registered models and versions that are too long for the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.model_registry.rest_store import RestStore as RestRegistry
from mlflow.store.tracking.rest_store import RestStore

from tests.workspace.test_logged_models import logged

LONG = "a line of text, ünd so on\n" * 150


@dataclass
class Tagged:
    """Something with tags, and what is done to them."""

    set: Callable[[str, str], None]
    delete: Callable[[str], None]
    tags: Callable[[], Mapping[str, str]]
    kept: Callable[[], Mapping[str, str]]
    """What the service has, with the tags that are ours."""


@pytest.fixture(params=["experiment", "registered model", "version"])
def tagged(request: pytest.FixtureRequest, store: Any, name: str) -> Tagged:
    client, there = store.MlflowClient(), store.MlflowClient()._tracking_client.store
    if request.param == "experiment":
        one = client.create_experiment(name, tags={"first": LONG})
        return Tagged(
            lambda key, value: client.set_experiment_tag(one, key, value),
            lambda key: client.delete_experiment_tag(one, key),
            lambda: client.get_experiment(one).tags,
            lambda: RestStore.get_experiment(there, one).tags,
        )
    registry = client._get_registry_client().store
    client.create_registered_model(name, tags={"first": LONG})
    if request.param == "registered model":
        return Tagged(
            lambda key, value: client.set_registered_model_tag(name, key, value),
            lambda key: client.delete_registered_model_tag(name, key),
            lambda: client.get_registered_model(name).tags,
            lambda: RestRegistry.get_registered_model(registry, name)._tags,
        )
    with store.start_run():
        uri = logged(store).model_uri
    client.create_model_version(name, uri, tags={"first": LONG})
    return Tagged(
        lambda key, value: client.set_model_version_tag(name, "1", key, value),
        lambda key: client.delete_model_version_tag(name, "1", key),
        lambda: client.get_model_version(name, "1").tags,
        lambda: RestRegistry.get_model_version(registry, name, "1").tags,
    )


def test_a_long_tag_is_written_rewritten_and_deleted(tagged: Tagged) -> None:
    assert tagged.tags() == {"first": LONG}

    tagged.set("second", LONG)
    tagged.set("first", LONG[::-1])
    assert tagged.tags() == {"first": LONG[::-1], "second": LONG}

    tagged.set("first", "short")
    assert tagged.tags() == {"first": "short", "second": LONG}

    tagged.delete("second")
    assert tagged.tags() == {"first": "short"}
    assert "a line of text" not in "".join(tagged.kept().values())

    tagged.set("second", "again")
    assert tagged.tags() == {"first": "short", "second": "again"}


def test_a_tag_that_another_client_has_rewritten_is_what_that_wrote(tagged: Tagged) -> None:
    assert max(map(len, tagged.kept().values())) == 1000
    assert tagged.kept()["first"].startswith("a line of text")

    tagged.set("first", tagged.kept()["first"][:900])

    assert tagged.tags() == {"first": LONG[:900]}


# MLflow's own server says nothing where the tag is a registered model's or a version's.
@pytest.mark.parametrize("tagged", ["experiment"], indirect=True)
def test_deleting_a_tag_that_is_not_there_names_it(tagged: Tagged) -> None:
    tagged.delete("first")

    with pytest.raises(MlflowException, match="first") as missing:
        tagged.delete("first")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"
