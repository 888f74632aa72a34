"""What the service refuses of a run is kept, named, and read back with the run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
from mlflow.exceptions import MlflowException

from mlproject.azure.bookkeeping import OVERFLOW
from mlproject.azure.overflow import Overflow
from tests.workspace.conftest import URI, emulated


def test_more_than_200_parameters_are_all_there(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected = {f"p{number:03}": str(number) for number in range(250)}
    with store.start_run() as run, caplog.at_level(logging.WARNING, "mlproject"):
        store.log_metric("before", 1.0)
        store.log_params(expected)

    client = store.MlflowClient()
    assert client.get_run(run.info.run_id).data.params == expected
    found = client.search_runs([run.info.experiment_id])[0]
    assert found.data.params == expected
    content = json.loads(store.artifacts.load_text(f"{run.info.artifact_uri}/overflow.json"))
    assert len(content["params"]) == 50
    assert "Azure ML refused parameter p" in caplog.text
    assert "kept in the artifact overflow.json" in caplog.text


def test_a_second_overflow_has_a_file_of_its_own(store: Any) -> None:
    with store.start_run() as run:
        store.log_params({f"p{number}": number for number in range(201)})
        store.log_param("late", "1")

    found = store.MlflowClient().get_run(run.info.run_id)
    assert len(found.data.params) == 202
    assert found.data.params["late"] == "1"
    paths = {item.path for item in store.MlflowClient().list_artifacts(run.info.run_id)}
    assert "overflow.json" in paths
    assert len([path for path in paths if path.startswith("overflow-")]) == 1


def test_a_tag_cannot_have_a_file_written_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Obliging:
        """A service that has an artifact of any name."""

        def get(self, name: str, path: Path) -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"params": {"p": "1"}, "tags": {}, "metrics": []}))

    tags = [RunTag(f"{OVERFLOW}../planted/overflow.json", "1")]
    run: Any = Run(RunInfo("r", "e", "u", "FINISHED", 0, 0, "active"), RunData(tags=tags))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    found = Overflow(run, lambda _: Obliging())  # type: ignore[arg-type,return-value]

    assert found.read().params == {"p": "1"}
    assert not list((tmp_path / "temporary").iterdir())


def test_a_tag_that_is_too_long_is_kept_whole_and_takes_nothing_along(store: Any) -> None:
    client, long = store.MlflowClient(), "x" * 3000
    with store.start_run() as run:
        tags = [RunTag("short", "s"), RunTag("long", long)]
        client.log_batch(run.info.run_id, [Metric("m", 1.0, 0, 0)], [Param("p", "1")], tags)

    found = client.get_run(run.info.run_id)
    assert found.data.tags["long"] == long
    assert found.data.tags["short"] == "s"
    assert (found.data.metrics, found.data.params) == ({"m": 1.0}, {"p": "1"})


def test_a_parameter_that_would_change_is_still_an_error(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        client.log_param(run.info.run_id, "p", "1")
        with pytest.raises(MlflowException, match="p"):
            client.log_batch(run.info.run_id, params=[Param("p", "2"), Param("q", "3")])

    found = client.get_run(run.info.run_id)
    assert found.data.params == {"p": "1", "q": "3"}
    assert not client.list_artifacts(run.info.run_id)


def test_writing_to_a_deleted_run_is_still_an_error(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        pass
    client.delete_run(run.info.run_id)

    with pytest.raises(MlflowException, match="active"):
        client.log_batch(run.info.run_id, [Metric("m", 1.0, 0, 0)], [Param("p", "1")])


def test_one_refused_metric_does_not_take_its_batch_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    with emulated(tmp_path / "strict", "--refuse", "bad_.*") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        client = store.MlflowClient(tracking_uri=URI)
        run = client.create_run(client.create_experiment("strict"))
        metrics = [Metric(f"m{number}", number, 0, 0) for number in range(20)]
        client.log_batch(run.info.run_id, [*metrics, Metric("bad_one", 0.5, 7, 3)])

        found = client.get_run(run.info.run_id)
        history = client.get_metric_history(run.info.run_id, "m7")
    assert found.data.metrics == {f"m{number}": number for number in range(20)} | {"bad_one": 0.5}
    assert len(history) == 1


def test_a_tag_that_was_too_long_can_be_changed_and_deleted(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run(description="d" * 1500) as run:
        client.set_tag(run.info.run_id, "changed", "x" * 2000)
        client.set_tag(run.info.run_id, "deleted", "x" * 2000)
        client.set_tag(run.info.run_id, "changed", "short")
        client.delete_tag(run.info.run_id, "deleted")

    tags = client.get_run(run.info.run_id).data.tags
    assert tags["changed"] == "short"
    assert "deleted" not in tags
    assert tags["mlflow.note.content"] == "d" * 1500


def test_several_threads_overflow_at_once_and_a_file_of_that_name_is_no_obstacle(
    store: Any,
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    client = store.MlflowClient()
    with store.start_run() as run:
        store.log_text("mine", "overflow.json")
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(
                    lambda number: client.set_tag(run.info.run_id, f"t{number}", "x" * 1500),
                    range(8),
                )
            )

    tags = client.get_run(run.info.run_id).data.tags
    assert {key for key in tags if key.startswith("t")} == {f"t{number}" for number in range(8)}
    assert store.artifacts.load_text(f"{run.info.artifact_uri}/overflow.json") == "mine"


def test_a_parameter_beyond_the_limit_cannot_change_either(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        store.log_params({f"p{number}": number for number in range(201)})
        kept = json.loads(store.artifacts.load_text(f"{run.info.artifact_uri}/overflow.json"))
        name = next(iter(kept["params"]))
        with pytest.raises(MlflowException):
            client.log_param(run.info.run_id, name, "other")
