"""What the service refuses of a run is kept, named, and read back with the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from tests.conftest import Shell
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
    assert "Azure ML refused parameter p" in caplog.text
    assert "kept in the run's artifacts, in azureml3/rejected" in caplog.text
    assert client.list_artifacts(run.info.run_id) == []


def test_what_is_refused_one_by_one_costs_a_few_requests_each(
    store: Any, asked: Callable[[], list[str]]
) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        store.log_params({f"p{number}": number for number in range(200)})
        asked()
        for number in range(200, 230):
            client.log_param(run.info.run_id, f"p{number}", number)
        written = asked()
        first, second = client.get_run(run.info.run_id), client.get_run(run.info.run_id)

    assert len(written) <= 30 * 6, written
    assert len(asked()) <= 5  # this process has read, or written, all of it
    assert len(first.data.params) == len(second.data.params) == 230


def test_another_process_reads_what_was_refused_once(
    azure_shell: Shell, store: Any, asked: Callable[[], list[str]]
) -> None:
    with store.start_run() as run:
        store.log_params({f"p{number}": number for number in range(205)})
        store.log_param("late", "1")
    asked()
    (azure_shell.folder / "read.py").write_text(
        "import mlflow, sys\n"
        "client = mlflow.MlflowClient()\n"
        "print({len(client.get_run(sys.argv[1]).data.params) for _ in range(5)})\n"
    )
    done = azure_shell.warm("read.py", run.info.run_id)

    assert done.out.strip() == "{206}"
    assert len([line for line in asked() if line.startswith("GET /azureml/ExperimentRun")]) == 2


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
        tags = [RunTag("long", "x" * 2000), RunTag("short", "s")]
        with pytest.raises(MlflowException, match="p"):
            client.log_batch(run.info.run_id, [], [Param("p", "2"), Param("q", "3")], tags)

    found = client.get_run(run.info.run_id)
    assert found.data.params == {"p": "1", "q": "3"}
    assert (found.data.tags["long"], found.data.tags["short"]) == ("x" * 2000, "s")
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

        for _ in range(2):  # which is one value, as SQLite has it
            client.log_metric(run.info.run_id, "bad_one", 0.75, timestamp=7, step=4)
        client.log_metric(run.info.run_id, "bad_one", 0.5, step=5)
        found = client.get_run(run.info.run_id)
        history = client.get_metric_history(run.info.run_id, "m7")
        refused = client.get_metric_history(run.info.run_id, "bad_one")
    assert [item.step for item in refused] == [3, 4, 5]
    assert found.data.metrics == {f"m{number}": number for number in range(20)} | {"bad_one": 0.5}
    assert len(history) == 1


def test_values_that_are_no_numbers_are_kept_as_sqlite_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    """Of a metric that the service refuses, and of a model's metrics."""
    with emulated(tmp_path / "strict", "--refuse", "bad_.*") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        here = store.MlflowClient(f"sqlite:///{tmp_path}/here.db")
        # SQLite cannot take NaN twice, and reads that of a model as 0.
        (expected, _), kept = _odd_values(here, 1), _odd_values(store.MlflowClient(URI), 2)

    assert expected == ["-1.7976931348623157e+308", "1.7976931348623157e+308", "nan"]
    assert kept == [expected, expected]


def _odd_values(client: Any, times: int) -> list[list[str]]:
    experiment = client.create_experiment("odd")
    run_id = client.create_run(experiment).info.run_id
    model_id = client.create_logged_model(experiment, "m", run_id).model_id
    for step, value in enumerate(map(float, ("nan", "inf", "-inf"))):
        for _ in range(times):  # which is one value
            client.log_metric(run_id, "bad_one", value, timestamp=1, step=step)
        client.log_metric(run_id, "of_model", value, timestamp=1, step=step, model_id=model_id)
    of_model = client.get_logged_model(model_id).metrics
    history = client.get_metric_history(run_id, "bad_one")
    return [sorted(repr(item.value) for item in items) for items in (history, of_model)]


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


