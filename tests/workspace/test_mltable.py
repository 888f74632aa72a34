"""Tables of MLTable: which files, how they are read, which columns."""

from __future__ import annotations

import json
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlproject.api import workspace_data
from mlproject.base import filesystems
from mlproject.base.errors import DataError
from mlproject.data import mltable, table
from mlproject.data.mltable import ColumnChoice
from mlproject.emulator.instance import EmulatorInstance
from tests.conftest import Shell, saved

FOLDER = "azureml://datastores/lake/paths/t/"
STEP = "transformations:\n- read_delimited:\n    delimiter: ';'\n    encoding: iso88591\n"


@pytest.fixture
def lake(azureml_workspace: EmulatorInstance) -> Any:
    filesystems.register()
    return fsspec.filesystem("azureml")


def written(shell: Shell, text: str, **files: str | bytes) -> None:
    folder = shell.folder / "table"
    folder.mkdir()
    (folder / "MLTable").write_text(text)
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode("latin-1") if isinstance(content, str) else content)


def registered(shell: Shell, name: str) -> pd.DataFrame:
    made = workspace_data.register_data(name, shell.folder / "table")
    assert made.asset.type == "mltable"
    return table.load(f"azureml:{name}").frame


def test_text_is_read_as_the_table_says(azure_shell: Shell, lake: Any, name: str) -> None:
    text = f"paths:\n- pattern: ./days/*.dat\n{STEP}- drop_columns: [b]\n"
    first, second = "a;b;c\n1;2;ä\n", "a;b;c\n3;4;ö,\n"
    written(azure_shell, text, days__1_dat=first, days__2_dat=second, notes_dat="none")
    frame = registered(azure_shell, name)

    assert frame.to_dict("list") == {"a": [1, 3], "c": ["ä", "ö,"]}


def test_paths_may_be_files_folders_and_elsewhere(azure_shell: Shell, lake: Any, name: str) -> None:
    elsewhere = f"azureml://datastores/identity/paths/{name}.jsonl"
    lake.pipe_file(elsewhere, b'{"a": 3, "b": 1}\n')
    text = f"paths:\n- file: ./one.jsonl\n- folder: ./more\n- file: {elsewhere}\n"
    text += "transformations:\n- read_json_lines\n- keep_columns: a\n"
    written(azure_shell, text, one_jsonl='{"a": 1, "b": 1}\n', more__x_jsonl='{"a": 2, "b": 1}\n')
    frame = registered(azure_shell, name)

    assert frame.to_dict("list") == {"a": [1, 2, 3]}


def test_without_a_step_endings_say_what_files_are(
    azure_shell: Shell, lake: Any, name: str
) -> None:
    content = pd.DataFrame({"a": [1.5]}).to_parquet()
    written(azure_shell, "paths:\n- file: ./x.parquet\n", x_parquet=content)

    assert registered(azure_shell, name).to_dict("list") == {"a": [1.5]}


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_scoring_copies_no_column_that_the_table_drops(
    azure_shell: Shell, lake: Any, name: str, kind: str
) -> None:
    X = pd.DataFrame({"a": np.arange(50.0), "b": 1.0, "secret": 7.0})
    X.to_csv(azure_shell.folder / "rows.csv", index=False)
    estimator = LinearRegression().fit(X[["a", "b"]], X["a"])
    saved(azure_shell.folder / "model", estimator, X[["a", "b"]], serialization_format="skops")
    content = X.to_json(orient="records", lines=True) if kind == "jsonl" else X.to_csv(index=False)
    reading = {"csv": "read_delimited", "jsonl": "read_json_lines", "parquet": "read_parquet"}[kind]
    text = f"paths:\n- file: ./rows\ntransformations:\n- {reading}\n- drop_columns: secret\n"
    written(azure_shell, text, rows=X.to_parquet() if kind == "parquet" else content)
    registered(azure_shell, name)
    output = f"scored.{kind}"
    done = azure_shell.score(
        *("--model", "model", "--input", f"azureml:{name}", "--output", output, "--no-track")
    )
    assert done.code == 0, done.err
    path = azure_shell.folder / output
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}.get(kind)
    scored = read(path) if read else pd.read_json(path, lines=True)

    assert list(scored.columns) == ["a", "b", "prediction"]
    np.testing.assert_allclose(scored["prediction"], X["a"], atol=1e-9)
    manifest = json.loads((azure_shell.folder / f"{output}.manifest.json").read_text())
    assert manifest["input"]["source"] == f"azureml:{name}:1"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [", "is damaged"),
        ("traits: {}", "has no paths"),
        ("paths: [{file: x.csv}]\ntransformations: [{take: 5}]", "the step 'take' which is not"),
        ("paths: [{file: x.csv}]\ntransformations: [{filter: 'col(a) > 1'}]", "the step 'filter'"),
        (
            "paths: [{file: x.csv}]\ntransformations: [{read_delimited: {header: no_header}}]",
            "'header: no_header' of 'read_delimited'",
        ),
        (
            "paths: [{file: x}]\ntransformations: [{read_parquet: {include_path_column: true}}]",
            "'include_path_column: True' of 'read_parquet'",
        ),
        (
            "paths: [{file: x}]\ntransformations: [read_parquet, read_delimited]",
            "a second step that reads, 'read_delimited',",
        ),
        ("paths: [{file: ../x.csv}]", "the path '../x.csv', which leads out of its folder"),
        ("paths: [{url: x.csv}]", "has a path that is not a file, folder or pattern"),
        ("paths: [{file: x}]\ntransformations: [{keep_columns: {a: 1}}]", "'keep_columns: "),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text: str, says: str) -> None:
    with pytest.raises(DataError) as refused:
        mltable.parsed(text.encode(), FOLDER, "MLTable")

    assert says in str(refused.value)


def test_a_column_that_is_kept_has_to_be_there() -> None:
    with pytest.raises(DataError, match="x.csv has no column 'z', which its MLTable keeps"):
        ColumnChoice(("a", "z")).of(["a", "b"], "x.csv")
