"""A file whose columns are known, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from mlproject.data.batches import Parsed, Selection
from mlproject.data.source import SourceFile


@dataclass(frozen=True)
class Range:
    """Rows of a file that stand together; by default all of them.

    Attributes
    ----------
    start, stop : int
        Of text, bytes: a row begins at the one, and at the other unless it is the end of the file
        (None). Of Parquet, rows.
    line : int
        The line at which text starts.
    """

    start: int = 0
    stop: int | None = None
    line: int = 1


WHOLE = Range()


@dataclass(frozen=True)
class DataFile(ABC):
    """A file and the names of its columns.

    Attributes
    ----------
    can_be_cut : bool
        A part of its bytes can be read alone: they are UTF-8, and lines end as usual.
    """

    item: SourceFile
    columns: list[str]
    can_be_cut: bool = field(default=False, kw_only=True)

    @property
    def size(self) -> int | None:
        """How much there is to read, in the unit of ``Origin.size``; None when not known."""
        as_stored = not self.item.compressed and self.item.encoding is None
        return self.item.size if as_stored else None

    @property
    def has_text(self) -> bool:
        """Whether its columns have no types but those that their values show."""
        return False

    @property
    def has_rows(self) -> bool:
        """Whether there may be rows; asked where no columns are seen."""
        return True

    def type_of(self, column: str) -> pa.DataType | None:
        """Return a column's type, or the one that text shows; None where it is not known."""
        return None

    def is_like(self, other: DataFile) -> bool:
        """Whether its rows, as they stand, can be in one table with those of another."""
        return self.item.format == other.item.format

    def can_be_copied(self, columns: list[str]) -> bool:
        """Whether its rows can stand as they are in a file of its format with these columns."""
        return False

    @abstractmethod
    def tasks(self, selection: Selection, rows: Range = WHOLE) -> Iterator[Callable[[], Parsed]]:
        """Yield what parses each piece, in the order of the rows; calls may run in any thread."""
