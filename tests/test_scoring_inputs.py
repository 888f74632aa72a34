"""What scoring reads: formats, several files, addresses, odd CSV; and a disk that is full."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.linear_model import LinearRegression

from mlproject.data.table import recorded, short_name
from tests.conftest import Shell, saved, served

HEADER = "a,b\n"
ROWS = "1,2\n3,4\n5,6\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose prediction is a + 10 b."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    estimator = LinearRegression().fit(X, X["a"] + 10 * X["b"])
    folder = tmp_path_factory.mktemp("models") / "model"
    return saved(folder, estimator, X, serialization_format="skops")


Scored = Callable[..., list[float]]


@pytest.fixture
def predictions(shell: Shell, model: Path) -> Scored:
    """A function that scores an input and returns the predictions, rounded."""

    def scored(source: str, *options: str, output: str = "out.jsonl") -> list[float]:
        arguments = ["--model", str(model), "--input", source, "--output", output, "--no-track"]
        done = shell.score(*arguments, *options)
        assert done.code == 0, done.err
        lines = (shell.folder / output).read_text().splitlines()
        return [round(json.loads(line)["prediction"], 6) for line in lines]

    return scored


def test_compressed_files_are_read(shell: Shell, predictions: Scored) -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]})
    frame.to_parquet(shell.folder / "plain.parquet")
    for name, data in (
        ("in.csv.gz", (HEADER + ROWS).encode()),
        ("in.jsonl.gz", b'{"a":1,"b":2}\n{"b":4,"a":3}\n{"a":5,"b":6}\n'),
        ("in.parquet.gz", (shell.folder / "plain.parquet").read_bytes()),
    ):
        (shell.folder / name).write_bytes(gzip.compress(data))

        assert predictions(name, output=f"{name}.jsonl") == [21, 43, 65]


def test_a_compressed_file_that_is_cut_short_is_said(shell: Shell, model: Path) -> None:
    whole = gzip.compress((HEADER + ROWS * 1000).encode())
    (shell.folder / "in.csv.gz").write_bytes(whole[:-20])
    done = shell.score("--model", str(model), "--input", "in.csv.gz", "--output", "o.csv")

    assert done.code == 3
    assert "in.csv.gz cannot be read" in done.error
    assert [path.name for path in shell.folder.iterdir()] == ["in.csv.gz"]


def test_the_files_of_a_folder_or_a_glob_are_read_by_name(
    shell: Shell, predictions: Scored
) -> None:
    lake = shell.folder / "lake"
    lake.mkdir()
    (lake / "2.csv").write_text("b,a\n4,3\n")
    (lake / "1.csv").write_text(HEADER + "1,2\n")
    (lake / "10.csv").write_text(HEADER + "5,6\n")

    assert predictions("lake") == [21, 65, 43]
    assert predictions("lake/1*.csv", output="glob.jsonl") == [21, 65]


def test_a_bad_row_is_named_by_the_file_that_it_is_in(shell: Shell, model: Path) -> None:
    for name, rows in (("1.csv", ROWS), ("2.csv", "7,8\nx,9\n")):
        (shell.folder / name).write_text(HEADER + rows)
    options = ["--model", str(model), "--input", "*.csv", "--output", "o.parquet", "--no-track"]
    failed = shell.score(*options)
    done = shell.score(
        *options, "--on-error", "reject", "--max-rejects", "1", "--rejects", "r.jsonl", "--json"
    )

    assert failed.code == 3
    assert "2.csv line 3, column 'a': 'x' is not a number" in failed.error
    assert (done.json["rows_in"], done.json["rows_out"], done.json["rows_rejected"]) == (5, 4, 1)
    reject = json.loads((shell.folder / "r.jsonl").read_text())
    assert reject["file"].endswith("2.csv")
    assert (reject["line"], reject["column"], reject["row"]) == (3, "a", "x,9")


def test_an_address_is_read(shell: Shell, predictions: Scored) -> None:
    (shell.folder / "far.csv").write_text(HEADER + ROWS)
    with served(shell.folder) as address:
        assert predictions(f"{address}/far.csv") == [21, 43, 65]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('a,b,note\n1,2,"two\nlines"\n3,4,"a ""word"""\n5,6,\n', "line breaks in quotes"),
        ("a;b\n1,0;2,0\n3,0;4,0\n5,0;6,0\n", "decimal commas"),
        ("\ufeffa,b\r\n1,2\r\n3,4\r\n\r\n5,6", "Windows"),
        ("b\ta\n2\t1\n4\t3\n6\t5\n", "tabs"),
    ],
)
def test_csv_as_others_write_it_is_read(
    shell: Shell, predictions: Scored, text: str, note: str
) -> None:
    (shell.folder / "in.csv").write_bytes(text.encode())

    assert predictions("in.csv") == [21, 43, 65], note


