"""Parquet files joined by copying: the judges are pyarrow and DuckDB, which did not write them."""

from __future__ import annotations

import datetime as dt
import decimal
import io
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlproject.base.errors import DataError
from mlproject.data.formats import thrift
from mlproject.data.formats.parquet_joining import ParquetJoining

_INTS = st.integers(-(2**31), 2**31 - 1)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TIMES = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2200, 1, 1))
_FLOATS = st.floats(allow_nan=False, width=32)
_UTC_TIMES = _TIMES.map(lambda time: time.replace(tzinfo=dt.timezone.utc))
TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint16(), st.integers(0, 65535)),
    (pa.int32(), _INTS),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), _FLOATS),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.bool_(), st.booleans()),
    (pa.string(), _TEXT),
    (pa.large_string(), _TEXT),
    (pa.binary(), st.binary(max_size=12)),
    (pa.binary(4), st.binary(min_size=4, max_size=4)),
    (pa.date32(), st.dates()),
    (pa.time64("us"), st.times()),
    (pa.timestamp("us"), _TIMES),
    (pa.timestamp("ms", tz="UTC"), _UTC_TIMES.map(lambda time: time.replace(microsecond=0))),
    (pa.decimal128(12, 2), st.integers(-(10**11), 10**11).map(lambda n: decimal.Decimal(n) / 100)),
    (pa.null(), st.none()),
    (pa.dictionary(pa.int32(), pa.string()), _TEXT),
    (pa.list_(pa.int64()), st.lists(st.none() | _INTS, max_size=4)),
    (pa.list_(pa.list_(pa.string())), st.lists(st.lists(_TEXT, max_size=3), max_size=3)),
    (pa.map_(pa.string(), pa.float64()), st.dictionaries(_TEXT, _FLOATS, max_size=3).map(list)),
    (
        pa.struct([("a", pa.int32()), ("b", pa.struct([("c", pa.string())]))]),
        st.fixed_dictionaries({"a": _INTS, "b": st.fixed_dictionaries({"c": _TEXT})}),
    ),
]
OPTIONS = st.fixed_dictionaries(
    {
        "compression": st.sampled_from(["none", "snappy", "zstd", "gzip"]),
        "use_dictionary": st.booleans(),
        "write_statistics": st.booleans(),
        "write_page_index": st.booleans(),
        "write_page_checksum": st.booleans(),
        "data_page_version": st.sampled_from(["1.0", "2.0"]),
        "data_page_size": st.sampled_from([64, 1 << 20]),
        "write_batch_size": st.sampled_from([8, 1024]),
        "row_group_size": st.sampled_from([1, 7, 1000]),
        "store_schema": st.just(True),
        "use_byte_stream_split": st.just(False),
    }
)


@st.composite
def tables(draw: st.DrawFn) -> list[pa.Table]:
    """A few tables with the same columns, some of them without rows."""
    columns = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=5))
    fields = [pa.field(f"c{number}", kind) for number, (kind, _) in enumerate(columns)]
    schema = pa.schema(fields, metadata={"made by": "a test"})
    made = []
    for rows in draw(st.lists(st.integers(0, 30), min_size=1, max_size=4)):
        values = []
        for kind, value in columns:
            drawn = draw(st.lists(st.none() | value, min_size=rows, max_size=rows))
            if pa.types.is_map(kind):
                drawn = [None if item is None else [(key, 1.5) for key in item] for item in drawn]
            values.append(pa.array(drawn, kind))
        made.append(pa.table(values, schema=schema))
    return made


