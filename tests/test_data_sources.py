"""Every form in which data may come, and the hash that is recorded of it."""

from __future__ import annotations

import gzip
import hashlib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlproject.base.errors import DataError
from mlproject.base.redaction import redacted, redacted_text
from mlproject.data import table as tables
from tests.conftest import served

FRAME = pd.DataFrame(
    {"area": [40.5, 50.0, None], "rooms": [1, 2, 3], "kind": ["flat", "höuse", np.nan]}
)


def write(path: Path, frame: pd.DataFrame = FRAME) -> Path:
    """Write a frame in the format of the path's ending."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        data = frame.to_csv(index=False).encode()
    elif name.endswith(".parquet"):
        data = frame.to_parquet(index=False)
    else:
        data = frame.to_json(orient="records", lines=True, force_ascii=False).encode()
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


@pytest.fixture
def web(work: Path) -> Iterator[str]:
    with served(work) as address:
        yield address


@pytest.mark.parametrize(
    "name",
    ["t.csv", "t.parquet", "t.jsonl", "t.ndjson", "t.csv.gz", "t.parquet.gz", "t.jsonl.gz"],
)
def test_every_format_gives_the_same_frame_and_the_hash_of_its_file(work: Path, name: str) -> None:
    path = write(work / name)
    table = tables.load(name)

    pd.testing.assert_frame_equal(table.frame, FRAME, check_dtype=True)
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (table.rows, table.name, table.source) == (3, "t", str(path))


def test_the_hash_covers_what_comes_after_the_first_ten_thousand_rows(work: Path) -> None:
    frame = pd.DataFrame({"x": range(20_000)})
    write(work / "a.csv", frame)
    frame.loc[19_999, "x"] = -1
    write(work / "b.csv", frame)

    assert tables.load("a.csv").sha256 != tables.load("b.csv").sha256


def test_a_folder_and_a_glob_are_read_in_the_order_of_their_names(work: Path) -> None:
    (work / "lake" / "deep").mkdir(parents=True)
    write(work / "lake" / "b.csv", pd.DataFrame({"x": [3], "y": [4]}))
    write(work / "lake" / "a.csv", pd.DataFrame({"y": [2], "x": [1]}))
    write(work / "lake" / "deep" / "c.csv", pd.DataFrame({"x": [5.5], "y": [6]}))
    (work / "lake" / "_SUCCESS").write_text("")

    assert tables.load("lake").frame["x"].tolist() == [1, 3, 5.5]
    assert tables.load("lake/*.csv").frame["x"].tolist() == [1, 3]
    assert tables.load("lake/**/*.csv").frame["x"].tolist() == [1, 3, 5.5]
    assert tables.load("lake").files == 3


def test_files_with_other_columns_are_refused_by_name(work: Path) -> None:
    write(work / "a.csv", pd.DataFrame({"x": [1]}))
    write(work / "b.csv", pd.DataFrame({"z": [1]}))

    with pytest.raises(DataError, match=r"b\.csv has other columns than .*a\.csv: x, z"):
        tables.load("*.csv")


def test_an_address_is_read_and_its_secrets_are_not_recorded(work: Path, web: str) -> None:
    write(work / "t.csv")
    table = tables.load(f"{web}/t.csv?sig=s3cret")

    pd.testing.assert_frame_equal(table.frame, FRAME)
    assert table.source == f"{web}/t.csv"
    assert "s3cret" not in repr(table)


def test_an_address_with_nothing_behind_it_is_one_error(work: Path, web: str) -> None:
    with pytest.raises(DataError, match=rf"^Nothing at {web}/no\.csv$"):
        tables.load(f"{web}/no.csv?sig=s3cret")


def test_a_host_that_does_not_answer_is_one_error(work: Path) -> None:
    with pytest.raises(DataError, match=r"^http://127\.0\.0\.1:9/t\.csv cannot be read: "):
        tables.load("http://127.0.0.1:9/t.csv")


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlproject.data.remote.SILENCE", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/t.csv"

        with pytest.raises(DataError, match=r"t\.csv cannot be read: the server sent nothing for"):
            tables.load(address)


def test_any_filesystem_of_fsspec_is_read(work: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/lake/a.csv", FRAME.to_csv(index=False).encode())
    memory.pipe("/lake/b.csv", FRAME.to_csv(index=False).encode())

    assert tables.load("memory://lake/a.csv").rows == 3
    assert tables.load("memory://lake").rows == 6
    assert tables.load("memory://lake/*.csv").rows == 6


def test_a_kind_of_address_that_nobody_knows_is_one_error(work: Path) -> None:
    with pytest.raises(DataError, match="nope://x/t.csv cannot be read: .*nope"):
        tables.load("nope://x/t.csv")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_seen_in_the_header(work: Path, delimiter: str) -> None:
    (work / "t.csv").write_text(f"a{delimiter}b\n1{delimiter}2\n")

    assert tables.load("t.csv").frame.to_dict("list") == {"a": [1], "b": [2]}


def test_decimal_commas_are_numbers_where_semicolons_separate(work: Path) -> None:
    (work / "t.csv").write_text("a;b;c\n1,5;2;x\n-3;4;y,5\n")

    assert tables.load("t.csv").frame.to_dict("list") == {
        "a": [1.5, -3.0],
        "b": [2, 4],
        "c": ["x", "y,5"],
    }


def test_a_type_that_changes_late_in_the_file_is_seen(work: Path) -> None:
    rows = "".join(f"{i}\n" for i in range(400_000))
    (work / "t.csv").write_text(f"x\n{rows}0.5\n")

    assert tables.load("t.csv").frame["x"].iloc[-1] == 0.5


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.jsonl", b'{"a": 1}\n{"a" 2}\n', r"t\.jsonl cannot be read: line 2: "),
        ("t.jsonl", b'{"a": 1}\n{"a": "x"}\n', r"line 2: .*changed from number to string"),
        ("t.parquet", b"not parquet at all", r"t\.parquet cannot be read: .*Parquet magic"),
        ("t.csv.gz", b"not gzip", r"t\.csv\.gz cannot be read: "),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 9999)[:-20], r"t\.csv\.gz cannot be read: "),
    ],
)
def test_a_broken_file_is_named_with_where_it_breaks(
    work: Path, name: str, data: bytes, message: str
) -> None:
    (work / name).write_bytes(data)

    with pytest.raises(DataError, match=message):
        tables.load(name)


def test_a_sample_has_the_same_hash_every_time() -> None:
    assert tables.load("sklearn:iris").sha256 == tables.load("sklearn:iris").sha256
    assert tables.load("sklearn:iris").sha256 != tables.load("sklearn:wine").sha256


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:p@ss@host/f.csv?sig=secret", "https://host/f.csv"),
        (
            "abfss://box@account.dfs.core.windows.net/f",
            "abfss://box@account.dfs.core.windows.net/f",
        ),
        (
            "wasbs://box@account.blob.core.windows.net/f?sig=secret",
            "wasbs://box@account.blob.core.windows.net/f",
        ),
        ("abfss://box:secret@account/f", "abfss://account/f"),
        ("abfss://box@secret@account/f", "abfss://account/f"),
        ("s3://bucket/f", "s3://bucket/f"),
    ],
)
def test_addresses_lose_their_secrets_and_keep_their_containers(address: str, shown: str) -> None:
    assert redacted(address) == shown
    assert redacted_text(f"no {address} there") == f"no {shown} there"
