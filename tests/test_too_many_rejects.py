"""A scoring that rejects more rows than is allowed ends as a failure, with complete outputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import mlproject
from tests.conftest import Finished, Shell, saved

GIVEN = ("--model", "model", "--input", "new.csv", "--output", "out.csv", "--trust", "pickle")
TOLD = (
    "Error: 3 of 20 rows were rejected, more than 10 %, 2 of them for the column 'size', such as "
    "new.csv line 2: 'big' is not a number. They are in out.csv.rejects.csv, the others in "
    "out.csv; to allow more, give --max-rejects."
)


@pytest.fixture
def rows(shell: Shell) -> Path:
    """A model, and twenty rows of which it takes seventeen."""
    X = pd.DataFrame({"size": np.arange(20.0), "age": np.arange(20.0)})
    saved(shell.folder / "model", LinearRegression().fit(X, X["size"]), X)
    lines = ["size,age", "big,1", *(f"{i},{i}" for i in range(17)), "1,old", "big,2"]
    (shell.folder / "new.csv").write_text("\n".join(lines) + "\n")
    return shell.folder


def score(shell: Shell, *options: str) -> Finished:
    return shell.score(*GIVEN, "--on-error", "reject", *options)


def test_more_than_a_tenth_ends_with_code_3_and_says_which_column(shell: Shell, rows: Path) -> None:
    done = score(shell)
    again = score(shell, "--resume")

    for one in (done, again):
        assert one.code == 3
        assert one.error == TOLD
        assert "  3 (2 for the column 'size')" in one.out
    assert len(pd.read_csv(rows / "out.csv")) == 17
    assert pd.read_csv(rows / "out.csv.rejects.csv")["line"].tolist() == [2, 20, 21]
    assert json.loads((rows / "out.csv.manifest.json").read_text())["rows_rejected"] == 3
    assert not (rows / ".out.csv.scoring").exists()


def test_the_scoring_run_is_recorded_without_a_value_of_the_rows(shell: Shell, rows: Path) -> None:
    done = score(shell, "--json")
    run_id = done.json["scoring_run_id"]

    (folder,) = (rows / "mlruns").glob(f"*/{run_id}")
    kept = (folder / "artifacts" / "out.csv.manifest.json").read_text()

    assert (folder / "metrics" / "rows_rejected").is_file()
    assert "big" not in kept
    assert json.loads(kept)["most_rejected"] == {"column": "size", "rows": 2, "example": None}


def test_json_has_the_failure_and_the_result(shell: Shell, rows: Path) -> None:
    done = score(shell, "--json")

    told = done.json
    assert done.code == 3
    assert (told["status"], told["exit_code"]) == ("FAILED", 3)
    assert told["error"].startswith("3 of 20 rows were rejected")
    assert (told["rows_in"], told["rows_out"], told["rows_rejected"]) == (20, 17, 3)
    assert told["most_rejected"]["column"] == "size"
    assert told["rejects"] == "out.csv.rejects.csv"


@pytest.mark.parametrize("share", ["0.15", "15%", "1"])
def test_as_many_as_are_allowed_are_no_failure(shell: Shell, rows: Path, share: str) -> None:
    done = score(shell, "--max-rejects", share, "--no-track")

    assert done.code == 0
    assert "rows rejected  3 (2 for the column 'size')" in done.out


@pytest.mark.parametrize("share", ["1.1", "-1", "110%", "some", "nan"])
def test_a_share_that_is_none_is_refused(shell: Shell, rows: Path, share: str) -> None:
    done = score(shell, "--max-rejects", share)

    assert done.code == 2
    assert "--max-rejects" in done.error
    assert not (rows / "out.csv").exists()


def test_without_rejects_the_share_says_nothing(shell: Shell, rows: Path) -> None:
    done = shell.score(*GIVEN, "--max-rejects", "0.5")

    assert done.code == 3
    assert done.error.startswith("Error: new.csv line 2, column 'size': 'big' is not a number")


def test_python_finds_the_result_on_the_error(
    shell: Shell, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(rows)
    with pytest.raises(mlproject.DataError, match="3 of 20 rows were rejected") as caught:
        mlproject.score("model", "new.csv", "out.csv", on_error="reject", trust="pickle")

    assert caught.value.result.rows_rejected == 3
    assert Path(caught.value.result.rejects).is_file()
    again = mlproject.score(
        "model",
        "new.csv",
        "out.csv",
        on_error="reject",
        max_rejects=0.2,
        resume=True,
        trust="pickle",
    )
    assert again.most_rejected["column"] == "size"
