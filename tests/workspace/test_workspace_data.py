"""Data of the workspace in training, scoring and the gate, by every name that it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlproject.base import filesystems
from mlproject.base.errors import ConfigurationError, DataError
from mlproject.data import table
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell, saved
from tests.workspace.conftest import URI

SCOPE = (
    f"subscriptions/{identities.SUBSCRIPTION}/resourcegroups/{identities.RESOURCE_GROUP}"
    f"/workspaces/{identities.WORKSPACE}"
)
HOST = f"{identities.ACCOUNT}.blob.core.windows.net"
LAKE = f"{identities.ACCOUNT}.dfs.core.windows.net"
FORMS = {
    "asset": "azureml:{name}",
    "latest": "azureml:{name}@latest",
    "version": "azureml:{name}:1",
    "for pandas": "azureml://{name}:1",
    "long asset": "azureml://" + SCOPE + "/data/{name}/versions/1",
    "asset's id": identities.SCOPE + "/data/{name}/versions/1",
    "datastore": "azureml://datastores/lake/paths/{name}/rows.csv",
    "folder": "azureml://datastores/lake/paths/{name}/",
    "glob": "azureml://datastores/lake/paths/{name}/*.csv",
    "long": "azureml://" + SCOPE + "/datastores/lake/paths/{name}/rows.csv",
    "longest": "azureml:/" + identities.SCOPE + "/datastores/lake/paths/{name}/rows.csv",
    "abfss": "abfss://lake@" + LAKE + "/{name}/rows.csv",
    "wasbs": "wasbs://lake@" + HOST + "/{name}/rows.csv",
    "https": "https://" + HOST + "/lake/{name}/rows.csv",
    "https folder": "https://" + HOST + "/lake/{name}/",
}


@pytest.fixture
def lake(azureml_workspace: EmulatorInstance) -> Any:
    """The file system of the workspace's data, and the container that only identities open."""
    filesystems.register()
    return fsspec.filesystem("wasbs")


@pytest.fixture
def rows(lake: Any, name: str) -> pd.DataFrame:
    """Rows that are in the lake, and registered as ``name``."""
    from mlproject.api import workspace_data

    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["a", "b"])
    frame["y"] = frame["a"] + 10 * frame["b"]
    lake.pipe_file(f"lake@{HOST}/{name}/rows.csv", frame.to_csv(index=False).encode())
    lake.pipe_file(f"lake@{HOST}/{name}/_SUCCESS", b"")
    workspace_data.register_data(name, f"azureml://datastores/lake/paths/{name}/rows.csv")
    return frame


@pytest.mark.parametrize("form", FORMS)
def test_the_same_rows_are_read_by_every_name(rows: pd.DataFrame, name: str, form: str) -> None:
    source = FORMS[form].format(name=name)
    read = table.load(source)

    pd.testing.assert_frame_equal(read.frame, rows)
    assert "sig=" not in read.source
    if "asset" in form or form in ("latest", "version", "for pandas"):
        assert read.source == f"azureml:{name}:1"
        assert read.name == name


def test_pandas_reads_them_too(rows: pd.DataFrame, name: str) -> None:
    read = pd.read_csv(FORMS["datastore"].format(name=name), float_precision="round_trip")

    pd.testing.assert_frame_equal(read, rows)


def test_what_is_no_data_of_a_workspace_is_told(rows: pd.DataFrame, name: str) -> None:
    with pytest.raises(DataError, match=f"no data asset '{name}s'. Did you mean '{name}'"):
        table.load(f"azureml:{name}s")
    with pytest.raises(DataError, match="has no version 9. Known versions: 1"):
        table.load(f"azureml:{name}:9")
    with pytest.raises(DataError, match="OneLake|file share"):
        table.load("azureml://datastores/workspacefilestore/paths/a.csv")
    with pytest.raises(ConfigurationError, match="names no data of a workspace"):
        table.load("azureml://registries/r/data/pima/versions/1")
    with pytest.raises(DataError, match="Nothing at azureml://datastores/lake/paths/none.csv"):
        table.load("azureml://datastores/lake/paths/none.csv")


def test_a_listing_has_all_its_pages(lake: Any, name: str) -> None:
    folder = f"lake@{HOST}/{name}"
    for number in range(620):
        lake.pipe_file(f"{folder}/{number % 3}/{number:04d}.csv", b"a\n1\n")

    assert len(lake.find(folder)) == 620
    assert [item["type"] for item in lake.ls(folder)] == ["directory"] * 3
    assert len(lake.ls(f"{folder}/1")) == 207
    assert len(lake.glob(f"{folder}/*/00*.csv")) == 100


def test_a_file_that_is_replaced_while_it_is_read_is_an_error(lake: Any, name: str) -> None:
    path = f"lake@{HOST}/{name}.csv"
    lake.pipe_file(path, b"a\n" + b"1\n" * 10_000_000)
    with lake.open(path) as stream:
        stream.read(10)
        lake.pipe_file(path, b"a\n" + b"2\n" * 10_000_000)
        stream.seek(15_000_000)
        with pytest.raises(DataError, match="was replaced while it was read. Read it again"):
            stream.read(10)