def test_rows_are_copied_as_they_stand(shell: Shell, model: Path) -> None:
    (shell.folder / "in.csv").write_text('b,note,a\n2.50,"x, ""y""\nz",1e0\n4,é,3\n')
    options = ["--model", str(model), "--input", "in.csv", "--no-track"]
    shell.score(*options, "--output", "all.csv")
    shell.score(*options, "--output", "some.csv", "--keep", "note")

    rows = re.sub(r",[0-9.]+$", "", (shell.folder / "all.csv").read_text(), flags=re.MULTILINE)
    assert rows == 'b,note,a,prediction\n2.50,"x, ""y""\nz",1e0\n4,é,3\n'
    assert pd.read_csv(shell.folder / "some.csv")["note"].tolist() == ['x, "y"\nz', "é"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_an_input_without_rows_makes_an_output_without_rows(
    shell: Shell, model: Path, ending: str
) -> None:
    (shell.folder / "in.csv").write_text(HEADER)
    options = ["--model", str(model), "--input", "in.csv", "--output", f"o.{ending}", "--json"]
    result = shell.score(*options, "--no-track").json

    assert (result["rows_in"], result["rows_out"]) == (0, 0)
    if ending != "jsonl":
        read = pd.read_csv if ending == "csv" else pd.read_parquet
        assert list(read(shell.folder / f"o.{ending}")) == ["a", "b", "prediction"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("data", [b"", b"\n\r\n"])
def test_an_empty_file_of_json_lines_has_no_rows(
    shell: Shell, model: Path, data: bytes, ending: str
) -> None:
    (shell.folder / "in.jsonl").write_bytes(data)
    options = ["--model", str(model), "--input", "in.jsonl", "--no-track", "--json", "--output"]
    result = shell.score(*options, f"all.{ending}").json
    some = shell.score(*options, f"some.{ending}", "--keep", "id,a").json

    assert (result["rows_in"], result["rows_out"], some["rows_out"]) == (0, 0, 0)
    if ending != "jsonl":
        read = pd.read_csv if ending == "csv" else pd.read_parquet
        assert list(read(shell.folder / f"all.{ending}")) == ["a", "b", "prediction"]
        assert list(read(shell.folder / f"some.{ending}")) == ["id", "a", "prediction"]


def test_objects_without_the_columns_of_the_model_are_no_empty_file(
    shell: Shell, model: Path
) -> None:
    (shell.folder / "in.jsonl").write_text("{}\n")
    done = shell.score("--model", str(model), "--input", "in.jsonl", "--output", "o.csv")

    assert done.code == 3
    assert "No column 'a' (and 1 more) in in.jsonl" in done.error


NOWHERE = {
    "http://127.0.0.1:1/x": (3, "has an unknown extension"),
    "http://127.0.0.1:1/x.csv": (
        3,
        "http://127.0.0.1:1/x.csv cannot be read: ClientConnectorError",
    ),
    "http://nowhere.invalid/x.csv": (3, "http://nowhere.invalid/x.csv cannot be read"),
    "http://127.0.0.1:99999/x.csv": (3, "cannot be read: ValueError: Port out of range"),
    "http://[": (3, "http://["),
    "http://[/x.csv": (3, "http://[/x.csv cannot be read"),
    "http://user:secret@[/x.csv": (3, "cannot be read"),
    "file://[": (2, "file://[ is not a valid address"),
    "file://x.csv": (2, "file://x.csv names no file on this machine. Write file:///PATH"),
    "file:///nowhere/x.csv": (3, "No such file or folder: /nowhere/x.csv"),
    "foo://x.csv": (3, "foo://x.csv cannot be read: ValueError: Protocol not known: foo"),
    "gs://bucket/x.csv": (3, "gs://bucket/x.csv cannot be read: ImportError: Please install"),
    "runs:/nope/x": (3, "No such file or folder: runs:/nope/x"),
    "zip://a.csv::nope.zip": (3, "Nothing at zip://a.csv::nope.zip"),
    "~nobody-here/x.csv": (2, "~nobody-here/x.csv: there is no such home folder"),
    "x" * 300 + ".csv": (3, "cannot be read: File name too long"),
    "/dev/null": (3, "/dev/null is neither a file nor a folder"),
    "[": (3, "No file matches ["),
    "": (2, "No data is given"),
}


@pytest.mark.parametrize("source", NOWHERE)
def test_data_that_is_nowhere_is_one_line(work: Path, model: Path, source: str) -> None:
    import mlproject
    from mlproject.base.errors import MlprojectError

    code, message = NOWHERE[source]
    with pytest.raises(MlprojectError) as scoring:
        mlproject.score(str(model), source, "o.csv", track=False)
    with pytest.raises(MlprojectError) as training:
        mlproject.train("diabetes-lassolars", data=source, target="y")

    assert (scoring.value.exit_code, training.value.exit_code) == (code, code)
    for error in (scoring.value, training.value):
        assert "secret" not in str(error)
        assert "\n" not in str(error)
    assert message in str(scoring.value)
    assert message in str(training.value) or not source
    assert list(work.iterdir()) == []


NO_MODEL = {
    "http://127.0.0.1:1/x": (5, "cannot be downloaded: MLflow does not understand its address"),
    "http://[": (5, "http://[ cannot be downloaded"),
    "azureml://datastores/d/paths/x": (5, "cannot be downloaded"),
    "foo://x": (4, "foo://x cannot be downloaded: Could not find a registered artifact repository"),
    "runs:/nope/x": (4, "There is no run nope"),
    "models:/nope/1": (4, "There is no registered model 'nope'"),
    "file:///nowhere": (5, "No folder file:///nowhere"),
    "~nobody-here/x": (2, "there is no such home folder"),
    "x" * 300: (5, "No folder xxx"),
    "": (2, "No model is given"),
}


@pytest.mark.parametrize("model", NO_MODEL)
def test_a_model_that_is_nowhere_is_one_line(work: Path, model: str) -> None:
    import mlproject
    from mlproject.base.errors import MlprojectError

    code, message = NO_MODEL[model]
    (work / "in.csv").write_text(HEADER + ROWS)
    with pytest.raises(MlprojectError) as error:
        mlproject.score(model, "in.csv", "o.csv", track=False)

    assert error.value.exit_code == code
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_source_that_is_a_file_url_is_recorded_as_the_file_that_is_read(
    shell: Shell, model: Path
) -> None:
    (shell.folder / "a b.csv").write_text(HEADER + ROWS)
    source = (shell.folder / "a b.csv").as_uri()
    options = ["--model", str(model), "--no-track", "--output", "o.csv", "--input"]
    done = shell.score(*options, source)
    manifest = json.loads((shell.folder / "o.csv.manifest.json").read_text())

    assert done.code == 0, done.err
    assert manifest["input"]["source"] == str(shell.folder / "a b.csv")
    assert short_name(source) == "a b"
    assert recorded(source.replace("file://", "FILE://")) == str(shell.folder / "a b.csv")


def test_a_file_without_rows_is_not_said_to_be_scored_before(shell: Shell, model: Path) -> None:
    (shell.folder / "in.csv").write_text(HEADER)
    options = ["--model", str(model), "--no-track", "--output", "o.csv", "--input", "in.csv"]

    assert "Done in" in shell.score(*options).out
    (shell.folder / "in.csv").write_text(HEADER + ROWS)
    assert shell.score(*options, "--overwrite").code == 0
    assert "Scored before" in shell.score(*options, "--resume").out


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("in.csv", b"", "in.csv is empty: it has no header"),
        ("in.csv", b"a,a,b\n1,2,3\n", "in.csv names the column 'a' more than once"),
        ("in.csv", b'a,b\n1,2\n3,"4\n', "in.csv line 3: a quoted value does not end"),
        ("in.parquet", b"a,b\n1,2\n", "in.parquet cannot be read"),
        ("in.jsonl", b'{"a":1,"b":2}\n{"a":1,\n', "in.jsonl line 2"),
        ("in.xlsx", b"PK", "in.xlsx"),
    ],
)
def test_files_that_cannot_be_read_are_named(
    shell: Shell, model: Path, name: str, data: bytes, message: str
) -> None:
    (shell.folder / name).write_bytes(data)
    done = shell.score("--model", str(model), "--input", name, "--output", "o.csv", "--no-track")

    assert done.code == 3
    assert message in done.error
    assert [path.name for path in shell.folder.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "data", "kept", "refused"),
    [
        ("objects.jsonl", '{"a":1,"b":2}{"a":3,"b":4}\n{"a":5,\n"b":6}\n{"a":7,"b":8}\n', [87], 3),
        ("returns.csv", "a,b\n1,2\r3,4\n5,6\n", [65], 1),
        ("doubled.csv", "a,b\r\r\n1,2\r\r\n3,4\r", [21, 43], 0),
        ("surrogate.jsonl", '{"a":1,"b":"\\ud800"}\n{"a":3,"b":4}\n', [43], 1),
        ("open.csv", 'a,b\n1,2\n3,"4\n5,6\n', [21], 1),
    ],
)
def test_rows_that_only_count_right_are_not_taken_for_right(
    shell: Shell, predictions: Scored, name: str, data: str, kept: list[float], refused: int
) -> None:
    (shell.folder / name).write_bytes(data.encode())

    assert predictions(name, "--on-error", "reject", "--max-rejects", "1") == kept
    assert len(pd.read_csv(shell.folder / "out.jsonl.rejects.csv")) == refused


