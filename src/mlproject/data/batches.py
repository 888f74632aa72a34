"""What travels between reading, scoring and writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.data.schema import Feature

# Columns of a chunk's table: a feature, a kept column, a column as it stands in a Parquet file, the
# row as it stands in a text file, and where it stands.
FEATURE, KEPT, ORIGINAL = "f:", "k:", "o:"
RAW, ORDINAL, LINE, FILE = "raw", "ordinal", "line", "file"


@dataclass(frozen=True)
class Plan:
    """What is read.

    Attributes
    ----------
    features : tuple of Feature
        What the model takes.
    kept : Schema
        The input columns that are copied, with the types that they have in the output.
    verbatim : bool
        The rows are copied as they stand: input and output are text of the same format and
        everything is kept.
    raw : bool
        The rows as they stand are wanted, to be copied or to be rejected.
    added : frozenset of str
        The columns that scoring adds.
    """

    features: tuple[Feature, ...]
    kept: pa.Schema
    verbatim: bool
    raw: bool
    added: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refused:
    """A row that is not scored.

    Attributes
    ----------
    ordinal : int
        Its number among all rows of the input, from 0; among those of its chunk at first.
    file, line : str, int
        Where it stands; in a Parquet file the line is the number of the row.
    column : str or None
        The column to blame.
    reason : str
    text : str
        The row as it was.
    """

    ordinal: int
    file: str
    line: int
    column: str | None
    reason: str
    text: str

    @property
    def message(self) -> str:
        """The file, the line, the column, and what is wrong."""
        column = f", column '{self.column}'" if self.column is not None else ""
        return f"{self.file} line {self.line}{column}: {self.reason}"


@dataclass(frozen=True)
class Chunk:
    """Some rows of one file.

    Attributes
    ----------
    table : Table
        The rows that can be asked about, with the columns FEATURE…, KEPT…, RAW.
    rows, lines : ndarray of shape (n_good,)
        Their numbers in the chunk, and their lines in the file.
    count : int
        How many rows the chunk has, the refused ones included.
    size : int
        How many bytes (or rows, of Parquet) of the file these are, for the progress bar.
    """

    table: pa.Table
    rows: np.ndarray[Any, Any]
    lines: np.ndarray[Any, Any]
    count: int
    file: str
    size: int
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Batch:
    """Rows that are scored together; ``refused`` are those among them that reading refused."""

    number: int
    table: pa.Table
    refused: list[Refused]
    count: int
    size: int

    def columns(self, prefix: str) -> pa.Table:
        """Return the columns with a prefix, without it."""
        names = [name for name in self.table.column_names if name.startswith(prefix)]
        return self.table.select(names).rename_columns([name[len(prefix) :] for name in names])

    def place(self, index: int) -> tuple[int, str, int]:
        """Return a row's ordinal, file and line."""
        row = self.table.slice(index, 1)
        return row[ORDINAL][0].as_py(), row[FILE][0].as_py(), row[LINE][0].as_py()


def batches(chunks: Iterable[Chunk], rows: int) -> Iterator[Batch]:
    """Yield batches of exactly ``rows`` rows; the last has what is left.

    Rows that reading refused do not count, so that which rows are scored together depends on the
    good rows alone.
    """
    held: list[pa.Table] = []
    refused: list[Refused] = []
    have = number = total = count = size = 0
    for chunk in chunks:
        held.append(_placed(chunk, total))
        refused += [_moved(item, total) for item in chunk.refused]
        have, total = have + chunk.table.num_rows, total + chunk.count
        size, count = size + chunk.size, count + chunk.count
        while have >= rows:
            joined = pa.concat_tables(held)
            table, rest = joined.slice(0, rows), joined.slice(rows)
            end = table[ORDINAL][rows - 1].as_py()
            early = [item for item in refused if item.ordinal <= end]
            refused = refused[len(early) :]
            seen = rows + len(early)
            yield Batch(number, table, early, seen, size)
            held, have, number, size, count = [rest], have - rows, number + 1, 0, count - seen
    if have or refused or number == 0:
        table = pa.concat_tables(held) if held else pa.table({})
        yield Batch(number, table, refused, count, size)


def _placed(chunk: Chunk, total: int) -> pa.Table:
    table = chunk.table
    files = pa.DictionaryArray.from_arrays(np.zeros(len(chunk.rows), np.int32), [chunk.file])
    for name, values in (
        (ORDINAL, pa.array(chunk.rows + total)),
        (LINE, pa.array(chunk.lines)),
        (FILE, files),
    ):
        table = table.append_column(name, values)
    return table


def _moved(item: Refused, total: int) -> Refused:
    return Refused(item.ordinal + total, item.file, item.line, item.column, item.reason, item.text)
