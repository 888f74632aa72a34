"""A file whose columns are known, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from mlproject.data.batches import Parsed, Selection
from mlproject.data.source import SourceFile


@dataclass(frozen=True)
class DataFile(ABC):
    """A file and the names of its columns."""

    item: SourceFile
    columns: list[str]

    @property
    def size(self) -> int | None:
        """How much there is to read, in the unit of ``Origin.size``; None when not known."""
        as_stored = not self.item.compressed and self.item.encoding is None
        return self.item.path.stat().st_size if as_stored else None

    @property
    def has_rows(self) -> bool:
        """Whether there may be rows; asked where no columns are seen."""
        return True

    def type_of(self, column: str) -> pa.DataType | None:
        """Return a column's type; None in text, which has no types."""
        return None

    def can_be_copied(self, columns: list[str]) -> bool:
        """Whether its rows can stand as they are in a file of its format with these columns."""
        return False

    @abstractmethod
    def tasks(self, selection: Selection) -> Iterator[Callable[[], Parsed]]:
        """Yield what parses each piece, in the order of the rows; calls may run in any thread."""
