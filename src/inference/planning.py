"""A source as splits: what is scored apart, a function of the source alone.

A split is rows that stand together: of a large file a part of it, of small files several. How text
is cut without reading it twice in order: each byte range is looked through for every state that it
may begin in, wherever an engine likes, and the ranges are put together here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pyarrow as pa

from inference.engines.engine import Engine
from mlproject.base.counting import counted
from mlproject.data import reading
from mlproject.data.batches import Selection
from mlproject.data.formats.csv_files import CsvFile
from mlproject.data.formats.data_file import WHOLE, DataFile, Range
from mlproject.data.formats.parquet_files import ParquetFile
from mlproject.data.formats.quotes import Glance, State, glance
from mlproject.data.schema import Schema
from mlproject.data.source import SourceFile, with_encoding

_LARGEST_PART = 128 << 20
_SMALLEST_PART = 8 << 20
# Where a source is not huge, it has so many parts: enough for all cores to be busy to the end.
_PARTS = 16
# What a Parquet file saves by its encoding has to be scored all the same.
_BYTES_OF_A_CELL = 4


@dataclass(frozen=True)
class Look:
    """What is seen of a file before it is cut; ``encoding`` is what the user says of its text."""

    look: reading.Look
    encoding: str | None

    def __call__(self, item: SourceFile) -> DataFile:
        return self.look(with_encoding(item, self.encoding))


@dataclass(frozen=True)
class Split:
    """What is scored as one part of the output.

    Attributes
    ----------
    number : int
        Its place among all splits.
    ranges : tuple of (int, Range)
        The numbers of its files, and the rows of each.
    """

    number: int
    ranges: tuple[tuple[int, Range], ...]


@dataclass(frozen=True)
class Plan:
    """All that is read, and in which parts."""

    files: tuple[DataFile, ...]
    selection: Selection
    splits: tuple[Split, ...]
    part_bytes: int

    @property
    def size(self) -> int:
        """How much there is to read, in the unit of ``Batch.size``; 0 when that is not known."""
        return reading.Input(list(self.files), self.selection).size

    def size_of(self, split: Split) -> int:
        """How much of it is in a split."""
        if not self.size:
            return 0
        files = ((self.files[number], rows) for number, rows in split.ranges)
        return sum((rows.stop or file.size or 0) - rows.start for file, rows in files)

    def where(self, split: Split) -> str:
        """Return what a split has, in words."""
        number, rows = split.ranges[0]
        name = self.files[number].item.name
        if len(split.ranges) > 1:
            return f"{name} and {counted(len(split.ranges) - 1, 'file')} after it"
        if rows == WHOLE:
            return name
        if self.files[number].item.format == "parquet":
            return f"{name} rows {rows.start + 1} to {rows.stop or 'the last'}"
        return f"{name} from line {rows.line}"

    def key(self, split: Split) -> str:
        """Return a hash of what a part is made from: files as they are now, rows, types."""
        parts: list[Any] = [self.selection.kept.to_string()]
        for number, rows in split.ranges:
            item = self.files[number].item
            parts.append([item.name, item.stamp, rows.start, rows.stop, rows.line])
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @property
    def _shown_types(self) -> list[pa.Field]:
        """The kept columns whose types are seen in text, and may prove to be others."""
        features = {feature.name for feature in self.selection.features}
        text = self.files[0].has_text
        return [field for field in self.selection.kept if text and field.name not in features]

    def kept_as(self, types: Mapping[str, pa.DataType]) -> Plan:
        """Return the plan with other types of some columns that are kept."""
        kept = pa.schema([(f.name, types.get(f.name, f.type)) for f in self.selection.kept])
        return replace(self, selection=replace(self.selection, kept=kept))

    @property
    def content(self) -> dict[str, Any]:
        """The plan as it is written down."""
        return {
            "part_bytes": self.part_bytes,
            "files": [[file.item.name, file.item.stamp] for file in self.files],
            "kept": {field.name: str(field.type) for field in self._shown_types},
            "splits": [
                [[number, rows.start, rows.stop, rows.line] for number, rows in split.ranges]
                for split in self.splits
            ],
        }


def plan(
    engine: Engine,
    items: Sequence[SourceFile],
    schema: Schema,
    copied: reading.CopyRequest,
    look: Look,
    part_bytes: int | None,
) -> Plan:
    """Look at the files, wherever the engine does, and cut them."""
    files = list(engine.results(look, items))
    selection = reading.selected(files, schema, copied)
    sizes = [_bytes_of(file) for file in files]
    most = part_bytes or max(_SMALLEST_PART, min(_LARGEST_PART, sum(sizes) // _PARTS))
    cuts = _cuts(engine, files, sizes, most)
    return Plan(tuple(files), selection, tuple(_grouped(files, cuts, most)), most)


def _bytes_of(file: DataFile) -> int:
    if isinstance(file, ParquetFile):
        cells = (file.size or 0) * len(file.columns)
        return max(sum(taken for _, taken in file.groups), cells * _BYTES_OF_A_CELL)
    return file.item.size


def _cuts(
    engine: Engine, files: Sequence[DataFile], sizes: Sequence[int], most: int
) -> Iterator[tuple[int, Range, int]]:
    """Yield the ranges of all files in order: file, rows, about how many bytes."""
    large = [
        (number, start, min(start + most, sizes[number]))
        for number, file in enumerate(files)
        if file.can_be_cut and sizes[number] > most
        for start in range(0, sizes[number], most)
    ]
    jobs = [(files[n].item, _delimiter(files[n]), start, stop) for n, start, stop in large]
    glances: dict[int, list[tuple[int, int, Glance]]] = {}
    for (number, start, stop), seen in zip(large, engine.results(_glanced, jobs), strict=True):
        glances.setdefault(number, []).append((start, stop, seen))
    for number, file in enumerate(files):
        if number in glances:
            for rows, size in _text_ranges(glances[number]):
                yield number, rows, size
        elif isinstance(file, ParquetFile) and not file.item.compressed:
            yield from ((number, *each) for each in _row_ranges(file, sizes[number], most))
        else:
            yield number, WHOLE, sizes[number]


def _glanced(job: tuple[SourceFile, str | None, int, int]) -> Glance:
    return glance(*job)


def _delimiter(file: DataFile) -> str | None:
    return file.delimiter if isinstance(file, CsvFile) else None


def _text_ranges(glances: Sequence[tuple[int, int, Glance]]) -> Iterator[tuple[Range, int]]:
    """Yield ranges that begin at rows, from what byte ranges hold."""
    starts = [(0, 1)]
    state, line = State.OUTSIDE, 1
    for number, (start, _, seen) in enumerate(glances):
        begun = seen.rows[state]
        if number and begun is not None:
            starts.append((start + begun[0], line + begun[1]))
        line += seen.lines
        state = seen.states[state]
    end = glances[-1][1]
    starts = [item for item in starts if item[0] < end]
    for (start, line), (stop, _) in zip(starts, [*starts[1:], (end, 0)], strict=True):
        yield Range(start, None if stop == end else stop, line), stop - start


def _row_ranges(file: ParquetFile, size: int, most: int) -> Iterator[tuple[Range, int]]:
    rows = file.size or 0
    inside = file.cuts(most) if size > most else []
    cuts = [0, *inside, rows]
    if not inside:
        yield WHOLE, size
        return
    for start, stop in pairwise(cuts):
        yield Range(start, stop), size * (stop - start) // rows


def _grouped(
    files: Sequence[DataFile], ranges: Iterator[tuple[int, Range, int]], most: int
) -> Iterator[Split]:
    """Yield splits: ranges that follow each other, as many as one part may have."""
    held: list[tuple[int, Range]] = []
    number = size = 0
    for file, rows, taken in ranges:
        if held and (size + taken > most or not files[file].is_like(files[held[-1][0]])):
            yield Split(number, tuple(held))
            held, number, size = [], number + 1, 0
        held.append((file, rows))
        size += taken
    if held:
        yield Split(number, tuple(held))