def test_a_folder_of_data_lake_gen2_is_no_file(lake: Any, name: str) -> None:
    from mlproject.azure.workspace_data import storage
    from mlproject.azure.workspace_data.data_uris import BlobPath

    container = storage.of_blob(BlobPath(identities.ACCOUNT, "lake", ""))
    client = container._client()
    client.upload_blob(f"{name}/day", b"", metadata={"hdi_isfolder": "true"})
    lake.pipe_file(f"lake@{HOST}/{name}/day/a.csv", b"a\n1\n")

    assert lake.isdir(f"lake@{HOST}/{name}/day")
    assert lake.find(f"lake@{HOST}/{name}") == [f"lake@{HOST}/{name}/day/a.csv"]


@pytest.fixture
def model(azure_shell: Shell, rows: pd.DataFrame) -> Iterator[list[str]]:
    estimator = LinearRegression().fit(rows[["a", "b"]], rows["y"])
    saved(azure_shell.folder / "model", estimator, rows[["a", "b"]], serialization_format="skops")
    yield ["--model", "model", "--json", "--part-size", "4KB", "--jobs", "2"]


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_the_workspaces_data_is_scored_to_the_workspace(
    azure_shell: Shell, model: list[str], rows: pd.DataFrame, name: str, lake: Any, engine: str
) -> None:
    output = f"azureml://datastores/workspaceblobstore/paths/scored/{name}-{engine}/"
    options = [*model, "--input", f"azureml:{name}@latest", "--output", output]
    done = azure_shell.python("-m", "inference", *options, "--no-track", "--engine", engine)
    assert done.code == 0, done.err
    got = azure_shell.mlproject("data", "get", output, "--output", engine)
    assert got.code == 0, got.err
    folder = azure_shell.folder / engine
    manifest = json.loads((folder / "_manifest.json").read_text())
    parts = [folder / part["name"] for part in manifest["output"]["parts"]]
    scored = pd.concat(map(pd.read_parquet, parts), ignore_index=True)

    assert done.json["rows_out"] == 300
    assert done.json["output"] == output
    assert len(parts) > 1
    assert sorted(folder.iterdir()) == [folder / "_manifest.json", *parts]
    assert manifest["input"]["source"] == f"azureml:{name}:1"
    np.testing.assert_allclose(scored["prediction"], rows["y"])
    assert "sig=" not in done.err + done.out + (folder / "_manifest.json").read_text()


def test_one_file_is_scored_to_a_datastore_and_resumed(
    azure_shell: Shell, model: list[str], name: str
) -> None:
    output = f"azureml://datastores/identity/paths/{name}/scored.csv"
    options = [*model, "--input", f"azureml:{name}", "--output", output, "--no-track"]
    first = azure_shell.score(*options)
    refused = azure_shell.score(*options)
    again = azure_shell.score(*options, "--resume")

    assert (first.code, refused.code, again.code) == (0, 2, 0), first.err + again.err
    assert f"{output} already exists" in refused.error
    assert again.json["rows_resumed"] == 300


def test_an_asset_is_no_output(azure_shell: Shell, model: list[str], name: str) -> None:
    done = azure_shell.score(*model, "--input", f"azureml:{name}", "--output", f"azureml:{name}/")
    taken = azure_shell.score(*model, "--input", "a.csv", "--output", f"azureml:{name}.csv")

    assert (done.code, taken.code) == (2, 2)
    assert "register" in taken.error


def test_a_run_records_version_and_address_and_the_gate_reads_them_again(
    azure_shell: Shell,
    azureml_workspace: EmulatorInstance,
    rows: pd.DataFrame,
    name: str,
    client: Callable[[str], Any],
    tmp_path: Path,
) -> None:
    options = ["--data", f"azureml:{name}@latest", "--target", "y", "--budget", "3s"]
    trained = azure_shell.trained("--tracking", "azureml", *options, "--register", name)
    new = pd.DataFrame(np.random.default_rng(1).normal(size=(200, 2)), columns=["a", "b"])
    new["y"] = new["a"] + 10 * new["b"]
    new.to_csv(azure_shell.folder / "new.csv", index=False)
    azure_shell.mlproject("data", "register", f"{name}-new", "new.csv")
    promote = ("models", "promote", name, "--tracking", "azureml", "--json", "--data")
    lake = f"azureml://datastores/lake/paths/{name}/rows.csv"
    seen = azure_shell.mlproject(*promote, lake, "--dry-run")
    promoted = azure_shell.mlproject(*promote, f"azureml:{name}-new@latest")
    run = client(URI).get_run(trained["run_id"])
    data = run.inputs.dataset_inputs[0].dataset
    source = json.loads(data.source)

    assert trained["data"]["source"] == f"azureml:{name}:1"
    assert run.data.tags["mlproject.data.source"] == f"azureml:{name}:1"
    assert (data.name, data.source_type) == (name, "azureml")
    assert source["uri"] == f"azureml:{name}:1"
    assert source["address"] == f"azureml://{SCOPE}/datastores/lake/paths/{name}/rows.csv"
    assert json.loads(data.profile)["sha256"] == trained["data"]["sha256"]
    assert seen.code == 0, seen.err
    (known,) = seen.json["judged"]["details"]["seen"]
    assert known["rows"] == trained["rows_trained"]
    assert promoted.code == 0, promoted.err
    assert f"200 rows of azureml:{name}-new:1" in promoted.out
