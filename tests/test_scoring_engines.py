"""Scoring on Dask and on Spark: the bytes of this process, and what is said when they fail."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.conftest import Shell, dask_cluster, free_port, saved

OPTIONS = ["--model", "model", "--input", "in.csv", "--trust", "pickle", "--batch-rows", "1024"]
OPTIONS += ["--method", "predict_proba", "--on-error", "reject", "--output"]


@pytest.fixture(scope="module")
def folder(own_shell: Callable[[], Shell]) -> Shell:
    """A folder with a model, an input with two bad rows, and what this process makes of it."""
    shell = own_shell()
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(5_000, 4)), columns=list("abcd"))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X["a"] > X["b"])
    saved(shell.folder / "model", model, X)
    X.loc[17, "c"] = None
    X.loc[4_000, "d"] = np.inf
    X.to_csv(shell.folder / "in.csv", index=False)
    scored(shell, "local.csv")
    return shell


def scored(shell: Shell, output: str, *options: str, **more: str) -> dict[str, Any]:
    done = shell.python(
        "-m", "inference", *OPTIONS, output, "--no-track", "--json", *options, **more
    )
    assert done.code == 0, done.err
    result = done.json
    assert (result["rows_in"], result["rows_out"], result["rows_rejected"]) == (5_000, 4_998, 2)
    return result


def same(folder: Path, output: str) -> bool:
    rejects = f"{output}.rejects.csv"
    return all(
        (folder / one).read_bytes() == (folder / other).read_bytes()
        for one, other in ((output, "local.csv"), (rejects, "local.csv.rejects.csv"))
    )


def test_dask_scores_the_same_bytes(folder: Shell) -> None:
    scored(folder, "dask.csv", "--engine", "dask", "--jobs", "2")

    assert same(folder.folder, "dask.csv")


@pytest.mark.parametrize("planted", [False, True], ids=["empty", "planted"])
def test_the_code_that_workers_get_is_kept_once_and_out_of_reach(
    folder: Shell, tmp_path: Path, *, planted: bool
) -> None:
    """A worker that is ended cannot tidy up, so that whatever it leaves has to be one file."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    home = tmp_path / f"mlproject-code-{user}"
    if planted:  # by another user of the machine, who could write there
        home.mkdir()
        home.chmod(0o777)
    for output in ("first.csv", "second.csv"):
        options = ("--engine", "dask", "--jobs", "2", "--overwrite")
        scored(folder, output, *options, TMPDIR=str(tmp_path))

    found = [path.parent == home for path in tmp_path.rglob("*.zip")]
    if planted:
        assert found
        assert not any(found)
    else:
        assert found == [True]
        assert home.stat().st_mode & 0o077 == 0


def test_a_dask_cluster_that_is_there_scores_and_needs_none_of_our_code(folder: Shell) -> None:
    blocked = folder.folder.parent / "blocked"
    blocked.mkdir()
    for name in ("inference", "mlproject"):
        (blocked / f"{name}.py").write_text("raise ImportError('none of our code is here')")
    address = f"tcp://127.0.0.1:{free_port()}"
    elsewhere = folder.environment | {"PYTHONPATH": str(blocked)}
    with dask_cluster(address, folder.folder.parent, elsewhere):
        scored(folder, "cluster.csv", "--engine", "dask", DASK_SCHEDULER_ADDRESS=address)

    assert same(folder.folder, "cluster.csv")


def test_a_cluster_that_is_not_there_is_one_line_and_keeps_what_is_scored(folder: Shell) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    done = folder.score(
        *OPTIONS, "gone.csv", "--engine", "dask", "--no-track", DASK_SCHEDULER_ADDRESS=address
    )

    assert done.code == 2
    assert f"No Dask scheduler answers at {address}" in done.error
    assert not list(folder.folder.glob("*gone.csv*"))


@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not here")
def test_spark_scores_the_same_bytes(folder: Shell) -> None:
    scored(folder, "spark.csv", "--engine", "spark", "--jobs", "2")

    assert same(folder.folder, "spark.csv")


def test_spark_without_java_is_one_line(folder: Shell) -> None:
    options = ["--engine", "spark", "--no-track"]
    done = folder.python(
        "-m", "inference", *OPTIONS, "no-java.csv", *options, JAVA_HOME="/no/java", PATH="/bin-none"
    )

    assert done.code == 2
    assert "Spark cannot be started" in done.error
    assert "It needs Java 17 or newer" in done.error
