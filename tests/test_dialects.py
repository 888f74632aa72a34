"""Delimiters, decimal points and thousands of CSV: seen in training, kept, and used in scoring."""

from __future__ import annotations

import csv
import io
import json
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from mlproject.base.errors import ConfigurationError
from mlproject.data import formats
from mlproject.data import table as tables
from mlproject.data.dialects import Dialect, DialectOptions, Hints, checked
from mlproject.data.schema import Feature, Schema
from mlproject.data.source import opened
from mlproject.models.signature import DIALECT
from tests.conftest import Shell, saved
from tests.test_typed_columns import from_file

quickly = settings(max_examples=60, deadline=None, derandomize=True)
GERMAN = Dialect(";", ",", ".")
PLAIN = Dialect()


def schema_of(*names: str, dialect: Dialect | None = None) -> Schema:
    return Schema(tuple(Feature(name, pa.float64()) for name in names), dialect=dialect)


def trained(path: Path, text: str, **options: Any) -> tables.Table:
    path.write_text(text, newline="")
    return tables.load(str(path), hints=Hints(DialectOptions(**options)))


def scored(path: Path, text: str, schema: Schema) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the rows that fit, and why the others do not."""
    path.write_text(text, newline="")
    table, rejects = from_file(path, schema)
    return table.to_pylist(), [reason for _, _, reason in rejects]


def dialect_of(path: Path, text: str, hints: Hints = Hints()) -> Dialect:
    """Return the dialect that scoring sees in a file."""
    path.write_text(text, newline="")
    with opened(str(path)) as files:
        file: Any = formats.opened(files[0], whole=False, hints=hints)
    assert pickle.loads(pickle.dumps(file)) == file
    dialect: Dialect = file.dialect
    return dialect


def test_a_full_stop_among_decimal_commas_is_between_thousands(tmp_path: Path) -> None:
    text = "v;w\n1,5;1\n1.234;2\n1.234.567,25;3\n-1.000;4\n"
    table = trained(tmp_path / "t.csv", text)
    rows, reasons = scored(tmp_path / "s.csv", text, schema_of("v", "w", dialect=table.dialect))

    assert table.dialect == GERMAN
    assert table.frame["v"].tolist() == [1.5, 1234, 1234567.25, -1000]
    assert [row["v"] for row in rows] == table.frame["v"].tolist()
    assert reasons == []


def test_a_column_of_thousands_is_read_as_its_file_is_written(tmp_path: Path) -> None:
    table = trained(tmp_path / "t.csv", "v;w;x\n1,5;1.234;?\n2,5;2.000;1.500\n3,5;3;2.500\n")

    assert table.frame["w"].tolist() == [1234, 2000, 3]
    assert table.recognised()["x"].thousands == "."
    assert table.formatted(table.recognised()).frame["x"].tolist()[1:] == [1500, 2500]


@pytest.mark.parametrize("value", ["1.5", "0.123", "12.34", "1.23.456", "1.2345"])
def test_a_decimal_point_among_decimal_commas_is_rejected(tmp_path: Path, value: str) -> None:
    text = f"v;w\n1,5;1\n{value};2\n"
    rows, reasons = scored(tmp_path / "s.csv", text, schema_of("v", "w", dialect=GERMAN))

    assert [row["v"] for row in rows] == [1.5]
    assert reasons == [f"'{value}' is not a number written like '1.234,5'"]


def test_exponents_and_signs_do_not_hide_decimal_commas(tmp_path: Path) -> None:
    text = "v;w\n1,5E-05;-2,5\n+2,25e3;,5\n"
    table = trained(tmp_path / "t.csv", text)
    expected = [[1.5e-5, -2.5], [2250, 0.5]]

    assert table.frame.to_numpy().tolist() == expected
    for dialect in (None, table.dialect):
        rows, reasons = scored(tmp_path / "s.csv", text, schema_of("v", "w", dialect=dialect))
        assert ([list(row.values()) for row in rows], reasons) == (expected, [])


def test_one_odd_cell_does_not_turn_a_file_round(tmp_path: Path) -> None:
    points = "v;w\n" + "1.5;2.25\n" * 20 + "1,5;3\n"
    commas = "v;w\n" + "1,5;2,25\n" * 20 + "1.5;3\n"

    assert dialect_of(tmp_path / "p.csv", points) == Dialect(";")
    assert dialect_of(tmp_path / "c.csv", commas) == GERMAN
    assert trained(tmp_path / "p.csv", points).frame["w"].tolist()[:2] == [2.25, 2.25]
    assert trained(tmp_path / "c.csv", commas).frame["w"].tolist()[:2] == [2.25, 2.25]


def test_all_files_of_a_source_say_together_what_a_point_is(work: Path) -> None:
    (work / "1.csv").write_text("v;w\n1.234;a\n")
    (work / "2.csv").write_text("v;w\n1,5;b\n")

    assert tables.load("*.csv").frame["v"].tolist() == [1234, 1.5]


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        ('"a, b";v', "x;1,5", ["a, b", "v"]),
        ('\ufeff"a, b";v', "x;1,5", ["a, b", "v"]),
        ('v;"say ""a, b, c"""', "1,5;x", ["v", 'say "a, b, c"']),
        ('"a\n,b";v', "x;1,5", ["a\n,b", "v"]),
        ("price, net;v;day", "x;1,5;y", ["price, net", "v", "day"]),
        ("a,v;w;x", "x,1.5", ["a", "v;w;x"]),
        ("a\tv", "x, y\t1.5", ["a", "v"]),
        ("v", "1.5", ["v"]),
    ],
)
def test_the_delimiter_is_seen_outside_quotes(
    tmp_path: Path, header: str, row: str, columns: list[str]
) -> None:
    table = trained(tmp_path / "t.csv", f"{header}\n{row}\n")
    rows, _ = scored(tmp_path / "s.csv", f"{header}\n{row}\n", schema_of(columns[-1]))

    assert list(table.frame) == columns
    if columns[-1] == "v":
        assert [row["v"] for row in rows] == table.frame["v"].tolist() == [1.5]


