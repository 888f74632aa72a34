"""Prompts of MLflow 3 in a workspace, whose service knows registered models only."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from sklearn.linear_model import Lasso


@pytest.fixture(autouse=True)
def _linked(store: Any) -> Iterator[None]:
    """MLflow names the experiment of a prompt in the background, which is not to outlive a test."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith("link_prompt_to_experiment"):
            thread.join()


@pytest.fixture
def prompt(store: Any, name: str) -> Any:
    """A prompt with two versions."""
    mlflow.genai.register_prompt(name, "Hello, {{name}}!", "first", tags={"team": "a"})
    return mlflow.genai.register_prompt(name, "Good day, {{name}}!", "second")


def test_a_prompt_is_registered_and_loaded_by_version_alias_and_as_the_latest(
    prompt: Any, name: str
) -> None:
    mlflow.genai.set_prompt_alias(name, "production", 1)

    assert mlflow.genai.load_prompt(name, 1).template == "Hello, {{name}}!"
    assert mlflow.genai.load_prompt(f"prompts:/{name}@production").version == 1
    latest = mlflow.genai.load_prompt(f"prompts:/{name}@latest")
    assert (latest.version, latest.format(name="Ann")) == (2, "Good day, Ann!")
    assert mlflow.genai.load_prompt(name, 1).aliases == ["production"]


def test_prompts_are_found_and_are_no_models(prompt: Any, store: Any, name: str) -> None:
    assert [item.name for item in mlflow.genai.search_prompts(f"name = '{name}'")] == [name]
    assert not store.MlflowClient().search_registered_models(f"name = '{name}'")
    found = mlflow.MlflowClient().get_prompt(name)
    assert found is not None
    assert found.tags["team"] == "a"


def test_a_long_prompt_is_whole(store: Any, name: str) -> None:
    template = "All of it: {{text}}. " * 400

    mlflow.genai.register_prompt(name, template)

    assert mlflow.genai.load_prompt(name, 1).template == template


def test_a_model_is_logged_with_its_prompts(prompt: Any, store: Any, name: str) -> None:
    with store.start_run():
        info = mlflow.sklearn.log_model(
            Lasso().fit([[0.0], [1.0]], [0, 1]),
            name="model",
            prompts=[f"prompts:/{name}/2"],
            pip_requirements=[],
            serialization_format="cloudpickle",
        )

    tags = mlflow.get_logged_model(info.model_id).tags
    assert json.loads(tags["mlflow.linkedPrompts"]) == [{"name": name, "version": "2"}]