def test_keys_of_later_objects_and_files_are_kept(shell: Shell, model: Path) -> None:
    (shell.folder / "1.jsonl").write_text('{"a":1,"b":2}\n')
    (shell.folder / "2.jsonl").write_text('{"a":3,"b":4,"more":[1,"x"]}\n')
    options = ["--model", str(model), "--input", "*.jsonl", "--no-track", "--output"]
    shell.score(*options, "o.csv")
    shell.score(*options, "o.jsonl", "--keep", "more")
    lines = (shell.folder / "o.jsonl").read_text().splitlines()

    assert pd.read_csv(shell.folder / "o.csv")["more"].tolist()[1] == '[1, "x"]'
    assert [json.loads(line)["more"] for line in lines] == [None, [1, "x"]]


def test_what_becomes_of_a_json_value_does_not_depend_on_its_neighbours(
    shell: Shell, predictions: Scored
) -> None:
    rows = ['{"a":true,"b":2}', '{"a":"3","b":4}', '{"a":1e400,"b":1}', '{"a":[1],"b":1}']
    alone = []
    for number, row in enumerate(rows):
        (shell.folder / "one.jsonl").write_text(row + "\n")
        alone += predictions(
            "one.jsonl", "--on-error", "reject", "--max-rejects", "1", output=f"{number}.jsonl"
        )
    (shell.folder / "all.jsonl").write_text("\n".join(rows))

    assert predictions("all.jsonl", "--on-error", "reject", "--max-rejects", "1") == alone
    assert alone == [21, 43]


