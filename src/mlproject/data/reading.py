"""A source as chunks: which columns are read, and every file in turn."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mlproject.base.errors import ConfigurationError, DataError
from mlproject.base.suggestions import did_you_mean
from mlproject.data.batches import Chunk, Plan
from mlproject.data.formats import csv_files, json_lines, parquet_files
from mlproject.data.schema import Schema
from mlproject.data.source import SourceFile

ALL, NONE = "all", "none"


@dataclass(frozen=True)
class Header:
    """The columns of one file; ``detail`` is what its format's reader wants back."""

    item: SourceFile
    columns: list[str]
    detail: Any


@dataclass(frozen=True)
class Input:
    """A source that is ready to be read."""

    headers: list[Header]
    plan: Plan

    @property
    def size(self) -> int:
        """How much there is to read, in the unit of ``Chunk.size``; 0 when that is not known."""
        items = [header.item for header in self.headers]
        if all(item.format == "parquet" for item in items):
            return sum(parquet_files.rows(item) for item in items)
        if any(item.compressed or item.format == "parquet" for item in items):
            return 0
        return sum(item.path.stat().st_size for item in items)

    def tasks(self) -> Iterator[Callable[[], Chunk]]:
        """Yield what makes each chunk, in the order of the rows."""
        for header in self.headers:
            if header.item.format == "csv":
                yield from csv_files.tasks(header.item, self.plan, header.detail)
            elif header.item.format == "parquet":
                yield from parquet_files.tasks(header.item, self.plan)
            else:
                yield from json_lines.tasks(header.item, self.plan)


def prepare(
    files: Sequence[SourceFile],
    schema: Schema,
    keep: str,
    output: str,
    made: set[str],
    *,
    raw: bool,
) -> Input:
    """Return a source with what is read of it.

    Parameters
    ----------
    files : sequence of SourceFile
    schema : Schema
        What the model takes.
    keep : str
        ``all``, ``none``, or names with commas between them.
    output : str
        The format of the output.
    made : set of str
        The columns that scoring adds.
    raw : bool
        Whether rejected rows are wanted as they stand.

    Raises
    ------
    DataError
        When columns are missing, or differ between files.
    ConfigurationError
        When ``keep`` names a column that is not there, or that scoring adds.
    """
    # Later objects may have keys that the first have not, and columns must be known before.
    whole = keep != NONE and not (keep == ALL and output == "jsonl")
    headers = [_header(item, whole=whole) for item in files]
    first = headers[0]
    known = first.columns
    if first.item.format == "jsonl":
        known = list(dict.fromkeys(name for header in headers for name in header.columns))
    features = schema.matched(known, first.item.name)
    for header in headers[1:]:
        if header.item.format != "jsonl":  # where each row has keys of its own
            schema.matched(header.columns, header.item.name)
    names = _kept(keep, known, first.item.name)
    for header in headers[1:]:
        odd = set(names) - set(header.columns)
        if keep == ALL:
            odd = set(first.columns) ^ set(header.columns)
        if odd and header.item.format != "jsonl":
            raise DataError(
                f"{header.item.name} has other columns than {first.item.name}: "
                f"{', '.join(sorted(odd)[:5])}",
                "Choose what is copied with --keep",
            )
    clash = sorted(made & set(names))
    if clash:
        raise already_there(first.item.name, clash[0])
    verbatim = keep == ALL and all(_copies(header, first, output) for header in headers)
    types = {feature.name: feature.type for feature in features}
    kept = pa.schema([(name, _kept_type(first, name, types, output)) for name in names])
    plan = Plan(features, kept, verbatim, verbatim or raw, frozenset(made))
    return Input(headers, plan)


def already_there(where: str, column: str) -> ConfigurationError:
    """Return the error for an input that has a column of the predictions."""
    return ConfigurationError(
        f"{where} already has a column '{column}', which scoring adds",
        "Leave it out with --keep none or --keep COL,COL",
    )


def _header(item: SourceFile, *, whole: bool) -> Header:
    if item.format == "csv":
        found = csv_files.dialect(item)
        return Header(item, found.columns, found)
    if item.format == "parquet":
        schema = parquet_files.schema(item)
        return Header(item, list(schema.names), schema)
    return Header(item, json_lines.columns(item, whole=whole), None)


def _kept(keep: str, known: list[str], where: str) -> list[str]:
    if keep in (ALL, NONE):
        return known if keep == ALL else []
    given = next(csv.reader([keep], skipinitialspace=True))  # a name may hold a comma in quotes
    names = list(dict.fromkeys(name.strip() for name in given if name.strip()))
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, noun="columns")
            raise ConfigurationError(f"--keep names '{name}', which {where} has not", hint)
    return names


def _copies(header: Header, first: Header, output: str) -> bool:
    """Whether rows of a file can be copied as they stand."""
    if header.item.format != output or output == "parquet":
        return False
    if output == "csv":
        return header.columns == first.columns and header.detail.delimiter == ","
    return True


def _kept_type(first: Header, name: str, features: dict[str, Any], output: str) -> Any:
    """Return a kept column's type: the file's own, or the feature's, or text as it stands."""
    if first.item.format == "parquet":
        return parquet_files.usual(first.detail.field(name).type)
    if first.item.format == output == "jsonl":
        return pa.json_(pa.string())  # as it stands
    return features.get(name, pa.string())
