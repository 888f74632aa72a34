"""Data sets of version 1, which azureml-core registers: read through their definitions."""

from __future__ import annotations

from typing import Any

import pytest

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell
from tests.emulator.conftest import API, Client
from tests.emulator.test_jobs import JobClient
from tests.emulator.test_microsoft_clients import microsoft
from tests.workspace.conftest import committed
from tests.workspace.test_jobs import ON, submit

ROWS = "".join(f"{n * 7 % 11},{n * 5 % 13},{n * 7 % 11 * 2}\n" for n in range(60))
WHAT = ("--target", "y", "--budget", "3", "--tracking", "local")


@pytest.fixture
def there(azure_shell: Shell) -> Shell:
    """A shell whose datastore has rows in a folder of its own."""
    (azure_shell.folder / "many").mkdir()
    (azure_shell.folder / "many" / "rows.csv").write_text(f"a,b,y\n{ROWS}")
    return azure_shell


def registered(running: EmulatorInstance, name: str, **latest: Any) -> str:
    """Register a data set as azureml-core does, and return how commands name it."""
    dto = {"name": name, "datasetType": "tabular" if "dataflow" in latest else "file"}
    url = f"{API}/dataset/v1.0{identities.SCOPE}/datasets"
    answer = Client(running).session.post(url, json=dto | {"latest": latest, "tags": {}})
    assert answer.status_code == 200, answer.text
    return f"azureml:{name}"


def path_of(shell: Shell, name: str) -> str:
    """Upload the rows, and return their path in the datastore."""
    done = shell.mlproject("data", "register", f"{name}-v2", "many", "--json")
    assert done.code == 0, done.err
    uri: str = done.json["uri"]
    return uri.partition("/paths/")[2]


@pytest.mark.parametrize("below", ["", "rows.csv", "**"])
def test_files_of_a_datastore_are_read(
    there: Shell, azureml_emulator: EmulatorInstance, name: str, below: str
) -> None:
    folder = path_of(there, name)
    path = {"datastoreName": "workspaceblobstore", "relativePath": f"{folder}{below}"}
    source = registered(azureml_emulator, name, dataPath=path)

    result = there.trained("--data", source, *WHAT)

    assert (result["data"]["rows"], result["data"]["source"]) == (60, f"{source}:1")


def test_a_table_is_read_as_its_definition_says(
    there: Shell, azureml_emulator: EmulatorInstance, name: str
) -> None:
    folder = path_of(there, name)
    definition = (
        f"paths:\n- pattern: azureml://datastores/workspaceblobstore/paths/{folder}*.csv\n"
        "transformations:\n- read_delimited: {delimiter: ','}\n- drop_columns: b\n"
    )
    source = registered(azureml_emulator, name, dataflow=definition)

    result = there.trained("--data", source, *WHAT)

    assert (result["data"]["rows"], result["features"]) == (60, ["a"])


def test_a_version_can_be_named_and_the_latest_is_taken_otherwise(
    there: Shell, azureml_emulator: EmulatorInstance, name: str
) -> None:
    folder = path_of(there, name)
    path = {"datastoreName": "workspaceblobstore", "relativePath": folder}
    registered(azureml_emulator, name, dataPath={"azureFilePath": "elsewhere"})
    source = registered(azureml_emulator, name, dataPath=path)

    assert there.trained("--data", source, *WHAT)["data"]["source"] == f"{source}:2"
    first = there.train("--data", f"{source}:1", *WHAT)

    assert first.code == 3
    assert f"'{name}' of version 1 cannot be read: it names azureFilePath" in first.error


def test_a_definition_that_is_not_understood_is_told(
    there: Shell, azureml_emulator: EmulatorInstance, name: str
) -> None:
    definition = "paths:\n- file: https://example.com/a.csv\ntransformations:\n- filter: 'a > 1'\n"
    source = registered(azureml_emulator, name, dataflow=definition)

    done = there.train("--data", source, *WHAT)

    assert done.code == 3
    assert f"{source}:1 has the step 'filter' which is not supported" in done.error


def test_azureml_core_reads_the_same_definitions(
    azure_shell: Shell, azureml_emulator: EmulatorInstance, name: str
) -> None:
    definition = "paths:\n- file: azureml://datastores/workspaceblobstore/paths/a.csv\n"
    registered(azureml_emulator, name, dataflow=definition)
    code = f"""
import os
from azureml.core import Dataset, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
workspace = Workspace.from_config(os.environ["MLPROJECT_WORKSPACE"],
    auth=ServicePrincipalAuthentication(*(os.environ[key] for key in names)))
found = Dataset.get_by_name(workspace, "{name}")
print(found.name, found.version, found._definition)
"""
    printed = microsoft(azure_shell, azure_shell.environment, code)

    assert f"{name} 1 {definition}".split() == printed.split()[-len(definition.split()) - 2 :]


@pytest.mark.parametrize("below", ["", "rows.csv", "**"])
def test_a_job_is_given_the_files_of_a_data_set(
    there: Shell, azureml_emulator: EmulatorInstance, name: str, below: str
) -> None:
    folder = path_of(there, name)
    path = {"datastoreName": "workspaceblobstore", "relativePath": f"{folder}{below}"}
    source = registered(azureml_emulator, name, dataPath=path)
    committed(there, {"notes.txt": "of ours"})

    done = submit(there, "train", "--data", source, *WHAT[:4], *ON, "--json")

    assert done.code == 0, done.err
    uri = f"azureml://datastores/workspaceblobstore/paths/{folder}{below.removesuffix('**')}"
    jobs = JobClient(Client(azureml_emulator))
    found = jobs.get(f"jobs/{done.json['job']}")["properties"]
    assert found["inputs"]["data"]["uri"].rstrip("/") == uri.rstrip("/")
    assert f"--data {source}:1" in found["command"]


def test_a_job_takes_no_table_of_version_1(
    there: Shell, azureml_emulator: EmulatorInstance, name: str
) -> None:
    source = registered(azureml_emulator, name, dataflow="paths: []")
    committed(there, {"notes.txt": "of ours"})

    done = submit(there, "train", "--data", source, *WHAT[:4], *ON)

    assert done.code == 2
    assert f"{source} is a table of version 1, which jobs do not take" in done.error