def test_line_breaks_in_quotes_are_copied_as_they_are(shell: Shell, model: Path) -> None:
    (shell.folder / "in.csv").write_bytes(b'a,b,"no\nte"\r\n1,2,"x\r\ny"\r\n')
    shell.score("--model", str(model), "--input", "in.csv", "--output", "o.csv", "--no-track")

    assert (
        (shell.folder / "o.csv")
        .read_bytes()
        .startswith(b'a,b,"no\nte",prediction\n1,2,"x\r\ny",21')
    )


def test_parquet_types_that_are_no_numbers_are_refused_and_odd_ones_are_written(
    shell: Shell, model: Path
) -> None:
    day = dt.datetime(2020, 6, 1, 12, tzinfo=dt.timezone.utc)
    table = pa.table(
        {
            "a": [1.0, 3.0],
            "b": pa.array([2, 4], pa.int8()),
            "view": pa.array(["x,y", "z"], pa.string_view()),
            "zone": pa.array([day, None], pa.timestamp("us", "Europe/Berlin")),
            "bytes": [b"\xff", b"text"],
        }
    )
    pq.write_table(table, shell.folder / "odd.parquet")
    pq.write_table(pa.table({"a": [day.date()], "b": [[1]]}), shell.folder / "bad.parquet")
    options = ["--model", str(model), "--no-track", "--output", "o.csv", "--input"]
    shell.score(*options, "odd.parquet")
    failed = shell.score(*options, "bad.parquet", "--overwrite")
    frame = pd.read_csv(shell.folder / "o.csv")

    assert frame["view"].tolist() == ["x,y", "z"]
    assert frame["zone"].tolist()[0] == "2020-06-01T12:00:00Z"
    assert frame["bytes"].tolist() == ["/w==", "text"]
    assert failed.code == 3
    assert "bad.parquet line 1, column 'a': datetime.date(2020, 6, 1) is not a num" in failed.error


