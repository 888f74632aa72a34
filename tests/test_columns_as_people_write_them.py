"""Numbers, times and dates as people write them: found in training, and read so in scoring."""

from __future__ import annotations

import datetime as dt
import json
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
from pydantic import ValidationError
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlproject.base.errors import DataError
from mlproject.data import table as tables
from mlproject.data.column_formats import ColumnFormat, applied, arrow_type, recognised
from mlproject.data.schema import Feature, Schema
from mlproject.data.table import to_frame
from mlproject.models.signature import FORMATS, formats_metadata
from tests.conftest import Shell
from tests.test_typed_columns import from_file

quickly = settings(max_examples=60, deadline=None, derandomize=True)
MIDNIGHT = dt.datetime(2020, 1, 31)

KNOWN: dict[str, tuple[list[str], dict[str, Any], list[Any]]] = {
    "thousands": (["3,045", "12"], {"type": "number", "thousands": ","}, [3045, 12]),
    "decimal comma": (["1,2", "3,5"], {"type": "number", "decimal": ","}, [1.2, 3.5]),
    "both, as in Germany": (
        ["1.234,5", "7"],
        {"type": "number", "thousands": ".", "decimal": ","},
        [1234.5, 7],
    ),
    "both, as in France": (
        ["1\u202f234,5", "7\u00a0000"],
        {"type": "number", "thousands": " ", "decimal": ","},
        [1234.5, 7000],
    ),
    "apostrophes": (
        ["1\u2019234.5", "2'000"],
        {"type": "number", "thousands": "'"},
        [1234.5, 2000],
    ),
    "currency": (
        ["$5", "$ 1,234.50", "-$3"],
        {"type": "number", "thousands": ",", "unit": "$"},
        [5, 1234.5, -3],
    ),
    "currency behind": (
        ["5,00 €", "7,50 €"],
        {"type": "number", "thousands": ".", "decimal": ",", "unit": "€"},
        [5, 7.5],
    ),
    "code": (["USD 5", "7 USD"], {"type": "number", "thousands": ",", "unit": "USD"}, [5, 7]),
    "percent": (["5%", "7.5 %"], {"type": "number", "unit": "%"}, [5, 7.5]),
    "accounting": (["(1,234)", "5"], {"type": "number", "thousands": ","}, [-1234, 5]),
    "a minus sign": (["\u22125", "6"], {"type": "number"}, [-5, 6]),
    "markers": (["1", "2", "?", "-"], {"type": "number", "missing": ("-", "?")}, [1, 2]),
    "times": (["10:30", "23:59:59.5"], {"type": "time"}, [37800, 86399.5]),
    "half days": (["12:05 AM", "10:30 pm"], {"type": "time"}, [300, 81000]),
    "month first": (
        ["01/31/2020", "2/1/2020"],
        {"type": "date", "format": "%m/%d/%Y"},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
    "day first": (
        ["31/01/2020", "01/02/2020"],
        {"type": "date", "format": "%d/%m/%Y"},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
    "either order": (
        ["1/2/2020", "2/3/2020"],
        {"type": "date", "format": "%m/%d/%Y"},
        [dt.datetime(2020, 1, 2), dt.datetime(2020, 2, 3)],
    ),
    "full stops": (
        ["31.01.2020", "1.2.2020", "-"],
        {"type": "date", "format": "%d.%m.%Y", "missing": ("-",)},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
    "names of months": (
        ["Jan 31, 2020", "May 1, 2020"],
        {"type": "date", "format": "%b %d, %Y"},
        [MIDNIGHT, dt.datetime(2020, 5, 1)],
    ),
    "as Oracle writes them": (
        ["31-JAN-2020", "1-Feb-2020"],
        {"type": "date", "format": "%d-%b-%Y"},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
    "a month": (
        ["2020-01", "2020-12"],
        {"type": "date", "format": "%Y-%m"},
        [dt.datetime(2020, 1, 1), dt.datetime(2020, 12, 1)],
    ),
    "digits only": (
        ["20200131", "20200201"],
        {"type": "date", "format": "%Y%m%d"},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
    "a day and a time": (
        ["1/31/2020 3:04 PM", "2/1/2020 11:00 AM"],
        {"type": "date", "format": "%m/%d/%Y %I:%M %p"},
        [dt.datetime(2020, 1, 31, 15, 4), dt.datetime(2020, 2, 1, 11)],
    ),
    "ISO, with and without a zone": (
        ["2020-01-31T02:00:00+02:00", "2020-02-01"],
        {"type": "date"},
        [MIDNIGHT, dt.datetime(2020, 2, 1)],
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_way_of_writing_is_recognised_and_read(name: str) -> None:
    texts, expected, values = KNOWN[name]
    column_format = recognised(pa.array([*texts, None, "", "NA"]))
    assert column_format is not None
    column, odd = applied(pa.array([*texts, None, "what"]), column_format)
    marked = len(texts) - len(values)

    assert column_format.model_dump(exclude_defaults=True) == expected
    assert column.to_pylist() == [*values, *[None] * (marked + 2)]
    assert odd == [len(texts) + 1]


@pytest.mark.parametrize(
    "texts",
    [
        ["red", "blue"],
        ["1", "2", "3+"],
        ["1", "2", "many"],
        ["01234", "56789"],
        ["$5", "€7"],
        ["1,23,4", "5"],
        ["1.5.3", "2.3.4"],
        ["02/30/2020", "01/30/2020"],
        ["25:00", "10:30"],
        ["01/31/2020", "31/01/2020"],
        ["5", "5"],
        ["?", "-"],
        ["May", "March"],
        ["2019-20", "2018-19"],
        ["call 555 1234", "5"],
    ],
)
def test_ordinary_text_stays_text(texts: list[str]) -> None:
    assert recognised(pa.array(texts)) is None


def test_times_that_arrow_knows_are_times() -> None:
    times = pa.array([dt.time(10, 30), None], pa.time64("us"))
    column_format = recognised(times)

    assert column_format == ColumnFormat(type="time")
    assert applied(times, column_format)[0].to_pylist() == [37800, None]


NOTATIONS = [(",", "."), (".", ","), (" ", ","), ("'", "."), (None, "."), (None, ",")]


@quickly
@given(
    st.lists(
        st.integers(-(10**12), 10**12) | st.decimals(-(10**9), 10**9, places=3),
        min_size=2,
        unique_by=float,
    ),
    st.sampled_from(NOTATIONS),
    st.sampled_from(["{}", "${}", "{} €", "USD {}", "{}%", "{} %"]),
    st.lists(st.sampled_from(["?", "-", "n/a", ""])),
)
def test_numbers_that_are_written_come_back_exactly(
    numbers: list[Any], notation: tuple[str | None, str], unit: str, markers: list[str]
) -> None:
    thousands, decimal = notation
    written = [f"{number:,f}" if thousands else f"{number:f}" for number in numbers]
    # So that the notation can be told: a fraction of four digits, and one group of three.
    written += ["1,234,567.8912" if thousands else "1234567.8912"]
    swap = str.maketrans({",": thousands or "", ".": decimal})
    written = [unit.format(text.translate(swap)) for text in written]
    if unit == "{}" and thousands is None and decimal == ".":
        written.append("?")
    texts = pa.array([*written, *markers])
    column_format = recognised(texts)
    assert column_format is not None, texts
    column, odd = applied(texts, column_format)

    values = [float(number) for number in numbers] + [1234567.8912]
    assert column.to_pylist()[: len(values)] == values
    assert column.null_count == len(texts) - len(values)
    assert odd == []


FORMATS_OF_CELLS = {
    "price": ColumnFormat(type="number", thousands=",", unit="$", missing=("?",)),
    "share": ColumnFormat(type="number", decimal=",", unit="%"),
    "hour": ColumnFormat(type="time"),
    "day": ColumnFormat(type="date", format="%d.%m.%Y"),
    "moment": ColumnFormat(type="date"),
}
PRICES = st.integers(-(10**7), 10**7).map(lambda cents: f"${cents / 100:,.2f}")
DAYS = st.dates(dt.date(1400, 1, 1), dt.date(9999, 12, 31))
MOMENTS = st.datetimes(dt.datetime(1678, 1, 2), dt.datetime(2262, 1, 1))
ZONES = st.sampled_from(["", "Z", "+02:00", "-0530"])
WRITTEN = st.fixed_dictionaries(
    {
        "price": st.none() | PRICES | st.sampled_from(["?", "1234.5", "NA"]),
        "share": st.none() | st.integers(0, 1000).map(lambda n: f"{n / 10:.1f}%".replace(".", ",")),
        "hour": st.none() | st.times().map(lambda time: time.strftime("%H:%M:%S")),
        "day": st.none() | DAYS.map(lambda day: f"{day:%d.%m.}{day.year:04}"),
        "moment": st.none()
        | DAYS.map(dt.date.isoformat)
        | st.builds(lambda moment, zone: f"{moment:%Y-%m-%dT%H:%M:%S}{zone}", MOMENTS, ZONES),
    }
)


def schema_of(formats: dict[str, ColumnFormat]) -> Schema:
    return Schema(
        tuple(Feature(name, arrow_type(item), format=item) for name, item in formats.items())
    )


@quickly
@given(st.lists(WRITTEN, min_size=1))
def test_training_and_scoring_read_the_same_from_every_format(rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows, dtype=object)
    frame["id"] = "x"
    schema = schema_of(FORMATS_OF_CELLS)
    expected: pd.DataFrame | None = None
    with TemporaryDirectory() as folder:
        path = Path(folder)
        frame.to_csv(path / "in.csv", index=False)
        texts = {name: pa.array(frame[name], pa.string()) for name in frame}
        pq.write_table(pa.table(texts), path / "in.parquet")
        lines = [json.dumps(row | {"id": "x"}) for row in rows]
        (path / "in.jsonl").write_text("\n".join(lines))
        for name in ("in.csv", "in.parquet", "in.jsonl"):
            trained = tables.load(str(path / name)).formatted(FORMATS_OF_CELLS).frame
            trained = trained[list(FORMATS_OF_CELLS)]
            scored, rejects = from_file(path / name, schema)
            expected = trained if expected is None else expected

            assert rejects == []
            pd.testing.assert_frame_equal(trained, expected)
            pd.testing.assert_frame_equal(to_frame(scored), trained)


def test_a_value_that_is_written_otherwise_is_named_in_training(work: Path) -> None:
    (work / "in.csv").write_text("price\n$5\nfree\n")
    table = tables.load("in.csv")

    with pytest.raises(DataError, match=r"in\.csv row 2, column 'price': 'free' is not a number w"):
        table.formatted({"price": ColumnFormat(type="number", unit="$")})
    with pytest.raises(DataError, match=r"No column to read 'pryce' .*Did you mean 'price'"):
        table.formatted({"pryce": ColumnFormat(type="number", unit="$")})


def test_the_types_of_the_columns_are_known_as_they_were_read(work: Path) -> None:
    (work / "in.csv").write_text("flag,n,day\nTrue,1,2020-01-31\n,,\nFalse,3,1500-01-01\n")
    table = tables.load("in.csv")

    assert table.types == {"flag": pa.bool_(), "n": pa.int64(), "day": pa.date32()}
    assert table.frame["flag"].tolist()[::2] == [1, 0]
    assert table.frame["day"].isna().tolist() == [False, True, True]
    assert {name: str(kind) for name, kind in table.frame.dtypes.items()} == {
        "flag": "float64",
        "n": "float64",
        "day": "datetime64[ns]",
    }


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_with_a_zone_are_utc_in_the_frame(work: Path, unit: str) -> None:
    moment = dt.datetime(2020, 1, 31, 2, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    times = pa.array([moment, None], pa.timestamp(unit, "Europe/Berlin"))
    frame = to_frame(pa.table({"t": times}))

    assert frame["t"].dtype == np.dtype("datetime64[ns]")
    assert frame["t"][0] == pd.Timestamp(MIDNIGHT)


@pytest.fixture
def model(shell: Shell) -> Path:
    """A model that adds dollars, truth values and years."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType
    from mlflow.types import Schema as Columns

    X = pd.DataFrame(
        {
            "price": [5.0, 1234.5, np.nan, 8.0],
            "flag": [1.0, np.nan, 0.0, 1.0],
            "day": pd.to_datetime(["2020-01-31", None, "2000-01-01", "2010-06-05"]),
        }
    )

    def years(days: pd.DataFrame) -> Any:
        return days["day"].dt.year.fillna(0).to_numpy(float).reshape(-1, 1)

    pipeline = make_pipeline(
        make_column_transformer(
            (SimpleImputer(strategy="constant", fill_value=0.0), ["price", "flag"]),
            (FunctionTransformer(years), ["day"]),
        ),
        LinearRegression(),
    )
    pipeline.fit(X, X["price"].fillna(0) + 10_000 * X["flag"].fillna(0) + years(X)[:, 0])
    columns = [
        ColSpec(DataType.double, "price"),
        ColSpec(DataType.boolean, "flag", required=False),
        ColSpec(DataType.datetime, "day"),
    ]
    folder = shell.folder / "model"
    formats = {
        "price": ColumnFormat(type="number", thousands=",", unit="$", missing=("?",)),
        "day": ColumnFormat(type="date", format="%m/%d/%Y"),
    }
    mlflow.sklearn.save_model(
        pipeline,
        folder,
        signature=ModelSignature(Columns(columns)),
        pip_requirements=[],
        serialization_format="cloudpickle",
        metadata=formats_metadata(formats),
    )
    return folder


pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = [
    {"price": "$1,000", "flag": True, "day": "01/31/2020"},
    {"price": "?", "flag": None, "day": None},
    {"price": "7.5", "flag": False, "day": "02/01/2010"},
    {"price": "free", "flag": True, "day": "02/01/2010"},
    {"price": "$5", "flag": True, "day": "31/01/2010"},
]


def arguments(model: str | Path, source: str) -> list[str]:
    options = ["--model", str(model), "--trust", "pickle", "--input", source, "--no-track"]
    return [*options, "--on-error", "reject", "--output"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_a_model_reads_what_it_takes_as_it_was_written(
    shell: Shell, model: Path, ending: str
) -> None:
    frame = pd.DataFrame(ROWS).astype({"flag": "boolean"})
    source = shell.folder / f"in.{ending}"
    if ending == "csv":
        frame.to_csv(source, index=False)
    elif ending == "parquet":
        frame.to_parquet(source)
    else:
        source.write_text("\n".join(map(json.dumps, ROWS)))
    done = shell.score(
        *arguments(model, source.name), "o.csv", "--keep", "price", "--max-rejects", "1"
    )
    assert done.code == 0, done.err
    out = pd.read_csv(shell.folder / "o.csv")
    rejects = pd.read_csv(shell.folder / "o.csv.rejects.csv")

    assert out["prediction"].round(3).tolist() == [13020, 0, 2017.5]
    assert out["price"].tolist() == ["$1,000", "?", "7.5"]
    assert rejects["reason"].tolist() == [
        "'free' is not a number written like '$1,234.5'",
        "'31/01/2010' is not a date written like '10/25/2000'",
    ]


def test_numbers_and_timestamps_are_taken_as_they_are(shell: Shell, model: Path) -> None:
    days = [MIDNIGHT, None, dt.datetime(2010, 2, 1)]
    frame = pd.DataFrame({"price": [1000, 0, 7.5], "flag": [1.0, None, 0.0], "day": days})
    frame.to_parquet(shell.folder / "in.parquet")
    lines = [{"price": 1000, "flag": True, "day": "01/31/2020"}, {"price": None}, {"price": 7.5}]
    (shell.folder / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    for name, expected in (("parquet", [13020, 0, 2017.5]), ("jsonl", [13020, 0, 7.5])):
        done = shell.score(*arguments(model, f"in.{name}"), f"{name}.csv", "--keep", "none")
        assert done.code == 0, done.err
        out = pd.read_csv(shell.folder / f"{name}.csv")
        assert out["prediction"].round(3).tolist() == expected


def test_what_is_kept_stands_as_it_was_written(shell: Shell, model: Path) -> None:
    rows = 'price,flag,day\n"$1,000",True,01/31/2020\n,,12/31/9999\n'
    (shell.folder / "in.csv").write_text(rows)
    for output in ("o.parquet", "o.csv"):
        done = shell.score(*arguments(model, "in.csv"), output, "--keep", "day,price")
        assert done.code == 0, done.err
    out = pd.read_parquet(shell.folder / "o.parquet")

    assert out["day"].tolist() == ["01/31/2020", "12/31/9999"]
    assert out["prediction"].round(3).tolist() == [13020, 0]
    assert (shell.folder / "o.csv").read_text().startswith('day,price,prediction\n01/31/2020,"$1,')


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        ("{", "its metadata 'mlproject.formats' is {"),
        ("[1]", "its metadata 'mlproject.formats' is [1]"),
        ('{"price": {"type": "nubmer"}}', "type cannot be 'nubmer'. Did you mean 'number'?"),
        ('{"price": {"type": "number", "x": 1}}', "has an unknown key 'x'"),
        ('{"price": {"type": "date", "format": "%Q"}}', "'%Q' is not a directive of a date"),
        ('{"price": {"type": "date"}}', "it takes 'price' as double, and reads it as a date"),
    ],
)
def test_damaged_formats_of_a_model_are_one_line(
    shell: Shell, model: Path, formats: str, message: str
) -> None:
    content = yaml.safe_load((model / "MLmodel").read_text())
    content["metadata"] = {FORMATS: formats}
    (model / "MLmodel").write_text(yaml.safe_dump(content))
    (shell.folder / "in.csv").write_text("price,flag,day\n")
    done = shell.score(*arguments(model, "in.csv"), "o.csv")

    assert done.code == 5
    assert message in done.error


@pytest.mark.parametrize(
    "content",
    [
        {"type": "number", "thousands": "."} | {"decimal": "."},
        {"type": "date", "format": "%Q"},
        {"type": "number", "unit": "5"},
        {"type": "words"},
    ],
)
def test_a_format_that_makes_no_sense_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ColumnFormat.model_validate(content)


WORDS = {"NA": 100.0, "null": 200.0, "nan": 300.0, "": 400.0, "blue": 500.0}
BY_WORD = {
    "name": "words",
    "task": "regression",
    "data": {"target": "y", "features": ["word"]},
    "pipeline": [
        {"fill": {"SimpleImputer": {"strategy": "constant", "fill_value": "missing"}}},
        {"encode": {"OneHotEncoder": {"handle_unknown": "ignore"}}},
        {"model": "LinearRegression"},
    ],
    "search": {"kind": "none"},
}


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_what_is_missing_among_texts_is_the_same_in_training_and_scoring(
    shell: Shell, ending: str
) -> None:
    import mlproject

    words = [*WORDS, None] * 20
    frame = pd.DataFrame({"word": words, "y": [WORDS.get(str(word), 0.0) for word in words]})
    if ending == "parquet":
        frame.to_parquet(shell.folder / "in.parquet")
    elif ending == "jsonl":
        frame.to_json(shell.folder / "in.jsonl", orient="records", lines=True)
    else:
        frame.to_csv(shell.folder / "in.csv", index=False, na_rep="")
    (shell.folder / "words.yaml").write_text(yaml.safe_dump(BY_WORD))
    run = shell.trained("words.yaml", "--data", f"in.{ending}")
    done = shell.score("--run-id", run["run_id"], "--input", f"in.{ending}", "--output", "o.csv")
    assert done.code == 0, done.err
    scored = pd.read_csv(shell.folder / "o.csv")["prediction"].round(3).tolist()

    if ending == "csv":  # where all these say that there is no value
        assert scored[:6] == [scored[0]] * 4 + [500.0] + [scored[0]]
        return
    assert scored == frame["y"].tolist()
    model = next(shell.folder.rglob("MLmodel")).parent
    predicted, rejects = mlproject.predict(str(model), frame[["word"]])
    assert predicted["prediction"].round(3).tolist() == frame["y"].tolist()
    assert rejects.empty
