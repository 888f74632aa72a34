"""A settings file is believed as far as it is the user's own; what is dangerous needs consent."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.conftest import Shell, saved

NAME = ".mlproject.yaml"
ELSEWHERE = "tracking: https://elsewhere.example\n"


def origin(shell: Shell, folder: Path) -> str:
    done = Shell(folder, shell.environment).mlproject("tracking", "show", "--json")
    assert done.code == 0, done.err
    return str(done.json["origin"])


def test_a_file_above_the_repository_is_not_read(shell: Shell) -> None:
    deep = shell.folder / "repository" / "deep"
    deep.mkdir(parents=True)
    (deep.parent / ".git").mkdir()
    (shell.folder / NAME).write_text(ELSEWHERE)

    assert origin(shell, deep) == "the default"
    (deep.parent / NAME).write_text("tracking: local\n")
    assert origin(shell, deep) == str(deep.parent / NAME)


def test_a_file_above_home_is_not_read(shell: Shell) -> None:
    home = Path(shell.environment["HOME"])
    (home / "deep").mkdir()
    (home.parent / NAME).write_text(ELSEWHERE)

    assert origin(shell, home / "deep") == "the default"
    (home / NAME).write_text("tracking: local\n")
    assert origin(shell, home / "deep") == str(home / NAME)


def test_outside_both_only_this_folder_counts(shell: Shell) -> None:
    (shell.folder / "deep").mkdir()
    (shell.folder / NAME).write_text(ELSEWHERE)

    assert origin(shell, shell.folder / "deep") == "the default"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_that_everybody_may_write_is_refused(shell: Shell) -> None:
    (shell.folder / NAME).write_text("tracking: local\n")
    (shell.folder / NAME).chmod(0o666)
    done = shell.mlproject("tracking", "show")

    assert done.code == 2
    assert "can be written by everybody, so it is not used. Run chmod o-w" in done.error


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
def test_a_file_of_another_user_is_refused(shell: Shell) -> None:
    (shell.folder / NAME).write_text("tracking: local\n")
    os.chown(shell.folder / NAME, 12345, 12345)
    done = shell.mlproject("tracking", "show")

    assert done.code == 2
    assert "belongs to another user, so it is not used" in done.error


@pytest.mark.filterwarnings("ignore")
def test_trust_in_a_file_opens_nothing_until_it_is_allowed(shell: Shell) -> None:
    X = pd.DataFrame({"a": np.arange(3.0)})
    saved(shell.folder / "model", LinearRegression().fit(X, X["a"]), X)
    X.to_csv(shell.folder / "x.csv", index=False)
    options = ["--model", "model", "--input", "x.csv", "--output", "o.csv", "--no-track"]
    (shell.folder / NAME).write_text("trust: [pickle]\n")
    refused = shell.score(*options)

    assert refused.code == 2
    assert f"{NAME} says 'trust: pickle', which you have not allowed" in refused.error
    assert "mlproject allow" in refused.error
    assert not (shell.folder / "o.csv").exists()

    allowed = shell.mlproject("allow", "--json")
    assert allowed.json == {"path": str(shell.folder / NAME), "allowed": ["trust: pickle"]}
    assert shell.score(*options).code == 0

    other = f"sha256:{'0' * 64}"
    (shell.folder / NAME).write_text(f"trust: [{other}]\n")
    again = shell.score(*options, "--overwrite")
    assert (again.code, f"'trust: {other}'" in again.error) == (2, True), again.err


def test_a_server_elsewhere_is_asked_nothing_until_it_is_allowed(shell: Shell) -> None:
    (shell.folder / NAME).write_text(ELSEWHERE)
    refused = shell.mlproject("tracking", "show")

    assert refused.code == 2
    assert "says 'tracking: https://elsewhere.example', which you have not allowed" in refused.error
    assert shell.mlproject("allow").code == 0
    assert shell.mlproject("tracking", "show").code == 0


@pytest.mark.parametrize(
    "address", [r"http://elsewhere\\@localhost:5000", "http://localhost@elsewhere"]
)
def test_what_looks_like_this_machine_is_elsewhere(shell: Shell, address: str) -> None:
    (shell.folder / NAME).write_text(f"tracking: '{address}'\n")

    assert shell.mlproject("tracking", "show").code == 2


def test_saving_a_target_allows_nothing_else(shell: Shell) -> None:
    (shell.folder / NAME).write_text("trust: [pickle]\n")
    assert shell.mlproject("tracking", "use", "sqlite:///runs.db").code == 0
    X = pd.DataFrame({"a": np.arange(3.0)})
    X.to_csv(shell.folder / "x.csv", index=False)
    done = shell.score("--model", "m", "--input", "x.csv", "--output", "o.csv", "--no-track")

    assert (done.code, "which you have not allowed" in done.error) == (2, True), done.err


def test_without_a_file_there_is_nothing_to_allow(shell: Shell) -> None:
    done = shell.mlproject("allow")

    assert (done.code, done.error) == (
        2,
        f"Error: There is no {NAME} here or above in the project.",
    )


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_damaged_record_of_what_is_allowed_is_named(shell: Shell, content: str) -> None:
    (shell.folder / NAME).write_text(ELSEWHERE)
    assert shell.mlproject("allow").code == 0
    (record,) = Path(shell.environment["HOME"]).rglob("allowed.json")
    record.write_text(content)
    done = shell.mlproject("tracking", "show")

    assert done.code == 2
    assert f"{record} is damaged. Remove it, and run 'mlproject allow'" in done.error
