"""Whatever a file looks like and however it is cut: what scikit-learn says, row for row."""

from __future__ import annotations

import csv
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from tests import any_files
from tests.any_files import Model, Shape, Source, shapes

often = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
NEEDS_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Model]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's, that whole numbers have no gaps
        return any_files.models(tmp_path_factory.mktemp("models"))


def scored(shape: Shape, model: Model, source: Source, output: str, **more: Any) -> Any:
    """Score with the options of a shape."""
    import mlproject

    size = sum(path.stat().st_size for path in source.path.iterdir())
    keep = ",".join(any_files.kept_of(shape, source, model)) if shape.keep == "some" else shape.keep
    return mlproject.score(
        str(model.path),
        source.path,
        output,
        format=shape.output[:-1] if shape.output.endswith("/") else None,
        encoding="cp1252" if (shape.format, shape.encoding) == ("csv", "cp1252") else None,
        delimiter=shape.delimiter if shape.format == "csv" else None,
        decimal="," if shape.format == "csv" and shape.delimiter == ";" else None,
        method="predict_proba" if any_files.is_proba(shape, model) else "predict",
        keep=keep,
        on_error="reject",
        max_rejects=1.0,
        part_size=f"{max(1, size // shape.parts)}B",
        trust=("pickle",),
        track=False,
        progress=False,
        **more,
    )


def rejects_of(folder: Path, output: str) -> list[tuple[str, int]]:
    where = folder / output
    if output.endswith("/"):
        paths = sorted((where / "_rejects").glob("part-*.csv"))
    else:
        paths = [folder / f"{output}.rejects.csv"]
    found = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as file:
            found += [(row["file"], int(row["line"])) for row in csv.DictReader(file)]
    return found


def check(shape: Shape, model: Model, source: Source, folder: Path) -> None:
    """Score a source, and compare all that is written with what scikit-learn says."""
    output = shape.output if not shape.output.endswith("/") else "parts/"
    tally = scored(shape, model, source, f"{folder}/{output}")
    meant = any_files.expected(shape, model, source)
    counts = tally.rows_in, tally.rows_out, tally.rows_rejected
    assert rejects_of(folder, output) == source.rejects
    assert counts == (sum(shape.files), len(meant), len(source.rejects)), counts

    kind = shape.output.rstrip("/").rpartition(".")[2]
    rows = any_files.read_back(folder / output, kind)
    assert len(rows) == len(meant)
    kept = any_files.kept_of(shape, source, model)
    comma = shape.format == "csv" and shape.delimiter == ";"
    for name in kept:
        for number, (row, value) in enumerate(zip(rows, source.frame[name], strict=True)):
            told = f"{name} of row {number}: {row.get(name)!r}, not {value!r}"
            assert any_files.same_value(name, row.get(name), value, comma=comma), told
    for name in meant.columns if rows else []:
        found = [row[name] for row in rows]
        if meant[name].dtype == object:
            assert found == meant[name].tolist()
        else:
            np.testing.assert_allclose(
                np.array(found, float), meant[name].to_numpy(float), rtol=1e-9, atol=1e-9
            )
        assert all(set(row) == {*kept, *meant.columns} for row in rows) or kind == "jsonl"
    left = {path.name for path in folder.iterdir()} - {"in", output.rstrip("/")}
    assert left <= {f"{output}.manifest.json", f"{output}.rejects.csv"}


@contextmanager
def case(shape: Shape, models: list[Model]) -> Iterator[tuple[Model, Source, Path]]:
    with TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = models[shape.model]
        source = any_files.written(shape, model, Path(name))
        # Where no row names a column, nothing says that it is the model's input.
        assume(shape.format != "jsonl" or len(source.frame) or not source.rejects)
        yield model, source, Path(name)


def scored_as_meant(shape: Shape, models: list[Model]) -> None:
    with case(shape, models) as (model, source, folder):
        check(shape, model, source, folder)


@settings(often, max_examples=80)
@given(shape=shapes)
def test_any_file_is_scored_as_scikit_learn_would(shape: Shape, models: list[Model]) -> None:
    scored_as_meant(shape, models)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(often, max_examples=2000, derandomize=False)
@given(shape=shapes)
def test_many_files_are_scored_as_scikit_learn_would(shape: Shape, models: list[Model]) -> None:
    scored_as_meant(shape, models)


@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    """The address of a cluster of two processes."""
    distributed = pytest.importorskip("distributed")
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def spark_session() -> Iterator[None]:
    """A session that is there already, which is used."""
    sql = pytest.importorskip("pyspark.sql")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.config("spark.log.level", "ERROR").getOrCreate()
    session.sparkContext.pythonExec = sys.executable
    yield
    session.stop()


def bytes_are_the_same(shape: Shape, models: list[Model], engine: str) -> None:
    """Score here and on a cluster, and compare every file that is written."""
    ending = "parts/" if shape.output.endswith("/") else shape.output
    with case(shape, models) as (model, source, folder):
        made = {}
        for where in ("local", engine):
            (folder / where).mkdir()
            scored(shape, model, source, f"{folder}/{where}/{ending}", engine=where)
            paths = [path for path in (folder / where).rglob("*") if path.is_file()]
            made[where] = {str(p.relative_to(folder / where)): p.read_bytes() for p in paths}
        assert made[engine] == made["local"]


@settings(often, max_examples=6)
@given(shape=shapes)
def test_dask_writes_the_same_bytes(
    shape: Shape, models: list[Model], dask_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask_address)
    bytes_are_the_same(shape, models, "dask")


@NEEDS_JAVA
@settings(often, max_examples=6)
@given(shape=shapes)
def test_spark_writes_the_same_bytes(
    shape: Shape, models: list[Model], spark_session: None
) -> None:
    bytes_are_the_same(shape, models, "spark")


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(often, max_examples=200, derandomize=False)
@given(shape=shapes)
def test_dask_writes_the_same_bytes_of_many_files(
    shape: Shape, models: list[Model], dask_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", dask_address)
    bytes_are_the_same(shape, models, "dask")


@NEEDS_JAVA
@pytest.mark.nightly
@pytest.mark.timeout(7200)
@settings(often, max_examples=200, derandomize=False)
@given(shape=shapes)
def test_spark_writes_the_same_bytes_of_many_files(
    shape: Shape, models: list[Model], spark_session: None
) -> None:
    bytes_are_the_same(shape, models, "spark")