def test_the_delimiter_under_which_the_features_are_all_there_wins(tmp_path: Path) -> None:
    text = "v,x;w,y\n1;2\n"
    for names in (("v,x", "w,y"), ("v", "y")):
        hints = Hints(features=names)
        assert (dialect_of(tmp_path / "s.csv", text, hints).delimiter == ";") == ("w,y" in names)
    recorded = Hints(recorded=GERMAN, features=("v",))

    assert dialect_of(tmp_path / "s.csv", "v,w\n1.5,2\n", recorded) == PLAIN
    assert dialect_of(tmp_path / "s.csv", "v\n1,5\n", recorded) == GERMAN


def test_what_is_recorded_holds_for_its_delimiter_and_no_other(tmp_path: Path) -> None:
    schema = schema_of("v", "w", dialect=GERMAN)

    assert scored(tmp_path / "s.csv", "v;w\n1.234;1\n", schema)[0] == [{"v": 1234, "w": 1}]
    assert scored(tmp_path / "s.csv", "v,w\n1.234,1\n", schema)[0] == [{"v": 1.234, "w": 1}]
    assert scored(tmp_path / "s.csv", "v\tw\n1,5\t1.234\n", schema)[0] == [{"v": 1.5, "w": 1234}]
    # Without fractions a file does not show what they look like.
    assert trained(tmp_path / "t.csv", "v;w\n1;2\n").dialect is None