@pytest.mark.parametrize(
    ("writes", "expected"),
    [
        (["short", "x" * 2000], "x" * 2000),
        (["x" * 2000, "y" * 2000], "y" * 2000),
        (["x" * 2000, "short", "y" * 2000, "last"], "last"),
        (["short", "x" * 2000, None], None),
        (["x" * 2000, "short", None], None),
        (["x" * 2000, None, "short"], "short"),
        (["x" * 2000, None, "y" * 2000], "y" * 2000),
    ],
    ids=lambda value: "-".join(str(v)[:1] for v in value) if isinstance(value, list) else "",
)
def test_a_tag_is_what_it_was_set_to_last(
    store: Any, writes: list[str | None], expected: str | None
) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        for value in writes:
            if value is None:
                client.delete_tag(run.info.run_id, "tag")
            else:
                client.set_tag(run.info.run_id, "tag", value)

    assert client.get_run(run.info.run_id).data.tags.get("tag") == expected


def test_deleting_a_tag_that_is_not_there_is_an_error(store: Any) -> None:
    with (
        store.start_run() as run,
        pytest.raises(MlflowException, match="No tag with name: nothing"),
    ):
        store.MlflowClient().delete_tag(run.info.run_id, "nothing")


def test_several_threads_overflow_at_once(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: client.set_tag(run.info.run_id, f"t{n}", "x" * 1500), range(8)))

    tags = client.get_run(run.info.run_id).data.tags
    assert {key for key in tags if key.startswith("t")} == {f"t{number}" for number in range(8)}


def test_a_parameter_beyond_the_limit_cannot_change_either(store: Any) -> None:
    client = store.MlflowClient()
    with store.start_run() as run:
        store.log_params({f"p{number}": number for number in range(200)})
        client.log_param(run.info.run_id, "late", "1")
        with pytest.raises(MlflowException):
            client.log_param(run.info.run_id, "late", "other")
        client.log_param(run.info.run_id, "late", "1")


def test_what_steers_a_terminal_is_told_as_text(azure_shell: Shell, store: Any) -> None:
    (azure_shell.folder / "named.py").write_text(
        "import mlflow\nwith mlflow.start_run(run_name='a\\x1b[31mb'): pass\n"
    )
    with pytest.raises(MlflowException) as raised:
        store.get_logged_model("m-e\x1b[2J-f")
    done = azure_shell.warm("named.py")

    assert "\x1b" not in done.out + done.err + str(raised.value)
    assert r"View run a\x1b[31mb at: https://ml.azure.com" in done.out


def test_an_error_of_the_service_steers_no_terminal(store: Any) -> None:
    with pytest.raises(MlflowException, match=r"\\x1b\[31m1 was not found") as raised:
        store.MlflowClient().get_experiment("\x1b[31m1")

    assert "\x1b" not in str(raised.value)
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_the_name_of_a_planted_note_steers_no_terminal(
    store: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    from mlproject.azure.connection import context
    from mlproject.azure.connection.files import Files
    from mlproject.azure.connection.uris import of_run

    client, planted = store.MlflowClient(), tmp_path / "planted"
    planted.write_text("no JSON")
    with store.start_run() as run:
        client.set_tag(run.info.run_id, "long", "x" * 2000)
    there = context.of(URI)
    files = Files(there, of_run(there.workspace, run.info.run_id))
    files.add([(planted, "azureml3/rejected/\x1b[2J.json")])

    assert client.get_run(run.info.run_id).data.tags["long"] == "x" * 2000
    assert r"The note azureml3/rejected/\x1b[2J.json of the run" in caplog.text
    assert "\x1b" not in caplog.text


def test_everything_beyond_the_documented_limits_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Any
) -> None:
    """50 tags and 50 metrics a run, and 100 characters in the name of a tag."""
    tags = {f"tag{number}": str(number) for number in range(70)} | {"t" * 200: "long name"}
    with emulated(tmp_path / "strict", "--documented-limits") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        client = store.MlflowClient(URI)
        experiment = client.create_experiment("strict")
        run_id = client.create_run(experiment, tags=tags).info.run_id
        for step in range(3):
            metrics = [Metric(f"m{number}", number + step, 0, step) for number in range(60)]
            client.log_batch(run_id, metrics)
        client.set_tag(run_id, "tag69", "changed")
        found = client.get_run(run_id).data
        histories = [client.get_metric_history(run_id, f"m{number}") for number in range(60)]
        (searched,) = client.search_runs([experiment])

    assert tags.items() - {("tag69", "69")} <= found.tags.items()
    assert found.tags["tag69"] == "changed"
    assert found.metrics == searched.data.metrics == {f"m{n}": n + 2 for n in range(60)}
    assert {tuple(item.step for item in history) for history in histories} == {(0, 1, 2)}
