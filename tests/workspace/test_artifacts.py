"""Artifacts of a workspace: what is listed, downloaded, and never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException


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
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

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
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(run.info.artifact_uri)
    with pytest.raises(MlflowException, match=f"There is no artifact '{path}'") as raised:
        repository.download_artifacts(path)

    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert run.info.run_id in str(raised.value)


def test_the_same_content_again_is_fine(store: Any, run: Any) -> None:
    store.log_text("root", "root.txt")

    assert store.artifacts.load_text(f"{run.info.artifact_uri}/root.txt") == "root"


@pytest.mark.parametrize("content", ["ROOT", "longer than before"])
def test_other_content_under_a_used_path_is_refused(store: Any, run: Any, content: str) -> None:
    with pytest.raises(MlflowException, match="root.txt.*other content.*another name") as raised:
        store.log_text(content, "root.txt")

    assert raised.value.error_code == "RESOURCE_ALREADY_EXISTS"
    assert store.artifacts.load_text(f"{run.info.artifact_uri}/root.txt") == "root"


def test_more_files_than_one_request_takes(store: Any, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number:03}.txt").write_text(str(number))
    with store.start_run() as run:
        store.log_artifacts(str(folder))

    assert listed(store, run) == [f"{number:03}.txt" for number in range(120)]