def test_a_user_has_the_last_word(tmp_path: Path) -> None:
    hints = Hints(DialectOptions(decimal="."), GERMAN)
    assert dialect_of(tmp_path / "s.csv", "v;w\n1,5;2\n", hints) == Dialect(";")
    hints = Hints(DialectOptions(thousands=","), GERMAN)
    assert dialect_of(tmp_path / "s.csv", "v;w\n1,5;2\n", hints) == Dialect(";", ".", ",")
    hints = Hints(DialectOptions(delimiter="|"), GERMAN)
    assert dialect_of(tmp_path / "s.csv", "v;a|w\n1,5|2,5\n", hints).delimiter == "|"
    table = trained(tmp_path / "t.csv", 'v;w\n1,234;"1.5"\n', thousands=",")

    assert table.frame.to_numpy().tolist() == [[1234, 1.5]]
    assert table.dialect == Dialect(";", ".", ",")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("ab", None, None), "'ab' cannot be a delimiter: give one character, or tab"),
        (("a", None, None), "'a' cannot be a delimiter"),
        (('"', None, None), "cannot be a delimiter"),
        ((None, ";", None), "';' cannot be a decimal point: give . or ,"),
        ((None, ",", ","), "',' cannot be both decimal point and thousands separator"),
        ((None, None, "_"), "'_' cannot be a thousands separator"),
    ],
)
def test_a_dialect_that_cannot_be_is_refused(options: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        checked(*options)


def test_characters_that_are_hard_to_type_have_names() -> None:
    assert checked("tab", "", "space") == DialectOptions("\t", None, " ")
    assert checked(r"\t", None, "") == DialectOptions("\t")


DIALECTS = [
    *(Dialect(delimiter, ",", ".") for delimiter in ";\t|"),
    *(Dialect(delimiter, ".", None) for delimiter in ",;\t|"),
    *(Dialect(delimiter, ",", " ") for delimiter in ";|"),
    *(Dialect(delimiter, ".", thousands) for delimiter in ",;\t" for thousands in ",'"),
]
NUMBERS = (
    st.integers(-(10**12), 10**12)
    | st.decimals(-(10**9), 10**9, places=3)
    | st.floats(-1e300, 1e300).filter(lambda number: number == 0 or abs(number) > 1e-300)
)


def written(number: Any, dialect: Dialect, grouped: bool) -> str:
    text = f"{number:,f}" if grouped and not isinstance(number, float) else f"{number}"
    if dialect.thousands is None:
        text = text.replace(",", "")
    return text.translate(str.maketrans({",": dialect.thousands or "", ".": dialect.decimal}))


def csv_of(rows: list[list[str]], delimiter: str) -> str:
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return sink.getvalue()


@quickly
@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=8),
    st.sampled_from(DIALECTS),
    st.booleans(),
    st.booleans(),
)
def test_a_value_is_the_same_number_in_training_and_scoring_whatever_its_neighbours(
    pairs: list[tuple[Any, Any]], dialect: Dialect, grouped: bool, said: bool
) -> None:
    # What a file cannot show, its user says.
    said = said or dialect.thousands not in (None, ".")
    rows = [[written(number, dialect, grouped) for number in pair] for pair in pairs]
    rows.append([written(number, dialect, False) for number in (0.5, 1234.5678)])
    expected = [[float(number) for number in pair] for pair in [*pairs, (0.5, 1234.5678)]]
    if not said and dialect.decimal == ".":
        rows += [["2.5", "0.25"]] * len(rows)  # which are the majority
        expected += [[2.5, 0.25]] * len(expected)
    with TemporaryDirectory() as folder:
        path = Path(folder)
        options = vars(dialect) if said else {}
        table = trained(path / "t.csv", csv_of([["v", "w"], *rows], dialect.delimiter), **options)
        assert table.dialect == dialect
        assert table.frame.to_numpy().tolist() == expected
        schema = schema_of("v", "w", dialect=table.dialect)
        for row, values in zip(rows, expected, strict=True):
            text = csv_of([["v", "w"], row], dialect.delimiter)
            assert scored(path / "s.csv", text, schema) == (
                [{"v": values[0], "w": values[1]}],
                [],
            ), row


pytestmark = pytest.mark.filterwarnings("ignore")


SUM = {
    "name": "sum",
    "task": "regression",
    "pipeline": [{"model": "LinearRegression"}],
    "search": {"kind": "none"},
}


def german(rows: int = 60) -> str:
    """Return rows of which the last value is the sum of the others."""
    numbers = np.random.default_rng(0).integers(0, 500_000, size=(rows, 2)) / 100
    swap = str.maketrans(",.", ".,")
    lines = [[f"{x:,.2f}".translate(swap) for x in (*pair, pair.sum())] for pair in numbers]
    return "a;b;y\n" + "\n".join(map(";".join, lines)) + "\n"


def test_a_model_keeps_the_dialect_of_its_data(shell: Shell, client: Any) -> None:
    (shell.folder / "t.csv").write_text(german())
    (shell.folder / "sum.yaml").write_text(yaml.safe_dump(SUM))
    run = shell.trained("sum.yaml", "--data", "t.csv", "--target", "y")
    (shell.folder / "s.csv").write_text("a;b\n1.234;2.000\n1.5;1\n")
    options = ["--run-id", run["run_id"], "--input", "s.csv", "--no-track"]
    options += ["--on-error", "reject", "--max-rejects", "1", "--output"]
    done = shell.score(*options, "o.csv", "--json")
    tags = client(run["tracking_uri"]).get_run(run["run_id"]).data.tags
    (model,) = shell.folder.rglob("MLmodel")
    kept = yaml.safe_load(model.read_text())["metadata"][DIALECT]
    rejects = pd.read_csv(shell.folder / "o.csv.rejects.csv")

    assert done.code == 0, done.err
    assert json.loads(kept) == {"delimiter": ";", "decimal": ",", "thousands": "."}
    assert json.loads(tags["mlproject.data.dialect"]) == json.loads(kept)
    assert pd.read_csv(shell.folder / "o.csv")["prediction"].round(6).tolist() == [3234]
    assert rejects["reason"].tolist() == ["'1.5' is not a number written like '1.234,5'"]
    done = shell.score(*options, "p.csv", "--decimal", ".", "--json")
    assert done.json["rows_rejected"] == 0
    assert pd.read_csv(shell.folder / "p.csv")["prediction"].round(6).tolist() == [3.234, 2.5]


