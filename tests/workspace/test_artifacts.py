"""Artifacts of a workspace: what is listed, downloaded, and never overwritten."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from tests.test_progress import Told
from tests.workspace.conftest import URI, emulated


@pytest.fixture
def run(store: Any, tmp_path: Path) -> Any:
    """A run with a few artifacts."""
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.txt").write_text("b")
    (folder / "empty.txt").write_text("")
    with store.start_run() as active:
        store.log_artifacts(str(folder), "model")
        store.log_text("neighbour", "model_2/c.txt")
        store.log_text("root", "root.txt")
        yield active


def listed(store: Any, run: Any, path: str | None = None) -> list[str]:
    return [item.path for item in store.MlflowClient().list_artifacts(run.info.run_id, path)]


def test_a_listing_is_of_one_folder_and_not_of_its_neighbours(store: Any, run: Any) -> None:
    assert listed(store, run) == ["model", "model_2", "root.txt"]
    assert listed(store, run, "model") == ["model/a.txt", "model/deep", "model/empty.txt"]
    assert listed(store, run, "model/deep") == ["model/deep/b.txt"]
    assert listed(store, run, "mod") == []
    assert listed(store, run, "root.txt") == []


def test_a_listing_below_a_folder_is_relative_to_it(store: Any, run: Any) -> None:
    repository = get_artifact_repository(f"{run.info.artifact_uri}/model")

    assert [item.path for item in repository.list_artifacts()] == ["a.txt", "deep", "empty.txt"]
    assert [item.path for item in repository.list_artifacts("deep")] == ["deep/b.txt"]


def test_folders_files_and_everything_are_downloaded(store: Any, run: Any, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    whole.mkdir()
    part.mkdir()

    store.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(whole))
    store.artifacts.download_artifacts(f"{run.info.artifact_uri}/model", dst_path=str(part))

    assert (whole / "model" / "deep" / "b.txt").read_text() == "b"
    assert (whole / "root.txt").read_text() == "root"
    assert (part / "model" / "empty.txt").read_text() == ""
    assert not (part / "model_2").exists()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("path", ["nothing", "model/nothing.txt", "mod"])
def test_a_download_that_brings_nothing_is_an_error(store: Any, run: Any, path: str) -> None:
    repository = get_artifact_repository(run.info.artifact_uri)
    with pytest.raises(MlflowException, match=f"There is no artifact '{path}'") as raised:
        repository.download_artifacts(path)

    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert run.info.run_id in str(raised.value)


def test_the_same_content_again_is_fine(store: Any, run: Any) -> None:
    store.log_text("root", "root.txt")

    assert store.artifacts.load_text(f"{run.info.artifact_uri}/root.txt") == "root"


@pytest.mark.parametrize("content", ["ROOT", "longer than before"])
def test_what_is_written_again_is_shown_as_it_is_now(
    store: Any, run: Any, tmp_path: Path, content: str
) -> None:
    uri = f"{run.info.artifact_uri}/root.txt"
    store.log_text(content, "root.txt")
    store.log_text("deep, again", "model/deep/b.txt")

    assert store.artifacts.load_text(uri) == content
    assert listed(store, run) == ["model", "model_2", "root.txt"]
    assert listed(store, run, "model/deep") == ["model/deep/b.txt"]
    store.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path))
    assert (tmp_path / "root.txt").read_text() == content
    assert (tmp_path / "model" / "deep" / "b.txt").read_text() == "deep, again"
    assert not (tmp_path / "azureml3").exists()


def test_what_is_written_back_to_what_it_was_is_shown_so(store: Any, run: Any) -> None:
    for content in ("second", "root", "third", "root"):
        store.log_text(content, "root.txt")

        assert store.artifacts.load_text(f"{run.info.artifact_uri}/root.txt") == content


def test_several_threads_write_one_path_and_one_of_them_is_the_last(store: Any, run: Any) -> None:
    texts = [f"text {number}" for number in range(8)]
    client = store.MlflowClient()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: client.log_text(run.info.run_id, text, "one.txt"), texts))

    assert store.artifacts.load_text(f"{run.info.artifact_uri}/one.txt") in texts


def test_a_table_grows_row_by_row(store: Any, run: Any) -> None:
    for number in range(3):
        store.log_table({"number": [number], "text": [f"row {number}"]}, "table.json")

    assert list(store.load_table("table.json")["number"]) == [0, 1, 2]


def test_the_folder_of_our_own_files_is_not_for_users(store: Any, run: Any) -> None:
    with pytest.raises(MlflowException, match="azureml3/mine.txt.*Use another name"):
        store.log_text("mine", "azureml3/mine.txt")


def test_deleting_an_artifact_says_that_it_cannot_be(store: Any, run: Any) -> None:
    repository = get_artifact_repository(run.info.artifact_uri)

    with pytest.raises(MlflowException, match=r"cannot delete artifacts.*root\.txt"):
        repository.delete_artifacts("root.txt")


def test_listing_a_folder_does_not_list_the_whole_run(
    store: Any, run: Any, asked: Callable[[], list[str]]
) -> None:
    repository = get_artifact_repository(run.info.artifact_uri)
    asked()

    repository.list_artifacts("model")

    assert all("/prefix/contentinfo/" in line for line in asked())


def test_more_files_than_one_request_takes(store: Any, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number:03}.txt").write_text(str(number))
    with store.start_run() as run:
        store.log_artifacts(str(folder))

    assert listed(store, run) == [f"{number:03}.txt" for number in range(120)]


def test_addresses_that_end_while_many_files_are_on_their_way(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address holds for two seconds, and each request takes half a second."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:03}.txt").write_text(str(number))
    with emulated(tmp_path / "short", "--url-life", "2", "--delay", "0.5") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        client = store.MlflowClient(URI, URI)
        run = client.create_run(client.create_experiment("short"))
        client.log_artifacts(run.info.run_id, str(folder))
        ended = [item for item in running.requests() if item.status == 403]
        listed = [item.path for item in client.list_artifacts(run.info.run_id)]
        last = store.artifacts.load_text(f"{run.info.artifact_uri}/039.txt")

    assert ended
    assert listed == [f"{number:03}.txt" for number in range(40)]
    assert last == "39"


@pytest.mark.parametrize("options", [[], ["--no-write-call"]])
def test_a_path_that_was_reserved_and_never_filled_is_filled_later(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    with emulated(tmp_path / "emulator", *options) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        client = store.MlflowClient(URI, URI)
        run = client.create_run(client.create_experiment("reserved"))
        repository = get_artifact_repository(run.info.artifact_uri)
        repository._files._reserved(["model.txt"])  # and then its writer was killed

        with pytest.raises(MlflowException, match=r"'model\.txt'.*has no content"):
            store.artifacts.load_text(f"{run.info.artifact_uri}/model.txt")
        client.log_text(run.info.run_id, "content", "model.txt")

        assert store.artifacts.load_text(f"{run.info.artifact_uri}/model.txt") == "content"
        assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["model.txt"]


def test_an_upload_says_how_far_it_is(store: Any, tmp_path: Path) -> None:
    files, told = tmp_path / "files", tmp_path / "told"
    files.mkdir()
    told.mkdir()
    for number in range(60):  # in two requests
        (files / f"{number}.bin").write_bytes(bytes(100_000))
    reporter = Told(told)
    reporter.seconds_between_standings = 0.001

    with store.start_run(), reporter.step("Recording"):
        store.log_artifacts(str(files))

    parts = [re.search(r"uploading 60 files, (\d\.\d) of 6\.0 MB", line) for line in reporter.lines]
    assert any(0 < float(part[1]) < 6 for part in parts if part)


def test_a_program_reads_what_it_has_just_written_though_it_is_not_listed_yet(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with emulated(tmp_path / "late", "--listed-after", "60") as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        store.set_experiment("late")
        with store.start_run() as run:
            for number in range(4):
                store.log_table({"n": [number]}, "deep/table.json")
                store.log_text(f"{number}", "text.txt")
        run_id = run.info.run_id
        table = store.load_table("deep/table.json", run_ids=[run_id])
        text = store.artifacts.load_text(f"{run.info.artifact_uri}/text.txt")
        listed = [item.path for item in store.MlflowClient().list_artifacts(run_id)]

    assert table["n"].tolist() == [0, 1, 2, 3]
    assert text == "3"
    assert listed == ["deep", "text.txt"]
