"""A source, read: the frame, its hash, its schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa

from mlproject.azure.workspace_data import data_uris
from mlproject.base.errors import DataError
from mlproject.base.files import expanded
from mlproject.base.redaction import redacted
from mlproject.base.suggestions import did_you_mean
from mlproject.data import column_formats, samples
from mlproject.data.arrays import is_text, plain, plain_type
from mlproject.data.dialects import Dialect, Hints
from mlproject.data.remote import pinned
from mlproject.data.schema import Feature
from mlproject.data.source import combined_sha256, is_url, opened, without_file_scheme
from mlproject.data.types import converted, why_not
from mlproject.data.whole_files import read_files
from mlproject.data.written import ColumnFormat
from mlproject.data.written_dates import instants

# Of so many, waiting for threads takes longer than the conversion.
_FEW_CELLS = 1 << 20


@dataclass(frozen=True)
class Table:
    """Rows and where they came from.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Integers and floats as NumPy numbers, text as objects, missing values as NaN.
    source : str
        The source as it may be recorded: absolute for local files, without secrets for addresses.
    name : str
        A short name: the stem of the file or folder, or the data set's.
    sha256 : str
        Of the whole content.
    files : int
        How many files were read; 0 for a data set of scikit-learn.
    types : mapping of str to DataType
        Of the columns as they were read: truth values with gaps are floats in the frame.
    encoding : str or None
        Of the files that are text; None for UTF-8.
    dialect : Dialect or None
        Of the files that are CSV, where they are all written alike and show it.
    texts : pyarrow.Table
        The columns of text and of times as they were read.
    """

    frame: pd.DataFrame
    source: str
    name: str
    sha256: str
    files: int
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    encoding: str | None = None
    dialect: Dialect | None = None
    texts: pa.Table = field(default_factory=lambda: pa.table({}), repr=False)

    @property
    def rows(self) -> int:
        return len(self.frame)

    def require(self, columns: list[str], role: str) -> None:
        for column in columns:
            if column not in self.frame.columns:
                names = [str(name) for name in self.frame.columns]
                hint = did_you_mean(column, names, noun="columns")
                raise DataError(f"No {role} '{column}' in {self.source}", hint)

    def recognised(self) -> dict[str, ColumnFormat]:
        """Return how the columns are written that are numbers, times or dates in text."""
        pairs = zip(self.texts.column_names, self.texts.columns, strict=True)
        decimal = self.dialect.decimal if self.dialect is not None else "."
        found = {name: column_formats.recognised(column, decimal) for name, column in pairs}
        return {name: column_format for name, column_format in found.items() if column_format}

    def formatted(self, formats: Mapping[str, ColumnFormat]) -> Table:
        """Return the table with columns read as they are written: as doubles or ``datetime64[ns]``.

        Raises
        ------
        DataError
            When there is no such column, or a value does not fit; it names the row, from 1.
        """
        self.require(list(formats), "column to read")
        frame, types = self.frame.copy(deep=False), dict(self.types)
        for name, column_format in formats.items():
            held = name in self.texts.column_names
            values = plain(self.texts[name]) if held else _array(self.frame[name])
            types[name] = column_formats.arrow_type(column_format)
            column, odd = converted(values, types[name], column_format=column_format)
            if odd:
                why = why_not(values[odd[0]], types[name], column_format)
                raise DataError(f"{self.source} row {odd[0] + 1}, column '{name}': {why}")
            frame[name] = to_frame(pa.table({name: column}))[name].to_numpy()
        rest = [name for name in self.texts.column_names if name not in formats]
        return replace(self, frame=frame, types=types, texts=self.texts.select(rest))


def load(
    source: str,
    encoding: str | None = None,
    formats: Mapping[str, ColumnFormat] | None = None,
    hints: Hints = Hints(),
    features: Sequence[Feature] = (),
) -> Table:
    """Read a source whole.

    Parameters
    ----------
    encoding : str, optional
        What its text is in, where that is not seen.
    formats : mapping of str to ColumnFormat, optional
        Columns that are read as they are written, not as they seem to be: ``1.234`` may be a
        thousand.
    hints : Hints
        What is known of how its CSV files are written.
    features : sequence of Feature
        Columns that are read as a model takes them; others are what they seem to be.
    """
    table = _read(source, encoding, list(formats or ()), hints, features)
    return table.formatted(formats) if formats else table


def _read(
    source: str,
    encoding: str | None,
    as_text: Sequence[str],
    hints: Hints,
    features: Sequence[Feature],
) -> Table:
    if samples.is_sample(source):
        table = samples.load(source)
        name = source.removeprefix(samples.PREFIX)
        return Table(
            to_frame(table), source, name, samples.table_sha256(table), 0, **_as_read(table)
        )
    source = pinned(source)
    with opened(source, encoding) as files:
        whole = read_files(files, as_text, hints, features)
        digest = combined_sha256(files)
        count = len(files)
        seen = ", ".join(sorted({item.encoding for item in files if item.encoding})) or None
    if whole.table.num_rows == 0:
        raise DataError(f"{redacted(source)} has no rows")
    return Table(
        to_frame(whole.table),
        recorded(source),
        short_name(source),
        digest,
        count,
        **_as_read(whole.table),
        encoding=seen,
        dialect=whole.dialect,
    )


def _as_read(table: pa.Table) -> dict[str, Any]:
    types = {field.name: plain_type(field.type) for field in table.schema}
    texts = [name for name, kind in types.items() if is_text(kind) or pa.types.is_time(kind)]
    return {"types": types, "texts": table.select(texts)}


def columns_of(frame: pd.DataFrame, features: Sequence[Feature]) -> pa.Table:
    """Return the columns of a frame that are features, as a Parquet file would have them.

    A column of several kinds, which no file has, is text.
    """
    positions = {str(name): place for place, name in enumerate(frame.columns)}
    columns = {
        feature.name: _array(frame.iloc[:, positions[feature.name]])
        for feature in features
        if feature.name in positions
    }
    return pa.table(columns or {"": pa.nulls(len(frame))})


def _array(values: pd.Series[Any]) -> pa.Array:
    try:
        return pa.Array.from_pandas(values)
    except pa.ArrowException:
        return pa.array(values.astype(str), pa.string(), mask=values.isna().to_numpy())


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame of plain NumPy types.

    Integers and truth values with gaps become floats, decimals floats, dates and times with a zone
    ``datetime64[ns]`` in UTC; what that cannot hold (the years before 1678, after 2261) is missing.
    A missing text is NaN, as pandas reads it and scikit-learn's imputers expect it.
    """
    columns = []
    for values in table.columns:
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        elif pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
            values = instants(values)
        columns.append(values)
    numpy_like = pa.table(columns, names=table.column_names)
    frame: pd.DataFrame = numpy_like.to_pandas(
        ignore_metadata=True, use_threads=table.num_rows * table.num_columns > _FEW_CELLS
    )
    for column in numpy_like.schema:
        if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
            continue
        values = frame[column.name]
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        if values.dtype == object and pa.types.is_boolean(column.type):  # with gaps
            values = values.astype("float64")
        elif values.dtype == object:
            values = values.where(values.notna(), np.nan)
        frame[column.name] = values
    return frame


def recorded(source: str) -> str:
    """Return a source as it may be written down."""
    if is_url(source):
        return redacted(source)
    return str(expanded(without_file_scheme(source)).absolute())


def short_name(source: str) -> str:
    """Return a name for a source: that of a data asset, or the stem of its last part."""
    asset = data_uris.short_name(source)
    if asset is not None:
        return asset
    path = urlsplit(source).path if is_url(source) else without_file_scheme(source)
    last = Path(path.rstrip("/")).name
    stem = last.partition(".")[0].strip("*-_ ")
    return stem or "data"