class Forward(io.RawIOBase):
    """Takes bytes, one after the other."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)

    def seek(self, *where: int) -> int:
        raise AssertionError("nobody may seek here")

    tell = seek


def join(parts: Sequence[Path], target: Any) -> int:
    joining = ParquetJoining(target)
    for part in parts:
        joining.add(part)
    joining.finish()
    return joining.rows


def joined(parts: Sequence[Path]) -> tuple[bytes, int]:
    target = Forward()
    rows = join(parts, target)
    return bytes(target.data), rows


def written(folder: Path, made: Sequence[pa.Table], **options: Any) -> list[Path]:
    paths = [folder / f"{number}.parquet" for number in range(len(made))]
    for path, table in zip(paths, made, strict=True):
        pq.write_table(table, path, **options)
    return paths


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(made=tables(), options=st.lists(OPTIONS, min_size=4, max_size=4))
def test_whatever_pyarrow_writes_is_joined_and_read_back(
    made: list[pa.Table], options: list[dict[str, Any]]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        paths = [folder / f"{number}.parquet" for number in range(len(made))]
        for path, table, chosen in zip(paths, made, options, strict=False):
            pq.write_table(table, path, **chosen)
        data, rows = joined(paths)

        expected = pa.concat_tables([pq.read_table(path) for path in paths])
        with pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True) as file:
            read = file.read()
            assert read.schema.equals(expected.schema, check_metadata=True)
            assert read.to_pylist() == expected.to_pylist()
            assert rows == file.metadata.num_rows == expected.num_rows
            counts = [pq.read_metadata(path).num_row_groups for path in paths]
            assert file.num_row_groups == sum(counts)
            for number in range(file.num_row_groups):
                file.read_row_group(number)

        target = folder / "joined.parquet"
        target.write_bytes(data)
        again = io.BytesIO()
        assert join([target], again) == rows
        assert pq.read_table(io.BytesIO(again.getvalue())).num_rows == rows


@pytest.mark.parametrize("page_index", [False, True])
def test_duckdb_reads_the_same_and_prunes_by_statistics_and_bloom_filters(
    tmp_path: Path, page_index: bool
) -> None:
    generator = np.random.default_rng(0)
    made = [
        pa.table(
            {
                "id": np.arange(start, start + 1000),
                "score": generator.random(1000),
                "name": [f"name {number % 37}" for number in range(start, start + 1000)],
                "more": [[number, None] for number in range(1000)],
            }
        )
        for start in range(0, 5000, 1000)
    ]
    bloom = {"id": {"ndv": 300, "fpp": 0.01}}
    options: dict[str, Any] = {"row_group_size": 300, "write_page_index": page_index}
    paths = written(tmp_path, made, bloom_filter_options=bloom, **options)
    target = tmp_path / "joined.parquet"
    target.write_bytes(joined(paths)[0])

    expected = pa.concat_tables(made)
    query = f"FROM '{target}'"
    assert duckdb.sql(query).to_arrow_table().cast(expected.schema).equals(expected)
    for wanted in (0, 1234, 4999):
        found = duckdb.sql(f"SELECT name {query} WHERE id = {wanted}").fetchall()
        assert found == [(f"name {wanted % 37}",)]
    probes = f"FROM parquet_bloom_probe('{target}', 'id', 1234)"
    excluded = [row[-1] for row in duckdb.sql(probes).fetchall()]
    assert excluded.count(False) < len(excluded) / 2
    metadata = pq.read_metadata(target)
    assert [metadata.row_group(number).num_rows for number in range(4)] == [300, 300, 300, 100]
    chunk = metadata.row_group(19).column(0)
    assert chunk.has_offset_index == chunk.has_column_index == page_index


def test_sorting_columns_and_metadata_of_the_first_part_are_kept(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, 3]}).replace_schema_metadata({"k": "first"})
    other = table.replace_schema_metadata({"k": "second"})
    sorting = [pq.SortingColumn(0, descending=True)]
    paths = written(tmp_path, [table, other], sorting_columns=sorting)
    metadata = pq.read_metadata(io.BytesIO(joined(paths)[0]))
    assert metadata.schema.to_arrow_schema().metadata == {b"k": b"first"}
    assert [metadata.row_group(n).sorting_columns for n in (0, 1)] == [tuple(sorting)] * 2


def test_parts_without_row_groups_give_a_file_without_rows(tmp_path: Path) -> None:
    empty = pa.table({"a": pa.array([], pa.int64())})
    with pq.ParquetWriter(tmp_path / "none.parquet", empty.schema):
        pass
    data, rows = joined([tmp_path / "none.parquet"] * 2)
    assert rows == 0
    assert pq.read_table(io.BytesIO(data)).equals(empty)


@pytest.mark.nightly
def test_there_may_be_more_row_groups_than_ordinals(tmp_path: Path) -> None:
    table = pa.table({"a": list(range(1000))})
    [path] = written(tmp_path, [table], row_group_size=1, write_statistics=False)
    data, rows = joined([path] * 34)
    with pq.ParquetFile(io.BytesIO(data)) as file:
        assert rows == file.metadata.num_rows == file.num_row_groups == 34_000
        assert file.read_row_group(33_999).to_pylist() == [{"a": 999}]


def test_memory_does_not_grow_with_the_parts(tmp_path: Path) -> None:
    table = pa.table({"a": np.random.default_rng(0).random(2_000_000)})
    [path] = written(tmp_path, [table])
    with (tmp_path / "joined").open("wb") as target:
        tracemalloc.start()
        assert join([path] * 4, target) == 8_000_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert path.stat().st_size > 12_000_000
    assert peak < 6_000_000


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (pa.table({"b": [1]}), "it has the column 'b' (int64) where "),
        (pa.table({"a": ["x"]}), "0.parquet has the column 'a' (int64)"),
        (pa.table({"a": [1], "c": [1]}), "0.parquet has no column"),
        (
            pa.table({"a": pa.array([1], pa.timestamp("us"))}),
            "(timestamp[us]) where",
        ),
    ],
)
def test_a_part_with_other_columns_is_refused_before_anything_of_it_is_written(
    tmp_path: Path, other: pa.Table, what: str
) -> None:
    paths = written(tmp_path, [pa.table({"a": [1]}), other])
    target = Forward()
    joining = ParquetJoining(target)  # type: ignore[arg-type]
    joining.add(paths[0])
    before = bytes(target.data)
    with pytest.raises(DataError) as caught:
        joining.add(paths[1])
    assert what in str(caught.value)
    assert str(paths[1]) in str(caught.value)
    assert target.data == before


def test_parts_that_store_a_column_otherwise_are_refused(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array([dt.datetime(2026, 1, 1)], pa.timestamp("ns"))})
    pq.write_table(table, tmp_path / "0.parquet")
    pq.write_table(table, tmp_path / "1.parquet", use_deprecated_int96_timestamps=True)
    with pytest.raises(DataError, match="stored in another way"):
        joined([tmp_path / "0.parquet", tmp_path / "1.parquet"])


@pytest.mark.parametrize("keep", [0, 3, 11, 300])
def test_what_is_no_whole_parquet_file_is_refused(tmp_path: Path, keep: int) -> None:
    [path] = written(tmp_path, [pa.table({"a": list(range(1000))})])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"0\.parquet cannot be joined: it is not a Parquet file"):
        joined([path])


def test_a_damaged_footer_is_refused(tmp_path: Path) -> None:
    [path] = written(tmp_path, [pa.table({"a": list(range(1000))})])
    data = bytearray(path.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    refusals = 0
    for at in range(len(data) - 8 - length, len(data) - 8):
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        try:
            joined([path])
        except DataError as error:
            assert "cannot be joined: " in str(error)
            refusals += 1
    assert refusals > 50


def test_an_encrypted_file_and_one_with_columns_elsewhere_are_refused(tmp_path: Path) -> None:
    [path] = written(tmp_path, [pa.table({"a": [1]})])
    data = path.read_bytes()
    path.write_bytes(data[:-4] + b"PARE")
    with pytest.raises(DataError, match="it is encrypted"):
        joined([path])

    length = int.from_bytes(data[-8:-4], "little")
    footer = thrift.read_struct(data[-8 - length : -8])
    footer[8] = thrift.Value(thrift.STRUCT, {})
    encrypted = thrift.written(thrift.STRUCT, footer)
    path.write_bytes(
        data[: -8 - length] + encrypted + len(encrypted).to_bytes(4, "little") + b"PAR1"
    )
    with pytest.raises(DataError, match="it is encrypted"):
        joined([path])

    path.write_bytes(data)
    metadata = pq.read_metadata(path)
    metadata.set_file_path("elsewhere.parquet")
    metadata.write_metadata_file(tmp_path / "_metadata")
    with pytest.raises(DataError, match="its columns are in other files"):
        joined([tmp_path / "_metadata"])


@pytest.mark.nightly
def test_spark_finds_rows_by_the_page_indexes(tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    made = [
        pa.table(
            {
                "id": np.arange(start, start + 1000),
                "name": [f"n{n % 7}" if n % 5 else None for n in range(1000)],
                "more": [[n, None] for n in range(1000)],
            }
        )
        for start in range(0, 4000, 1000)
    ]
    bloom = {"id": {"ndv": 300, "fpp": 0.01}}
    paths = written(
        tmp_path,
        made,
        row_group_size=300,
        write_page_index=True,
        data_page_size=256,
        write_batch_size=16,
        bloom_filter_options=bloom,
    )
    target = tmp_path / "joined.parquet"
    target.write_bytes(joined(paths)[0])

    session = SparkSession.builder.master("local[1]").getOrCreate()
    try:
        frame = session.read.parquet(str(target))
        rows = [row.asDict() for row in frame.collect()]
        assert rows == pa.concat_tables(made).to_pylist()
        for wanted in (0, 1234, 3999):
            assert [row.id for row in frame.filter(f"id = {wanted}").collect()] == [wanted]
        assert frame.filter("id between 995 and 1005").count() == 11
    finally:
        session.stop()