def test_what_the_model_does_not_take_is_written_as_the_rest_of_the_file(
    shell: Shell, client: Any
) -> None:
    (shell.folder / "t.csv").write_text(german())
    (shell.folder / "sum.yaml").write_text(yaml.safe_dump(SUM))
    run = shell.trained("sum.yaml", "--data", "t.csv", "--target", "y")
    (shell.folder / "s.csv").write_text("a;b;extra;code\n1,5;2,25;1.234;01\n2;3;2,5;02\n")
    options = ["--run-id", run["run_id"], "--input", "s.csv", "--no-track", "--output"]

    assert shell.score(*options, "o.csv").code == 0
    found = (shell.folder / "o.csv").read_text().splitlines()
    assert [line.rpartition(",")[0] for line in found] == [
        "a,b,extra,code",
        "1.5,2.25,1234,01",
        "2,3,2.5,02",
    ]


def test_a_single_row_without_a_line_break_shows_how_it_is_written(shell: Shell) -> None:
    X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    saved(shell.folder / "model", LinearRegression().fit(X, X["a"]), X)
    (shell.folder / "in.csv").write_text("a;id;rate\n1,5;7;2,5")
    options = ["--model", "model", "--trust", "pickle", "--no-track", "--input", "in.csv"]

    assert shell.score(*options, "--output", "o.parquet").code == 0
    (row,) = pq.read_table(shell.folder / "o.parquet").to_pylist()
    assert {name: row[name] for name in ("a", "id", "rate")} == {"a": 1.5, "id": 7, "rate": 2.5}
    assert isinstance(row["id"], int)


def test_options_and_recipes_say_how_a_file_is_written(shell: Shell) -> None:
    (shell.folder / "t.csv").write_text(german().replace(";", "~").replace(".", "'"))
    (shell.folder / "sum.yaml").write_text(yaml.safe_dump(SUM))
    options = ["--delimiter", "~", "--decimal", ",", "--thousands", "'"]
    run = shell.trained("sum.yaml", "--data", "t.csv", "--target", "y", *options)
    (shell.folder / "s.csv").write_text("a~b\n1'234~2'000,0\n")
    done = shell.score("--run-id", run["run_id"], "--input", "s.csv", "--output", "o.csv")
    recipe = next(shell.folder.rglob("recipe.yaml"))
    data = yaml.safe_load(recipe.read_text())["data"]
    again = shell.trained(str(recipe))
    wrong = shell.train(str(recipe), "--delimiter", "no")

    assert done.code == 0, done.err
    assert pd.read_csv(shell.folder / "o.csv")["prediction"].round(6).tolist() == [3234]
    assert [data[key] for key in ("delimiter", "decimal", "thousands")] == ["~", ",", "'"]
    assert again["features"] == ["a", "b"]
    assert wrong.code == 2
    assert "'no' cannot be a delimiter" in wrong.error


@pytest.mark.parametrize("content", ["{", "[1]", '{"delimiter": ";;"}', '{"decimal": 5}'])
def test_a_damaged_dialect_of_a_model_is_one_line(
    shell: Shell, tmp_path: Path, content: str
) -> None:
    from sklearn.linear_model import LinearRegression

    X = pd.DataFrame({"a": [1.0, 2.0, 4.0]})
    folder = saved(
        tmp_path / "model",
        LinearRegression().fit(X, X["a"]),
        X,
        serialization_format="skops",
        metadata={DIALECT: content},
    )
    (shell.folder / "in.csv").write_text("a\n1\n")
    done = shell.score("--model", str(folder), "--input", "in.csv", "--output", "o.csv")

    assert done.code == 5
    assert f"is damaged: its metadata 'mlproject.dialect' is {content}" in done.error
