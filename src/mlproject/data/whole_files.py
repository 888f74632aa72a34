"""Whole files as one table, with the types that they show: what training reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mlproject.base.errors import DataError, one_line
from mlproject.data import formats
from mlproject.data.dialects import Dialect, Hints
from mlproject.data.formats.csv_files import CsvFile
from mlproject.data.formats.csv_headers import sniffed_delimiter
from mlproject.data.formats.lines import pieces
from mlproject.data.schema import Feature
from mlproject.data.source import SourceFile
from mlproject.data.streams import check_distinct, naming
from mlproject.data.types import TextRules, typed
from mlproject.data.written_decimals import Votes


@dataclass(frozen=True)
class WholeFiles:
    """The files of a source, read.

    Attributes
    ----------
    dialect : Dialect or None
        Of all CSV files; None where there is none, where they differ, and where their numbers do
        not show it.
    """

    table: pa.Table
    dialect: Dialect | None


def read_files(
    files: Sequence[SourceFile],
    as_text: Collection[str] = (),
    hints: Hints = Hints(),
    features: Sequence[Feature] = (),
) -> WholeFiles:
    """Read files; the columns of ``features`` as a model takes them, and not as they seem to be."""
    dialects, sure = _dialects([item for item in files if item.format == "csv"], hints)
    texts = {*as_text, *(feature.name for feature in features)}
    tables = [
        _with_features(
            item, _read_file(item, dialects.get(item), texts), dialects.get(item), features
        )
        for item in files
    ]
    expected = tables[0].column_names
    for item, table in zip(files, tables, strict=True):
        odd = sorted(set(table.column_names) ^ set(expected))
        if odd:
            raise DataError(
                f"{item.name} has other columns than {files[0].name}: {', '.join(odd[:5])}"
            )
    ordered = [table.select(expected) for table in tables]
    try:
        joined = pa.concat_tables(ordered, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"The files hold different types: {one_line(str(error))}") from error
    common = set(dialects.values())
    return WholeFiles(joined, common.pop() if sure and len(common) == 1 else None)


def _read_file(item: SourceFile, dialect: Dialect | None, as_text: Collection[str]) -> pa.Table:
    with naming(item):
        table = formats.read(item, dialect, as_text)
    check_distinct(table.column_names, item.name)
    return table.select(item.chosen(table.column_names))


def _with_features(
    item: SourceFile, table: pa.Table, dialect: Dialect | None, features: Sequence[Feature]
) -> pa.Table:
    """Return a table with some columns read as scoring reads them.

    Raises
    ------
    DataError
        When a value does not fit; it names the row, from 1.
    """
    rules = TextRules()
    if dialect is not None:
        rules = TextRules(dialect.decimal, dialect.thousands, missing_in_text=True)
    present = [feature for feature in features if feature.name in table.column_names]
    read = typed(table, present, rules)
    for misfit in read.misfits:
        raise DataError(f"{item.name} row {misfit.row + 1}, {misfit.message}")
    for feature in present:
        place = table.column_names.index(feature.name)
        table = table.set_column(place, feature.name, read.table[feature.name])
    return table


def _dialects(items: Sequence[SourceFile], hints: Hints) -> tuple[dict[SourceFile, Dialect], bool]:
    """Return how the CSV files of a source are written, and whether their numbers show it.

    All values of all files with one delimiter have a say in what their decimal point is.
    """
    delimiters = {}
    seen: dict[str, Votes] = {}
    for item in items:
        with naming(item):
            delimiter = delimiters[item] = sniffed_delimiter(item, hints)
        if delimiter != "," and hints.decimal(delimiter) is None:
            seen[delimiter] = seen.get(delimiter, Votes()) + _votes(item, hints)
    dialects = {}
    for item, delimiter in delimiters.items():
        decimal = hints.decimal(delimiter) or seen.get(delimiter, Votes()).decimal(delimiter)
        dialects[item] = hints.dialect(delimiter, decimal)
    return dialects, all(votes.any for votes in seen.values())


def _votes(item: SourceFile, hints: Hints) -> Votes:
    file, _ = CsvFile.with_header(item, hints)
    here = Votes()
    for number, piece in enumerate(pieces(item, file.delimiter)):
        rows = piece.rows() if number else piece.rows().without_first()
        here += file.votes(rows, file.columns)
    return here
