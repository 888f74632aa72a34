"""CSV files: read in pieces or whole, and written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mlproject.base.errors import DataError
from mlproject.data.arrays import is_text, without_markers
from mlproject.data.batches import KEPT, Parsed, Selection, assembled
from mlproject.data.encodings import is_utf_8
from mlproject.data.formats.data_file import DataFile
from mlproject.data.formats.lines import Piece, TextRows, has_stray_return, is_open, pieces
from mlproject.data.source import SourceFile
from mlproject.data.streams import check_distinct, naming, not_text, stream, whole_block
from mlproject.data.text import bytes_of, number_text, plain_text
from mlproject.data.types import Misfit, TextRules, typed
from mlproject.data.writing import TextSink

_DELIMITERS = ",;\t|"
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_ROWS_TO_SEE = 1000
_SPECIAL = '[",\\r\\n]|^\\s|\\s$'


@dataclass(frozen=True)
class CsvFile(DataFile):
    """A CSV file and how it is written."""

    delimiter: str
    decimal_comma: bool

    @classmethod
    def opened(cls, item: SourceFile) -> CsvFile:
        """Return a file with what its first piece shows."""
        with naming(item):
            delimiter = _delimiter(item)
        first = next(pieces(item, delimiter), None)
        rows = first.rows() if first else None
        if first is None or rows is None or not len(rows):
            raise DataError(f"{item.name} is empty: it has no header")
        if is_open(rows[0], delimiter) or has_stray_return(rows[0], delimiter):
            what = "a carriage return" if b"\r" in rows[0] else "a quoted value that does not end"
            raise DataError(f"{item.name} line {rows.lines[0]} is no header: it holds {what}")
        text = rows.text(0)
        csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
        columns = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        check_distinct(columns, item.name)
        file = cls(item, columns, delimiter, decimal_comma=False)
        if delimiter == "," or len(rows) == 1:
            return file
        sample = first.data[rows.starts[1] : rows.ends[min(len(rows) - 1, _ROWS_TO_SEE)]]
        sample = sample.decode("utf-8", "replace").encode()
        table = file.parse(sample, dict.fromkeys(columns, pa.string()), lambda _: "skip")
        comma = any(_has_decimal_commas(without_markers(column)) for column in table.columns)
        return cls(item, columns, delimiter, comma)

    def can_be_copied(self, columns: list[str]) -> bool:
        return self.columns == columns and self.delimiter == ","

    def tasks(self, selection: Selection) -> Iterator[Callable[[], Parsed]]:
        parser = _Parser(self, selection)
        for number, piece in enumerate(pieces(self.item, self.delimiter)):
            yield partial(parser.parsed, piece, header=number == 0)

    def parse(
        self,
        data: bytes,
        types: dict[str, pa.DataType],
        handler: Callable[[Any], str] | None,
    ) -> pa.Table:
        """Return rows as a table; ``handler`` takes rows that have too many or too few fields."""
        if not data:
            return pa.table({name: pa.array([], kind) for name, kind in types.items()})
        return pyarrow.csv.read_csv(
            pa.BufferReader(data),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=self.columns
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self.delimiter,
                newlines_in_values=b'"' in data,
                invalid_row_handler=handler,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                strings_can_be_null=False,
                decimal_point="," if self.decimal_comma else ".",
            ),
        )


class _Parser:
    """Parses the pieces of a file."""

    def __init__(self, file: CsvFile, selection: Selection) -> None:
        self.file = file
        self.selection = selection
        self.rules = TextRules(file.decimal_comma, missing_in_text=True)
        known = set(file.columns)
        self.types = {f.name: f.text_type for f in selection.features if f.name in known}
        self.kept = [] if selection.verbatim else list(selection.kept)
        # What is read as a feature is kept as one, but texts as they stand.
        self.typed = {item.name for item in self.kept if not is_text(item.type)} & set(self.types)
        for field in self.kept:
            self.types.setdefault(field.name, pa.string())

    def parsed(self, piece: Piece, *, header: bool) -> Parsed:
        rows = piece.rows().without_first() if header else piece.rows()
        misfits = _cut_wrongly(rows, self.file.delimiter)
        table = None
        if not misfits and rows.are_text():
            table = self._at_once(rows)
        if table is None:
            table, numbers = self._as_text(rows, misfits)
        else:
            numbers = list(range(len(rows)))
        features = typed(table, self.selection.features, self.rules)
        good = features.fitting()
        made = assembled(good, self._kept(features.fitting(table), good))
        misfits |= {numbers[item.row]: item for item in features.misfits}
        return rows.parsed(made, misfits, raw=self.selection.raw)

    def _at_once(self, rows: TextRows) -> pa.Table | None:
        """Parse rows in which every value is as it should be; return None for any other."""
        data = rows.piece.data[rows.starts[0] :] if len(rows) else b""
        try:
            table = self.file.parse(data, self.types, None)
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        return table if table.num_rows == len(rows) else None

    def _as_text(self, rows: TextRows, misfits: dict[int, Misfit]) -> tuple[pa.Table, list[int]]:
        """Parse rows as text; return the numbers of those that the table has.

        What is wrong with the others is put among the misfits.
        """
        for row in range(len(rows)):
            if not is_utf_8(rows[row]):
                what = f"it is not {rows.piece.encoding} text"
                misfits.setdefault(row, Misfit(row, None, what))
        readable = [row for row in range(len(rows)) if row not in misfits]
        width = len(self.file.columns)

        def note(invalid: Any) -> str:
            row, seen = readable[invalid.number - 1], invalid.actual_columns
            fields = "field" if seen == 1 else "fields"
            misfits[row] = Misfit(row, None, f"it has {seen} {fields}, not {width}")
            return "skip"

        data = b"\n".join(rows[row] for row in readable)
        table = self.file.parse(data, dict.fromkeys(self.types, pa.string()), note)
        numbers = [row for row in readable if row not in misfits]
        if len(numbers) != table.num_rows:
            raise DataError(
                f"{rows.piece.file} lines {rows.lines[0]} to {rows.lines[-1]} "
                "cannot be parsed as CSV",
                "A quotation mark may be missing there",
            )
        return table, numbers

    def _kept(self, table: pa.Table, features: pa.Table) -> dict[str, Any]:
        columns = {}
        for field in self.kept:
            values = (features if field.name in self.typed else table)[field.name]
            columns[KEPT + field.name] = values.cast(field.type)
        return columns


class CsvSink(TextSink):
    """Writes CSV."""

    def header(self, schema: pa.Schema) -> list[memoryview]:
        sink = io.StringIO()
        csv.writer(sink, lineterminator="\n").writerow(schema.names)  # which it quotes in a name
        return [memoryview(sink.getvalue().removesuffix("\n").encode())]

    def rows(self, table: pa.Table, raw: Any | None) -> list[memoryview]:
        cells = [_cells(column).cast(pa.binary()) for column in table.columns]
        if raw is None:
            line_break, nothing = (pa.scalar(text, pa.binary()) for text in (b"\n", b""))
            raw = pc.binary_join_element_wise(line_break, cells.pop(0), nothing)
        return bytes_of(pc.binary_join_element_wise(raw, *cells, pa.scalar(b",", pa.binary())))


def read(item: SourceFile, as_text: Collection[str] = ()) -> pa.Table:
    """Return a whole file, with the types that its values show; some columns as text."""
    delimiter = _delimiter(item)
    table = _read(item, delimiter, ".", as_text)
    others = [name for name in table.column_names if name not in as_text]
    if delimiter != "," and any(_has_decimal_commas(table[name]) for name in others):
        table = _read(item, delimiter, ",", as_text)
    for field in table.schema:
        if pa.types.is_binary(field.type):  # what pyarrow makes of text that is not UTF-8
            raise not_text(item)
    return table


def _read(
    item: SourceFile, delimiter: str, decimal_point: str, as_text: Collection[str]
) -> pa.Table:
    return pyarrow.csv.read_csv(
        stream(item),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=whole_block(item)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True,
            decimal_point=decimal_point,
            column_types=dict.fromkeys(as_text, pa.string()),
        ),
    )


def _delimiter(item: SourceFile) -> str:
    """Return the header's delimiter: a comma, unless the header has none and another one."""
    with stream(item) as source:
        start = source.read(1 << 16)
    first, whole, _ = start.partition(b"\n")
    if whole and not is_utf_8(first):
        raise not_text(item)
    header = first.decode("utf-8", "replace")
    return "," if "," in header else max(_DELIMITERS, key=header.count)


