"""Searching registered models, where the service's own search ends."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.rest_store import RestStore


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search as Microsoft documents it: neither tags nor LIKE, and prompts are models."""
    everything = RestStore.search_registered_models

    def search(store: Any, filter_string: str | None = None, *more: Any) -> Any:
        if filter_string and ("tag" in filter_string or "LIKE" in filter_string):
            raise MlflowException.invalid_parameter_value("The filter is not supported.")
        found = everything(store, filter_string, *more)
        prompts = everything(store, f"tags.`{IS_PROMPT_TAG_KEY}` = 'true'", 100)
        return PagedList([*found, *prompts], found.token)

    monkeypatch.setattr(RestStore, "search_registered_models", search)


@pytest.mark.usefixtures("documented")
def test_models_are_found_by_tags_and_by_a_part_of_the_name(store: Any, name: str) -> None:
    client = store.MlflowClient()
    for number in range(3):
        client.create_registered_model(f"{name}-{number}", tags={"of": f"{name} {number % 2}"})
    client.register_prompt(f"{name}-prompt", "Hello")

    def found(condition: str, **options: Any) -> list[str]:
        models = client.search_registered_models(condition, **options)
        return [model.name.removeprefix(f"{name}-") for model in models]

    assert found(f"name LIKE '{name}%'") == ["0", "1", "2"]
    assert found(f"tags.of = '{name} 0'") == ["0", "2"]
    assert found(f"name LIKE '{name}%'", order_by=["name DESC"], max_results=2) == ["2", "1"]
    assert [item.name for item in client.search_prompts(f"name LIKE '{name}%'")] == [
        f"{name}-prompt"
    ]
    assert f"{name}-prompt" not in [item.name for item in client.search_registered_models()]
    for thread in threading.enumerate():
        if thread.name.startswith("link_prompt_to_experiment"):
            thread.join()


@pytest.mark.usefixtures("documented")
def test_a_filter_that_mlflow_does_not_know_is_refused(store: Any) -> None:
    with pytest.raises(MlflowException, match="Invalid"):
        store.MlflowClient().search_registered_models("colour LIKE 'red'")