@pytest.mark.filterwarnings("ignore")
def test_an_integer_column_with_a_gap_is_not_an_error_in_itself(
    shell: Shell, tmp_path: Path
) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    X = pd.DataFrame({"a": np.arange(50), "b": np.arange(50) * 2.0})
    estimator: Any = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=2)
    folder = saved(tmp_path / "trees", estimator.fit(X, X["b"]), X)
    (shell.folder / "in.csv").write_text("a,b\n1,2\n,4\n")
    options = ["--model", str(folder), "--trust", "pickle", "--input", "in.csv", "--output"]
    done = shell.score(*options, "o.csv", "--json", "--no-track")

    assert done.json.get("rows_out") == 2, done.json


@pytest.mark.skipif(
    not Path("/dev/full").exists() or shutil.which("bash") is None, reason="needs bash and Linux"
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_is_one_line_and_leaves_no_output(
    shell: Shell, model: Path, ending: str
) -> None:
    rows = np.random.default_rng(0).normal(size=(40_000, 2))
    pd.DataFrame(rows, columns=["a", "b"]).to_csv(shell.folder / "in.csv", index=False)
    command = "ulimit -f 300; exec python -m inference"
    command += f" --model {model} --input in.csv --output o.{ending} --no-track --part-size 100KB"
    done = shell.run("bash", "-c", command)

    assert done.code == 3
    assert f"o.{ending} cannot be written" in done.error
    assert "run it again with --resume" in done.error
    assert not (shell.folder / f"o.{ending}").exists()
    again = shell.score(*command.split()[7:], "--resume", "--json")
    assert again.json["rows_out"] == 40_000
    assert again.json["rows_resumed"] > 0