def _has_decimal_commas(column: Any) -> bool:
    """Whether a text column holds numbers such as ``12,5``, as its first rows show."""
    if not pa.types.is_string(column.type):
        return False
    seen = [text for text in column.slice(0, _ROWS_TO_SEE).to_pylist() if text is not None]
    return any("," in text for text in seen) and all(map(_DECIMAL_COMMA.fullmatch, seen))


def _cut_wrongly(rows: TextRows, delimiter: str) -> dict[int, Misfit]:
    """Return the rows that do not end where they should."""
    misfits: dict[int, Misfit] = {}
    if len(rows) and is_open(rows[-1], delimiter):
        row, end = len(rows) - 1, int(rows.lines[-1]) + rows[-1].count(b"\n")
        misfits[row] = Misfit(row, None, f"a quoted value does not end, up to line {end}")
    if b"\r" in rows.piece.data:  # which Arrow takes for the end of a row
        for row in range(len(rows)):
            if row not in misfits and has_stray_return(rows[row], delimiter):
                misfits[row] = Misfit(row, None, "it holds a carriage return outside quotes")
    return misfits


def _cells(values: Any) -> Any:
    """Return a column as cells; missing values are empty."""
    values = plain_text(values)
    if not pa.types.is_string(values.type):
        return pc.fill_null(number_text(values), "")
    values = pc.fill_null(values, "")
    special = pc.match_substring_regex(values, _SPECIAL)
    if not pc.any(special).as_py():
        return values
    doubled = pc.replace_substring(values, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), values)
