"""What travels between reading, scoring and writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.data.schema import Feature
from mlproject.data.types import Misfit

# Columns of parsed rows: a feature, a kept column, a column as it stands in a Parquet file, the row
# as it stands in a text file, and where it stands.
FEATURE, KEPT, ORIGINAL = "f:", "k:", "o:"
RAW, ORDINAL, LINE, FILE = "raw", "ordinal", "line", "file"


@dataclass(frozen=True)
class Selection:
    """What is read of a source.

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
class Reject:
    """A row that is not scored.

    Attributes
    ----------
    ordinal : int
        Its number among all rows of the input, from 0; before batches are made, among the rows
        that were parsed with it.
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
        column = f", column '{self.column}'" if self.column is not None else ""
        return f"{self.file} line {self.line}{column}: {self.reason}"


@dataclass(frozen=True)
class Origin:
    """Where rows come from.

    Attributes
    ----------
    lines : ndarray of shape (n_rows,)
        Of each row; its number in a Parquet file.
    size : int
        How many bytes (or rows, of Parquet) of the file these are, for the progress bar.
    """

    file: str
    lines: np.ndarray[Any, Any]
    size: int


@dataclass(frozen=True)
class Parsed:
    """Rows of one file, parsed.

    Attributes
    ----------
    table : Table
        The rows that can be scored, with the columns FEATURE…, KEPT…, ORIGINAL…, RAW.
    good : ndarray of shape (n_good,)
        Their numbers among all rows.
    """

    origin: Origin
    table: pa.Table
    good: np.ndarray[Any, Any]
    rejects: list[Reject]

    @classmethod
    def of(
        cls,
        origin: Origin,
        table: pa.Table,
        misfits: Mapping[int, Misfit],
        text: Callable[[int], str],
    ) -> Parsed:
        """Return the rows that fit, which the table has, and the others, with their text."""
        rejects = [
            Reject(row, origin.file, int(origin.lines[row]), item.column, item.reason, text(row))
            for row, item in sorted(misfits.items())
        ]
        good = np.delete(np.arange(len(origin.lines)), list(misfits))
        return cls(origin, table, good, rejects)

    def numbered(self, before: int) -> pa.Table:
        """Return the table with the ordinal, line and file of each row; some rows came before."""
        file = np.zeros(len(self.good), np.int32)
        return (
            self.table.append_column(ORDINAL, pa.array(self.good + before))
            .append_column(LINE, pa.array(self.origin.lines[self.good]))
            .append_column(FILE, pa.DictionaryArray.from_arrays(file, [self.origin.file]))
        )


def assembled(features: pa.Table, others: Mapping[str, Any]) -> pa.Table:
    """Return the table of parsed rows: features, and columns that have their prefix already."""
    named = zip(features.column_names, features.columns, strict=True)
    return pa.table({FEATURE + name: column for name, column in named} | dict(others))


@dataclass(frozen=True)
class Batch:
    """Rows that are scored together: those that fit, and the rejects among them.

    Attributes
    ----------
    first : int
        The ordinal of the first row.
    count : int
        How many rows these are, rejects included.
    table : Table
        The rows that fit, with the columns FEATURE…, KEPT…, ORIGINAL…, RAW, ORDINAL, LINE, FILE.
    size : int
        How much of the input has been read for it, in the unit of ``Origin.size``.
    """

    first: int
    count: int
    table: pa.Table
    rejects: list[Reject]
    size: int

    @property
    def places(self) -> np.ndarray[Any, Any]:
        """Where the rows that fit stand among all rows of the batch."""
        ordinals: np.ndarray[Any, Any] = self.table[ORDINAL].to_numpy()
        return ordinals - self.first

    def columns(self, prefix: str) -> pa.Table:
        """Return the columns with a prefix, without it."""
        names = [name for name in self.table.column_names if name.startswith(prefix)]
        return self.table.select(names).rename_columns([name[len(prefix) :] for name in names])

    def origin(self, row: int) -> tuple[int, str, int]:
        """Return the ordinal, file and line of a row that fits."""
        ordinal, file, line = (self.table[name][row].as_py() for name in (ORDINAL, FILE, LINE))
        return ordinal, file, line


def batched(pieces: Iterable[Parsed], rows: int) -> Iterator[Batch]:
    """Yield batches of exactly ``rows`` rows; the last has what is left.

    Rejects count, so that what is held does not depend on how many of them there are.
    """
    held: list[pa.Table] = []
    rejects: list[Reject] = []
    first = total = size = 0
    for piece in pieces:
        held.append(piece.numbered(total))
        rejects += [replace(item, ordinal=item.ordinal + total) for item in piece.rejects]
        total, size = total + len(piece.origin.lines), size + piece.origin.size
        while total - first >= rows:
            joined, end = pa.concat_tables(held), first + rows
            place = int(np.searchsorted(joined[ORDINAL].to_numpy(), end))
            early = [item for item in rejects if item.ordinal < end]
            yield Batch(first, rows, joined.slice(0, place), early, size)
            held, rejects = [joined.slice(place)], rejects[len(early) :]
            first, size = end, 0
    if total > first:
        yield Batch(first, total - first, pa.concat_tables(held), rejects, size)
