"""Whole files as one table, with the types that they show: what training reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyarrow as pa

from mlproject.base.errors import DataError, one_line
from mlproject.data import formats
from mlproject.data.source import SourceFile
from mlproject.data.streams import check_distinct, naming


def read_files(files: Sequence[SourceFile], as_text: Collection[str] = ()) -> pa.Table:
    tables = [_read_file(item, as_text) for item in files]
    expected = tables[0].column_names
    for item, table in zip(files, tables, strict=True):
        odd = sorted(set(table.column_names) ^ set(expected))
        if odd:
            raise DataError(
                f"{item.name} has other columns than {files[0].name}: {', '.join(odd[:5])}"
            )
    ordered = [table.select(expected) for table in tables]
    try:
        return pa.concat_tables(ordered, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"The files hold different types: {one_line(str(error))}") from error


def _read_file(item: SourceFile, as_text: Collection[str]) -> pa.Table:
    with naming(item):
        table = formats.read(item, as_text)
    check_distinct(table.column_names, item.name)
    return table
