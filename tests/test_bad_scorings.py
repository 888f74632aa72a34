"""Scorings that cannot go well: what is said, what stays, and what is never touched."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Shell, dask_cluster, free_port, saved
from tests.obedient_model import OPTIONS, PARTS, ROWS, Obedient, obedient

EACH_SIZE = pytest.mark.parametrize("part_size", ["40B", "700B", "1MB"])


@pytest.fixture
def scoring(shell: Shell) -> Obedient:
    return obedient(shell)


@pytest.fixture(scope="module")
def identity(own_shell: Callable[[], Shell]) -> Shell:
    """A folder with a model that returns its one feature, and fails for no row."""
    shell = own_shell()

    class Same:
        def fit(self, X: Any, y: Any = None) -> Same:
            return self

        def predict(self, X: Any) -> Any:
            return X["x"].to_numpy(float)

    saved(shell.folder / "model", Same(), pd.DataFrame({"x": [1.0, 2.0, np.nan]}))
    return shell


def parquet_bytes() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"x": [1.0, 2.0]}), sink)
    return sink.getvalue()


def spoilt(scoring: Obedient, *rows: int) -> None:
    lines = (scoring.folder / "in.csv").read_text().splitlines()
    for row in rows:
        lines[row + 1] = f"{row},no number"
    (scoring.folder / "in.csv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("output", ["out.csv", "parts/"])
def test_the_first_bad_row_is_named_and_setting_it_aside_scores_no_part_again(
    scoring: Obedient, output: str
) -> None:
    spoilt(scoring, 3_100, 3_105, 5_900)
    options = [*scoring.options, "--output", output, "--jobs", "4"]

    failed = scoring.shell.score(*options)

    assert failed.code == 3
    assert "in.csv line 3102, column 'x': 'no number' is not a number" in failed.error
    kept = len(scoring.committed(output))
    assert kept >= 6  # those before it, whatever ran beside it
    scoring.asked()
    done = scoring.shell.score(*options, "--resume", "--on-error", "reject", "--json")
    assert done.code == 0, done.err
    assert len(scoring.asked()) == PARTS - kept
    assert (done.json["rows_out"], done.json["rows_rejected"]) == (ROWS - 3, 3)
    assert done.json["rows_resumed"] >= 3_000


def test_a_bad_row_at_the_start_is_told_before_another_part_is_begun(scoring: Obedient) -> None:
    spoilt(scoring, 20)

    failed = scoring.shell.score(*scoring.options, "--output", "out.csv", "--jobs", "1")

    assert (failed.code, "in.csv line 22" in failed.error) == (3, True), failed.err
    assert len(scoring.asked()) <= 1


def test_a_source_that_changes_before_a_run_is_resumed_is_scored_anew(scoring: Obedient) -> None:
    spoilt(scoring, 3_100)
    options = [*scoring.options, "--output", "out.csv"]
    assert scoring.shell.score(*options).code == 3
    lines = (scoring.folder / "in.csv").read_text().replace("no number", "0.5").splitlines()
    lines[1] = "0.0,0.25"
    (scoring.folder / "in.csv").write_text("\n".join(lines) + "\n")
    scoring.asked()

    done = scoring.shell.score(*options, "--resume", "--json")

    assert (done.code, done.json["rows_resumed"]) == (0, 0), done.err
    assert "in.csv has changed since the interrupted run: its rows are scored again" in done.err
    found = pd.read_csv(scoring.folder / "out.csv")
    np.testing.assert_allclose(found["prediction"][[0, 3_100]], [0.5, 1.0])


def test_a_source_that_changes_while_it_is_read_ends_in_one_line(scoring: Obedient) -> None:
    scoring.hold(3_000)
    process = scoring.shell.start(
        "-m", "inference", *scoring.options, "--output", "out.csv", "--jobs", "1"
    )
    while (
        not (scoring.folder / "asked").exists()
        or max(map(int, (scoring.folder / "asked").read_text().split()), default=0) < 3_000
    ):
        assert process.poll() is None
    with (scoring.folder / "in.csv").open("a") as file:
        file.write("1,1\n")
    scoring.go_on()
    _, said = process.communicate()

    assert process.poll() == 3
    assert "in.csv was changed while it was read" in said
    assert not (scoring.folder / "out.csv").exists()


def test_a_folder_with_other_content_is_refused_and_kept(identity: Shell) -> None:
    (identity.folder / "x.csv").write_text("x\n1\n")
    other = identity.folder / "other"
    other.mkdir()
    (other / "part-of-a-life.txt").write_text("dear")
    for more in ([], ["--overwrite"], ["--resume"], ["--resume", "--overwrite"]):
        done = identity.score(
            *OPTIONS[:2], "--input", "x.csv", *OPTIONS[4:], "--output", "other/", *more
        )

        assert done.code == 2, done.err
        assert "other/ holds other files, such as part-of-a-life.txt" in done.error
        assert [path.name for path in other.iterdir()] == ["part-of-a-life.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_named_pipe_is_not_replaced(identity: Shell) -> None:
    (identity.folder / "x.csv").write_text("x\n1\n")
    for name in ("pipe.csv", "y.csv.manifest.json", "z.csv.rejects.csv"):
        os.mkfifo(identity.folder / name)
        output = name.removesuffix(".manifest.json").removesuffix(".rejects.csv")
        options = ["--input", "x.csv", *OPTIONS[4:], "--output", output, "--on-error", "reject"]
        done = identity.score(*OPTIONS[:2], *options, "--overwrite")

        assert done.code == 2, (name, done.err)
        assert stat.S_ISFIFO((identity.folder / name).stat().st_mode), name


def test_a_lonely_prediction_that_is_missing_keeps_its_row_in_csv(identity: Shell) -> None:
    (identity.folder / "gap.csv").write_text('x\n1\n""\n3\n')
    for output in ("gap-out.csv", "gap-parts/"):
        more = ["--format", "csv"] if output.endswith("/") else []
        done = identity.score(
            *OPTIONS[:2],
            *("--input", "gap.csv", *OPTIONS[4:], "--keep", "none", "--output", output, *more),
        )
        assert done.code == 0, done.err
    for path in (identity.folder / "gap-out.csv", identity.folder / "gap-parts/part-00000.csv"):
        assert path.read_text() == 'prediction\n1.0\n""\n3.0\n'.replace(".0", path_zero(path))


def path_zero(path: Path) -> str:
    """Return how the output writes a whole float."""
    return ".0" if ".0" in path.read_text() else ""


@EACH_SIZE
def test_columns_that_no_model_takes_have_the_types_of_all_their_values(
    identity: Shell, part_size: str
) -> None:
    rows = 60
    frame = pd.DataFrame(
        {
            "x": np.arange(rows) / 4,
            "whole": [str(number) for number in range(rows)],
            "float": [str(number) for number in range(rows - 1)] + ["0.5"],
            "truth": ["true", "false"] * (rows // 2),
            "code": [f"{number:04d}" for number in range(rows)],
            "late code": [str(number + 1) for number in range(rows - 1)] + ["007"],
            "late text": ["1"] * (rows - 2) + ["0.5", "none of it"],
            "gaps": [""] * (rows - 1) + ["7"],
            "nothing": [""] * rows,
            "long": [str(number) for number in range(rows - 1)] + [str(10**19)],
            "ids": [str(10**17 + number) for number in range(rows)],
            "ids and a fraction": [str(10**17 + number) for number in range(rows - 1)] + ["0.5"],
            "exact": [str(2**53 + 1)] * (rows - 1) + ["0.5"],
        }
    )
    frame.to_csv(identity.folder / "types.csv", index=False)
    for kind in ("parquet", "jsonl"):
        output = f"types-{part_size}.{kind}"
        done = identity.score(
            *OPTIONS[:2],
            *("--input", "types.csv", *OPTIONS[4:], "--part-size", part_size, "--output", output),
        )
        assert done.code == 0, done.err
    table = pq.read_table(identity.folder / f"types-{part_size}.parquet")
    text = pa.string()
    assert {name: table.schema.field(name).type for name in frame.columns[1:]} == {
        "whole": pa.int64(),
        "float": pa.float64(),
        "truth": pa.bool_(),
        "code": text,
        "late code": text,
        "late text": text,
        "gaps": pa.int64(),
        "nothing": pa.float64(),
        "long": text,
        "ids": pa.int64(),
        "ids and a fraction": text,
        "exact": text,
    }
    for name in ("late text", "late code", "ids and a fraction", "exact"):
        assert table[name].to_pylist() == frame[name].tolist()
    lines = (identity.folder / f"types-{part_size}.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert (last["whole"], last["code"], last["late code"]) == (59, "0059", "007")


def test_long_numbers_are_whole_where_another_file_has_fractions(identity: Shell) -> None:
    folder = identity.folder / "long"
    folder.mkdir()
    (folder / "1.csv").write_text(f"x,id\n1,{10**17 + 1}\n")
    (folder / "2.csv").write_text("x,id\n2,0.5\n")
    options = ["--input", "long", *OPTIONS[4:], "--output", "long.parquet"]

    done = identity.score(*OPTIONS[:2], *options)

    assert done.code == 0, done.err
    found = pq.read_table(identity.folder / "long.parquet")["id"].to_pylist()
    assert found == [str(10**17 + 1), "0.5"]


@pytest.mark.parametrize("on_error", ["fail", "reject"])
def test_parquet_files_of_other_types_end_in_one_line(identity: Shell, on_error: str) -> None:
    folder = identity.folder / f"mixed-{on_error}"
    folder.mkdir()
    for number, kind in enumerate([[1, 2], ["a", "b"]]):
        pq.write_table(pa.table({"x": [1.0, 2.0], "more": kind}), folder / f"{number}.parquet")
    options = ["--input", folder.name, *OPTIONS[4:], "--on-error", on_error, "--output"]

    refused = identity.score(*OPTIONS[:2], *options, f"mixed-{on_error}.parquet")

    assert refused.code == 3, refused.err
    assert "The column 'more' of" in refused.error
    assert "1.parquet is string, and was int64 before" in refused.error
    done = identity.score(*OPTIONS[:2], *options, f"x-{on_error}.csv", "--keep", "x")
    assert done.code == 0, done.err
    found = (identity.folder / f"x-{on_error}.csv").read_text()
    assert found == "x,prediction\n1,1\n2,2\n1,1\n2,2\n".replace("\n0", "\n")


@pytest.mark.nightly
def test_memory_does_not_grow_with_the_rows_that_are_bad(identity: Shell) -> None:
    peaks = []
    for rows in (200_000, 2_000_000):  # of parts that are alike
        (identity.folder / "bad.csv").write_text("x\n" + "no number\n" * rows)
        done = identity.python(
            *("-m", "inference", "--model", "model", "--input", "bad.csv", *OPTIONS[4:]),
            *("--output", f"bad-{rows}.csv", "--on-error", "reject", "--max-rejects", "1"),
            *("--part-size", "1MB"),
            "--json",
        )
        assert (done.code, done.json["rows_rejected"]) == (0, rows), done.err
        peaks.append(done.json["peak_rss_mb"])
    assert peaks[1] < 1.3 * peaks[0]


@pytest.fixture
def cluster(request: pytest.FixtureRequest, identity: Shell, tmp_path: Path) -> Iterator[str]:
    """The address of a cluster whose worker has another release of scikit-learn."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as metadata\n"
        "known = metadata.version\n"
        "metadata.version = lambda name: '0.1' if name == 'scikit-learn' else known(name)\n"
    )
    address = f"tcp://127.0.0.1:{free_port()}"
    elsewhere = identity.environment | {"PYTHONPATH": str(tmp_path)}
    with dask_cluster(address, tmp_path, elsewhere):
        yield address


