"""``mlproject data``: what is registered in the workspace, and how it gets there and back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from mlproject.base.errors import DataError
from mlproject.data import transfer
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Finished, Shell
from tests.workspace.conftest import emulated, in_workspace

STORE = "azureml://datastores/workspaceblobstore/paths"


@pytest.fixture
def rows(azure_shell: Shell) -> Path:
    """A file of rows that no other test has."""
    path = azure_shell.folder / "rows.csv"
    path.write_text(f"a,b\n1,{uuid.uuid4().hex}\n")
    return path


def registered(shell: Shell, name: str, source: str, *options: str) -> dict[str, object]:
    done = shell.mlproject("data", "register", name, source, "--json", *options)
    assert done.code == 0, done.err
    return done.json


def test_a_file_that_is_registered_comes_back_as_it_was(
    azure_shell: Shell, rows: Path, name: str
) -> None:
    asset = registered(azure_shell, name, "rows.csv", "--tag", "season=1", "--description", "new")
    got = azure_shell.mlproject("data", "get", f"azureml:{name}@latest", "--output", "there")
    shown = azure_shell.mlproject("data", "show", name, "--json").json

    assert (asset["version"], asset["type"], asset["uploaded"]) == ("1", "uri_file", 1)
    assert got.out == "there/rows.csv\n"
    assert (azure_shell.folder / "there" / "rows.csv").read_bytes() == rows.read_bytes()
    assert [item["tags"] for item in shown["versions"]] == [{"season": "1"}]
    assert shown["versions"][0]["uri"] == asset["uri"]


def test_a_folder_comes_back_without_what_is_hidden(azure_shell: Shell, name: str) -> None:
    folder = azure_shell.folder / "many"
    (folder / "2025").mkdir(parents=True)
    for place in ("one.csv", "2025/two.csv", ".DS_Store"):
        (folder / place).write_text(place)
    asset = registered(azure_shell, name, "many")
    got = azure_shell.mlproject("data", "get", name, "--output", "there", "--json").json

    assert asset["type"] == "uri_folder"
    assert got["files"] == ["there/2025/two.csv", "there/one.csv"]
    assert (azure_shell.folder / "there/2025/two.csv").read_text() == "2025/two.csv"


def test_the_same_content_is_neither_uploaded_nor_registered_again(
    azure_shell: Shell, rows: Path, name: str, asked: Callable[[], list[str]]
) -> None:
    registered(azure_shell, name, "rows.csv")
    asked()
    again = registered(azure_shell, name, "rows.csv")
    puts = [request for request in asked() if request.startswith("PUT")]
    rows.write_text("a,b\n2,2\n")
    changed = registered(azure_shell, name, "rows.csv")

    assert (again["version"], again["uploaded"], puts) == ("1", 0, [])
    assert (changed["version"], changed["uploaded"]) == ("2", 1)


def test_versions_are_listed_last_first(azure_shell: Shell, rows: Path, name: str) -> None:
    registered(azure_shell, name, "rows.csv")
    rows.write_text("a,b\n2,2\n")
    registered(azure_shell, name, "rows.csv")
    listed = azure_shell.mlproject("data", "list", "--json").json["data"]
    shown = azure_shell.mlproject("data", "show", name, "--json").json["versions"]
    first = azure_shell.mlproject("data", "show", f"azureml:{name}:1", "--json").json["versions"]

    assert {"name": name, "type": "uri_file", "latest": "2"} in listed
    assert [item["version"] for item in shown] == ["2", "1"]
    assert [item["version"] for item in first] == ["1"]


def test_what_is_in_a_datastore_is_registered_where_it_is(
    azure_shell: Shell, rows: Path, name: str
) -> None:
    asset = registered(azure_shell, name, "rows.csv")
    place = f"{STORE}/{str(asset['uri']).partition('/paths/')[2]}"
    file = registered(azure_shell, f"{name}-file", place)
    folder = registered(azure_shell, f"{name}-folder", place.rpartition("/")[0])

    assert (file["type"], file["uri"], file["uploaded"]) == ("uri_file", asset["uri"], 0)
    assert folder["type"] == "uri_folder"


def test_a_version_stays_as_it_was_registered(azure_shell: Shell, rows: Path, name: str) -> None:
    registered(azure_shell, name, "rows.csv", "--version", "7")
    rows.write_text("a,b\n2,2\n")
    done = azure_shell.mlproject("data", "register", name, "rows.csv", "--version", "7")

    assert done.code == 3
    assert f"Version 7 of the data asset '{name}' already exists, with other data" in done.error
    assert "leave --version out" in done.error


def test_a_file_that_is_there_is_replaced_only_when_that_is_asked_for(
    azure_shell: Shell, rows: Path, name: str
) -> None:
    registered(azure_shell, name, "rows.csv")
    before = rows.read_bytes()
    rows.write_text("mine")
    refused = azure_shell.mlproject("data", "get", name)
    assert (refused.code, rows.read_text()) == (2, "mine")
    assert "rows.csv already exists. Replace it with --overwrite" in refused.error
    assert azure_shell.mlproject("data", "get", name, "--overwrite").code == 0
    assert rows.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (
            "show {name}s",
            3,
            "has no data asset '{name}s'. Did you mean '{name}'? Known data assets:",
        ),
        ("show azureml:{name}:7", 3, "'{name}' has no version 7. Known versions: 1"),
        (
            "show azureml:{name}@champion",
            2,
            "is not the name of a data asset. Write NAME, azureml:NAME:",
        ),
        ("show a/b", 2, "'a/b' is not the name of a data asset"),
        (
            "get azureml://datastores/workspacefilestore/paths/a.csv",
            3,
            "is an Azure file share (AzureFile)",
        ),
        (
            "get azureml://datastores/workspaceblob/paths/a.csv",
            3,
            "Did you mean 'workspaceblobstore'?",
        ),
        (
            "get azureml://datastores/identity/paths/a.csv",
            3,
            "Nothing at azureml://datastores/identity/paths/a.csv",
        ),
        (
            "get azureml://nonsense/a/b",
            2,
            "'azureml://nonsense/a/b' names no data of a workspace. Write azureml:NAME,",
        ),
        (
            "get abfss://nowhere@emulatedaccount.dfs.core.windows.net/a",
            3,
            "has no container 'nowhere'",
        ),
        ("register {name} nowhere.csv", 3, "No such file or folder: nowhere.csv"),
        (
            "register {name} https://example.com/a.csv?sig=secret",
            2,
            "'https://example.com/a.csv' cannot be registered",
        ),
        ("register {name} azureml:other:1", 2, "'azureml:other:1' cannot be registered"),
        (
            "register {name}:3 rows.csv",
            2,
            "'{name}:3' is not a plain name. Give NAME, and --version N",
        ),
        ("register {name} rows.csv --tag season", 2, "--tag 'season' is not NAME=VALUE"),
    ],
)
def test_bad_input_is_one_line(
    azure_shell: Shell, rows: Path, name: str, command: str, code: int, says: str
) -> None:
    registered(azure_shell, name, "rows.csv")
    done = azure_shell.mlproject("data", *command.format(name=name).split())

    assert done.code == code, done.err
    assert says.format(name=name) in done.error
    assert "secret" not in done.err


def test_without_a_workspace_there_is_none_to_ask(shell: Shell) -> None:
    done = shell.mlproject("data", "list")

    assert done.code == 2
    assert "No config.json of an Azure ML workspace" in done.error


def test_who_has_no_role_is_told_which(shell: Shell, azureml_emulator: EmulatorInstance) -> None:
    guest = Shell(shell.folder, shell.environment | azureml_emulator.environment_of("guest"))
    done = guest.mlproject("data", "list")

    assert done.code == 4
    assert "No permission in the workspace 'workspace' (403" in done.error
    assert "'AzureML Data Scientist'" in done.error


def test_what_fails_on_the_way_is_one_line_and_leaves_nothing(work: Path) -> None:
    with pytest.raises(DataError, match="gone.csv cannot be uploaded: FileNotFoundError"):
        transfer.upload({"gone.csv": work / "gone.csv"}, "memory://uploads/")
    (work / "a").write_text("in the way")
    (work / "b.csv").write_text("b")
    transfer.upload({"b.csv": work / "b.csv"}, "memory://uploads/")
    with pytest.raises(DataError, match="a/b.csv cannot be downloaded"):
        transfer.download("memory://uploads/", "x", work / "a", overwrite=True)
    assert sorted(path.name for path in work.iterdir()) == ["a", "b.csv"]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "a//b", "C:x", "a\\b"])
def test_a_name_that_leads_elsewhere_is_not_downloaded(work: Path, name: str) -> None:
    with pytest.raises(DataError, match="is not the name of a file below"):
        transfer._inside(work, name)


def with_store(
    shell: Shell, folder: Path, *options: str, source: str = "azureml:rows@latest"
) -> tuple[Finished, Finished, list[str]]:
    """Register and get a file in a workspace of its own."""
    (shell.folder / "rows.csv").write_text("a,b\n1,2\n")
    with emulated(folder, *options) as running:
        there = in_workspace(shell, running)
        put = there.mlproject("data", "register", "rows", "rows.csv", "--json")
        got = there.mlproject("data", "get", source, "--output", "there")
        paths = [item.path for item in running.requests()]
    return put, got, paths


@pytest.mark.parametrize(
    "options",
    [
        ["--secrets", "sas"],
        ["--secrets", "key"],
        ["--secrets", "refused"],
        ["--secrets", "sas", "--no-key-access"],
        ["--secrets", "key", "--no-key-access"],
        ["--url-life", "1", "--token-life", "2", "--delay", "0.2"],
    ],
    ids=lambda options: " ".join(options),
)
def test_whatever_the_datastore_gives_out_its_data_is_read_and_written(
    shell: Shell, tmp_path: Path, options: list[str]
) -> None:
    put, got, _ = with_store(shell, tmp_path / "emulator", *options)

    assert (put.code, got.code) == (0, 0), put.err + got.err
    assert (shell.folder / "there" / "rows.csv").read_text() == "a,b\n1,2\n"
    assert "sig=" not in put.out + put.err + got.out + got.err


@pytest.mark.parametrize("options", [["--secrets", "refused"], ["--no-key-access"]])
def test_without_keys_and_without_a_role_the_role_is_named(
    shell: Shell, tmp_path: Path, options: list[str]
) -> None:
    put, _, paths = with_store(shell, tmp_path / "emulator", *options, "--no-storage-role")

    assert put.code == 3, put.err
    error = put.json["error"]
    assert "No permission on the container 'azureml-blobstore-" in error
    assert "of the storage account 'emulatedaccount' (403" in error
    assert "'Storage Blob Data Reader'" in error
    assert not [path for path in paths if "/data/rows/versions" in path]  # nothing is registered


def test_half_of_all_requests_may_fail(shell: Shell, tmp_path: Path) -> None:
    faults = ["--throttled", "0.1", "--unavailable", "0.1", "--gateway", "0.1", "--reset", "0.1"]
    faults += ["--lost", "0.1", "--retry-after", "0", "--seed", "5"]
    put, got, _ = with_store(shell, tmp_path / "emulator", *faults)

    assert (put.code, got.code) == (0, 0), put.err + got.err
    assert put.json["version"] == "1"
    assert (shell.folder / "there" / "rows.csv").read_text() == "a,b\n1,2\n"
