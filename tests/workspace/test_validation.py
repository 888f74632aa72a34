"""What MLflow's own stores refuse is refused in a workspace, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException


def test_two_values_of_one_parameter_in_a_batch_are_refused(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run, pytest.raises(MlflowException, match="Duplicate parameter keys"):
        client.log_batch(run.info.run_id, params=[Param("p", "1"), Param("p", "2")])

    assert client.get_run(run.info.run_id).data.params == {}
    assert not client.list_artifacts(run.info.run_id)


@pytest.mark.parametrize("batch", [
    {"metrics": [Metric("../x", 1.0, 0, 0)]},
    {"params": [Param("../x", "1")]},
    {"tags": [RunTag("../x", "1")]},
    {"metrics": [Metric("k" * 251, 1.0, 0, 0)]},
    {"params": [Param("k" * 251, "1")]},
    {"tags": [RunTag("k" * 251, "1")]},
])  # fmt: skip
def test_a_batch_with_an_invalid_name_is_refused_as_a_whole(
    store: Any, batch: dict[str, Any], tmp_path: Any
) -> None:
    other = store.MlflowClient(f"sqlite:///{tmp_path}/other.db")
    there = other.create_run(other.create_experiment("other"))
    with pytest.raises(MlflowException) as expected:
        other.log_batch(there.info.run_id, **batch)

    client, good = store.MlflowClient(), Metric("good", 1.0, 0, 0)
    with store.start_run() as run, pytest.raises(MlflowException) as refused:
        client.log_batch(run.info.run_id, **{**batch, "metrics": [*batch.get("metrics", []), good]})

    assert refused.value.message == expected.value.message
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    assert client.get_run(run.info.run_id).data.metrics == {}


@pytest.mark.parametrize("make", [
    lambda client, name: client.create_run("0", tags={"../x": "1"}),
    lambda client, name: client.create_experiment(name, tags={"../x": "1"}),
    lambda client, name: client.create_registered_model(name, {"../x": "1"}),
    lambda client, name: client.create_registered_model(f"{name}/x"),
    lambda client, name: client.set_registered_model_alias(name, "a b", "1"),
])  # fmt: skip
def test_other_invalid_names_are_refused(
    store: Any, name: str, make: Callable[[Any, str], Any]
) -> None:
    with pytest.raises(MlflowException, match="Invalid") as refused:
        make(store.MlflowClient(), name)

    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