def test_workers_that_differ_or_do_not_share_the_output_are_refused(
    identity: Shell, cluster: str
) -> None:
    (identity.folder / "x.csv").write_text("x\n1\n2\n")
    options = ["--model", "model", "--input", "x.csv", *OPTIONS[4:], "--engine", "dask"]

    def score(*more: str) -> Any:
        return identity.score(*options, *more, DASK_SCHEDULER_ADDRESS=cluster)

    differs = score("--output", "other.csv")
    assert differs.code == 2, differs.err
    assert "has scikit-learn 0.1, but the caller has" in differs.error
    assert not list(identity.folder.glob("*other.csv*"))

    done = score("--output", "other.csv", "--allow-versions")
    assert done.code == 0, done.err

    unshared = score("--output", "memory://there/", "--allow-versions")
    assert unshared.code == 2, unshared.err
    assert "memory://there/ cannot be seen here" in unshared.error


@pytest.mark.parametrize("more", [["--resume"], ["--overwrite"]])
def test_a_part_that_nobody_has_made_is_not_removed(scoring: Obedient, more: list[str]) -> None:
    options = [*scoring.options, "--output", "parts/"]
    assert scoring.shell.score(*options).code == 0
    foreign = scoring.folder / "parts" / "part-00099.parquet"
    foreign.write_text("mine")
    done = scoring.shell.score(*options, *more)

    assert (done.code, foreign.read_text()) == (2, "mine")
    assert "parts/ holds other files, such as part-00099.parquet" in done.error


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'x\n1\n"2,5"\n', "'2,5' is not a number. If that is a decimal comma, add --decimal ','."),
        (b"x,name\n1,a\n2,caf\xe9\n", "not UTF-8 text. If the file has another encoding, give it"),
        (gzip.compress(b"x\n1\n"), "in.csv is not text but gzip: name it with .gz at the end"),
        (b"PK\x03\x04 and so on", "in.csv is not text but a ZIP archive or an Excel workbook"),
        (parquet_bytes(), "in.csv is not text but Parquet: name it with .parquet at the end"),
        (bz2.compress(b"x\n1\n"), "in.csv is not text but bzip2: unpack it"),
    ],
    ids=["decimal comma", "Windows-1252", "gzip", "Excel", "Parquet", "bzip2"],
)
def test_a_file_that_is_not_what_it_seems_is_told_with_what_to_do(
    identity: Shell, content: bytes, told: str
) -> None:
    (identity.folder / "in.csv").write_bytes(content)

    done = identity.score(
        *("--model", "model", "--trust", "pickle"), *("--input", "in.csv", "--output", "o.csv")
    )

    assert done.code == 3, done.err
    assert told in done.err
    assert not (identity.folder / "o.csv").exists()


@pytest.mark.parametrize("first", ["PAR1", "BZh", "PK"])
def test_a_column_may_be_called_as_other_files_begin(identity: Shell, first: str) -> None:
    (identity.folder / "in.csv").write_text(f"{first},x\n1,2\n")

    done = identity.score(
        *("--model", "model", "--trust", "pickle"),
        *("--input", "in.csv", "--output", f"{first}.csv"),
    )

    assert done.code == 0, done.err


def test_the_id_of_a_run_is_not_taken_for_a_folder(identity: Shell) -> None:
    run_id = "0123456789abcdef0123456789abcdef"
    (identity.folder / "in.csv").write_text("x\n1\n")

    done = identity.score("--model", run_id, "--input", "in.csv", "--output", "o.csv")

    assert done.code == 5
    assert f"If that is the id of a run, give --run-id {run_id}." in done.err
