"""CSV files: read in pieces or whole, and written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from mlproject.base.errors import DataError
from mlproject.data import column_types, written_numbers
from mlproject.data.arrays import MISSING, in_one_piece, is_text
from mlproject.data.batches import KEPT, Parsed, Selection, assembled
from mlproject.data.dialects import Dialect, Hints
from mlproject.data.encodings import is_utf_8
from mlproject.data.formats.csv_headers import sniffed_delimiter
from mlproject.data.formats.data_file import WHOLE, DataFile, Range
from mlproject.data.formats.lines import (
    Piece,
    TextRows,
    can_be_cut,
    has_stray_return,
    is_open,
    pieces,
)
from mlproject.data.source import SourceFile
from mlproject.data.streams import check_distinct, naming, not_text, stream, whole_block
from mlproject.data.text import bytes_of, number_text, plain_text
from mlproject.data.types import Misfit, TextRules, converted, typed
from mlproject.data.writing import TextSink
from mlproject.data.written_decimals import Votes, votes

_SPECIAL = '[",\\r\\n]|^\\s|\\s$'


@dataclass(frozen=True)
class CsvFile(DataFile):
    """A CSV file and how it is written."""

    dialect: Dialect
    types: Mapping[str, pa.DataType] = field(default_factory=dict)

    @classmethod
    def opened(cls, item: SourceFile, hints: Hints = Hints(), *, typed: bool = False) -> CsvFile:
        """Return a file with what is known of it, and else with what its first piece shows.

        ``typed``: also with the types of its columns.
        """
        begun, first = cls.with_header(item, hints)
        rows = first.without_first()
        decimal = hints.decimal(begun.delimiter)
        if decimal is None:
            features = [name for name in begun.columns if name in set(hints.features)]
            decimal = begun.votes(rows, features or begun.columns).decimal(begun.delimiter)
        file = replace(begun, dialect=hints.dialect(begun.delimiter, decimal))
        if not typed and file.rules == TextRules(missing_in_text=True):
            return file  # its numbers can be copied as they stand
        table, rules = file.sample(rows, file.columns), file.rules
        types = {name: column_types.shown(table[name], rules) for name in file.columns}
        return replace(file, types=types)

    @classmethod
    def with_header(cls, item: SourceFile, hints: Hints) -> tuple[CsvFile, TextRows]:
        """Return a file whose numbers were not looked at, and the rows of its first piece."""
        with naming(item):
            delimiter = sniffed_delimiter(item, hints)
        first = next(pieces(item, delimiter), None)
        rows = first.rows() if first else None
        if first is None or rows is None or not len(rows):
            raise DataError(f"{item.name} is empty: it has no header")
        if is_open(rows[0], delimiter) or has_stray_return(rows[0], delimiter):
            what = "a carriage return" if b"\r" in rows[0] else "a quoted value that does not end"
            raise DataError(f"{item.name} line {rows.lines[0]} is not a header: it holds {what}")
        text = rows.text(0)
        csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
        columns = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        check_distinct(columns, item.name)
        return cls(item, columns, Dialect(delimiter), can_be_cut=can_be_cut(item)), rows

    @property
    def delimiter(self) -> str:
        return self.dialect.delimiter

    @property
    def rules(self) -> TextRules:
        """How its texts are read."""
        return TextRules(self.dialect.decimal, self.dialect.thousands, missing_in_text=True)

    def votes(self, rows: TextRows, columns: Sequence[str]) -> Votes:
        """Return what columns say of the decimal point; where commas separate values, nothing."""
        return Votes() if self.delimiter == "," else votes(self.sample(rows, columns))

    def sample(self, rows: TextRows, columns: Sequence[str]) -> pa.Table:
        """Return columns of rows as text; those that cannot be parsed are left out."""
        data = rows.piece.data[rows.starts[0] : rows.ends[-1]] if len(rows) else b""
        data = data.decode("utf-8", "replace").encode()
        return self.parse(data, dict.fromkeys(columns, pa.string()), lambda _: "skip")

    @property
    def has_text(self) -> bool:
        return True

    def type_of(self, column: str) -> pa.DataType | None:
        return self.types.get(column)

    def can_be_copied(self, columns: list[str]) -> bool:
        return self.columns == columns and self.delimiter == ","

    def tasks(self, selection: Selection, rows: Range = WHOLE) -> Iterator[Callable[[], Parsed]]:
        parser = _Parser(self, selection)
        for number, piece in enumerate(pieces(self.item, self.delimiter, rows)):
            yield partial(parser.parsed, piece, header=number == 0 and rows.start == 0)

    def parse(
        self,
        data: bytes | memoryview,
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
                newlines_in_values=True,
                invalid_row_handler=handler,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                strings_can_be_null=False,
                decimal_point=self.dialect.decimal,
            ),
        )


class _Parser:
    """Parses the pieces of a file."""

    def __init__(self, file: CsvFile, selection: Selection) -> None:
        self.file = file
        self.selection = selection
        self.rules = file.rules
        known = set(file.columns)
        self.types = {f.name: f.text_type for f in selection.features if f.name in known}
        self.kept = [] if selection.verbatim else list(selection.kept)
        # What is read as a feature is kept as one, but texts as they stand.
        self.typed = {item.name for item in self.kept if not is_text(item.type)} & set(self.types)
        for kept in self.kept:
            self.types.setdefault(kept.name, pa.string())

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
        """Parse rows that all have as many fields as they should; return None for any other.

        Values become texts where one of them is not as Arrow reads it, such as ``1.234,5``.
        """
        data = memoryview(rows.piece.data)[rows.starts[0] :] if len(rows) else b""
        for types in (self.types, dict.fromkeys(self.types, pa.string())):
            try:
                table = self.file.parse(data, types, None)
            except (pa.ArrowException, UnicodeDecodeError):
                continue
            return table if table.num_rows == len(rows) else None
        return None

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
        columns, wider = {}, {}
        for kept in self.kept:
            name, values = kept.name, table[kept.name]
            if name in self.typed:
                values = features[name].cast(kept.type)
            elif values.type == kept.type or not is_text(values.type):
                values = values.cast(kept.type)
            else:
                values = in_one_piece(values)
                made = column_types.as_type(values, kept.type, self.rules)
                if made is None:
                    wider[name] = column_types.wider(values, kept.type, self.rules)
                values = made
            columns[KEPT + name] = values
        if wider:
            raise column_types.WiderColumns(wider)
        return columns


def header_of(columns: Sequence[str]) -> bytes:
    """Return the first line of a file that is written."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(columns)  # which it quotes in a name
    return text.getvalue().encode()


