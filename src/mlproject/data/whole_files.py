"""Files to Arrow tables. What cannot be read is named by file and line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from mlproject.base.errors import DataError, one_line
from mlproject.data.source import SourceFile

# Column types are inferred from one block: a block as large as the file sees every row.
_LARGEST_BLOCK = 1 << 30
_SMALLEST_BLOCK = 1 << 20
_GZIP_EXPANSION = 24
_CSV_ROW = re.compile(r"(?:CSV parse error: )?(?:In CSV column #\d+: )?Row #(\d+): (.*)")
_JSON_ROW = re.compile(r"(.*?)\.? in row (\d+)")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_DELIMITERS = ",;\t|"


def read_files(files: Sequence[SourceFile]) -> pa.Table:
    """Return the rows of all files, in order, as one table.

    Raises
    ------
    DataError
        When a file cannot be read (which one, which line), or its columns differ from those of
        the first.
    """
    tables = [read_file(item) for item in files]
    expected = tables[0].column_names
    for item, table in zip(files, tables, strict=True):
        if set(table.column_names) != set(expected):
            odd = sorted(set(table.column_names) ^ set(expected))
            raise DataError(
                f"{item.name} has other columns than {files[0].name}: {', '.join(odd[:5])}"
            )
    ordered = [table.select(expected) for table in tables]
    try:
        return pa.concat_tables(ordered, promote_options="permissive")
    except pa.ArrowInvalid as error:
        raise DataError(f"The files hold different types: {one_line(str(error))}") from error
    except pa.ArrowTypeError as error:
        raise DataError(f"The files hold different types: {one_line(str(error))}") from error


def read_file(item: SourceFile) -> pa.Table:
    """Return the rows of one file as a table."""
    readers = {"csv": _read_csv, "parquet": _read_parquet, "jsonl": _read_json}
    with naming(item):
        table = readers[item.format](item)
    names = table.column_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f"{item.name} names the column '{repeated[0]}' more than once")
    return table


@contextmanager
def naming(item: SourceFile) -> Iterator[None]:
    """Name the file, and the line where it is known, in what goes wrong while it is read."""
    try:
        yield
    except pa.ArrowException as error:
        raise DataError(f"{item.name} cannot be read: {_located(str(error), item)}") from error
    except OSError as error:
        what = one_line(error.strerror or str(error))
        raise DataError(f"{item.name} cannot be read: {what}") from error
    except EOFError as error:
        raise DataError(f"{item.name} cannot be read: it ends early") from error


def _read_csv(item: SourceFile) -> pa.Table:
    separator = delimiter(item)
    table = _parse_csv(item, separator, ".")
    if separator != "," and any(has_decimal_commas(column) for column in table.columns):
        table = _parse_csv(item, separator, ",")
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_binary(column.type):  # what pyarrow makes of text that is not UTF-8
            raise DataError(
                f"{item.name} is not UTF-8 text: {_first_undecodable(item, name)}",
                "Save it as UTF-8",
            )
    return table


def _parse_csv(item: SourceFile, delimiter: str, decimal_point: str) -> pa.Table:
    return pyarrow.csv.read_csv(
        stream(item),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=_block_size(item)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True, decimal_point=decimal_point
        ),
    )


def has_decimal_commas(column: Any) -> bool:
    """Whether a text column holds numbers such as ``12,5``, as its first rows show."""
    if not pa.types.is_string(column.type):
        return False
    seen = [value for value in column.slice(0, 1000).to_pylist() if value is not None]
    numbers = [_DECIMAL_COMMA.fullmatch(value) for value in seen]
    return bool(seen) and all(numbers) and any("," in value for value in seen)


def _read_parquet(item: SourceFile) -> pa.Table:
    if item.compressed:
        with stream(item) as source:
            return pyarrow.parquet.read_table(pa.BufferReader(source.read()))
    return pyarrow.parquet.read_table(item.path, partitioning=None)


def _read_json(item: SourceFile) -> pa.Table:
    return pyarrow.json.read_json(
        stream(item),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=_block_size(item)),
    )


def stream(item: SourceFile) -> Any:
    """Return an Arrow stream of the file's bytes, decompressed."""
    return pa.input_stream(str(item.path), compression="gzip" if item.compressed else None)


def _block_size(item: SourceFile) -> int:
    size = item.path.stat().st_size * (_GZIP_EXPANSION if item.compressed else 1)
    return max(_SMALLEST_BLOCK, min(size + 1, _LARGEST_BLOCK))


def delimiter(item: SourceFile) -> str:
    """Return the header's delimiter: a comma, unless the header has none and another one."""
    with stream(item) as source:
        start = source.read(1 << 16)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{item.name} is UTF-16 text", "Save it as UTF-8")
    header = start.partition(b"\n")[0].decode("utf-8", "replace")
    if "," in header:
        return ","
    return max(_DELIMITERS, key=header.count) if any(d in header for d in _DELIMITERS) else ","


def _first_undecodable(item: SourceFile, column: str) -> str:
    with stream(item) as source:
        for number, line in enumerate(source.read().split(b"\n"), start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number}"
    return f"column '{column}'"


def _located(text: str, item: SourceFile) -> str:
    """Return Arrow's message with its row as a line of the file."""
    text = one_line(text)
    if item.format == "csv":
        match = _CSV_ROW.match(text)
        if match:
            return f"line {match.group(1)}: {match.group(2)}"
    if item.format == "jsonl":
        match = _JSON_ROW.match(text)
        if match:
            return f"line {int(match.group(2)) + 1}: {match.group(1)}"
    return text
