"""Scoring from and to an object store: a real server of S3's language, on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from tests.conftest import Shell, saved
from tests.object_storage import S3, serving

OPTIONS = ["--model", "model", "--no-track", "--json", "--part-size", "20KB"]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with serving() as found:
        yield found


@pytest.fixture(scope="module")
def lake(own_shell: Callable[[], Shell], s3: S3) -> Shell:
    """A folder with a model, and a bucket with two files of rows and what is no data."""
    shell = own_shell()
    # As AWS's own tools are told.
    shell.environment.update(
        AWS_ENDPOINT_URL=s3.endpoint,
        AWS_ACCESS_KEY_ID=s3.options["key"],
        AWS_SECRET_ACCESS_KEY=s3.options["secret"],
        AWS_DEFAULT_REGION="eu-west-1",
    )
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(2_000, 2)), columns=["a", "b"])
    estimator = LinearRegression().fit(X, X["a"] + 10 * X["b"])
    saved(shell.folder / "model", estimator, X, serialization_format="skops")
    store = s3.store("lake")
    for name, rows in (("1", X[:1_200]), ("2", X[1_200:])):
        store.write(f"{name}.csv", rows.to_csv(index=False).encode())
    store.write("_SUCCESS", b"")
    X.to_csv(shell.folder / "all.csv", index=False)
    scored(shell, "all.csv", "here.csv")
    return shell


def scored(shell: Shell, source: str, output: str, *options: str) -> dict[str, Any]:
    done = shell.warm("-m", "inference", *OPTIONS, "--input", source, "--output", output, *options)
    assert done.code == 0, done.err
    return done.json


@pytest.mark.parametrize("engine", ["local", "dask"])
def test_a_lake_is_scored_to_a_lake(lake: Shell, s3: S3, engine: str) -> None:
    output = f"s3://bucket/scored-{engine}/"
    result = scored(lake, "s3://bucket/lake/", output, "--engine", engine, "--jobs", "2")
    store = s3.store(f"scored-{engine}")
    manifest = json.loads(store.read("_manifest.json"))
    parts = [pd.read_parquet(store.open(part["name"])) for part in manifest["output"]["parts"]]
    rows = pd.concat(parts, ignore_index=True)

    assert result["rows_out"] == 2_000
    assert result["output"] == output
    assert len(parts) > 2
    assert store.names() == [
        "_manifest.json",
        *(part["name"] for part in manifest["output"]["parts"]),
    ]
    assert store.folders() == []
    expected = pd.read_csv(lake.folder / "here.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(rows, expected, rtol=1e-12)


def test_one_file_is_put_into_a_bucket_whole(lake: Shell, s3: S3) -> None:
    scored(lake, "all.csv", "s3://bucket/one/scored.csv")
    store = s3.store("one")

    assert store.read("scored.csv") == (lake.folder / "here.csv").read_bytes()
    assert store.names() == ["scored.csv", "scored.csv.manifest.json"]
    refused = lake.score(*OPTIONS, "--input", "all.csv", "--output", "s3://bucket/one/scored.csv")
    assert refused.code == 2
    assert "s3://bucket/one/scored.csv already exists" in refused.error
    again = scored(lake, "all.csv", "s3://bucket/one/scored.csv", "--resume")
    assert again["rows_resumed"] == 2_000


def test_a_store_that_nobody_has_a_key_for_is_one_line(lake: Shell) -> None:
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    without = {name: value for name, value in lake.environment.items() if name not in keys}
    shell = Shell(lake.folder, without | {"AWS_EC2_METADATA_DISABLED": "true"})
    done = shell.score(*OPTIONS, "--input", "all.csv", "--output", "s3://lake/private/")

    assert done.code == 2, done.err
    assert "s3://lake/private/ cannot be written: s3://lake/private/" in done.error
    assert "credentials" in done.error


def test_a_bucket_that_is_not_there_is_one_line(lake: Shell) -> None:
    done = lake.score(*OPTIONS, "--input", "all.csv", "--output", "s3://nowhere/scored/")

    assert done.code in (2, 3)
    assert "s3://nowhere/scored" in done.error
    assert "bucket does not exist" in done.error