class CsvSink(TextSink):
    """Writes CSV."""

    def header(self, schema: pa.Schema) -> list[memoryview]:
        return [memoryview(header_of(schema.names).removesuffix(b"\n"))]

    def rows(self, table: pa.Table, raw: Any | None) -> list[memoryview]:
        cells = [_cells(column).cast(pa.binary()) for column in table.columns]
        if raw is None and len(cells) == 1:  # an empty line would be no row
            empty = pa.scalar(b'""', pa.binary())
            cells[0] = pc.if_else(pc.equal(pc.binary_length(cells[0]), 0), empty, cells[0])
        if raw is None:
            line_break, nothing = (pa.scalar(text, pa.binary()) for text in (b"\n", b""))
            raw = pc.binary_join_element_wise(line_break, cells.pop(0), nothing)
        return bytes_of(pc.binary_join_element_wise(raw, *cells, pa.scalar(b",", pa.binary())))


def read(item: SourceFile, dialect: Dialect, as_text: Collection[str] = ()) -> pa.Table:
    """Return a whole file, with the types that its values show; some columns as text."""
    table = pyarrow.csv.read_csv(
        stream(item),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=whole_block(item)),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            strings_can_be_null=True,
            null_values=MISSING.to_pylist(),
            decimal_point=dialect.decimal,
            column_types=dict.fromkeys(as_text, pa.string()),
        ),
    )
    for kind in table.schema.types:
        if pa.types.is_binary(kind):  # what pyarrow makes of text that is not UTF-8
            raise not_text(item)
    for place, name in enumerate(table.column_names):
        if dialect.thousands is not None and name not in as_text:
            table = table.set_column(place, name, _with_thousands(table.column(place), dialect))
    return table


def _with_thousands(values: Any, dialect: Dialect) -> Any:
    """Return a column of text as doubles, where all of it are numbers in a dialect."""
    notation = dialect.thousands, dialect.decimal
    if not is_text(values.type) or not written_numbers.are_numbers(values, *notation):
        return values
    return converted(values, pa.float64(), TextRules(dialect.decimal, dialect.thousands))[0]


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
