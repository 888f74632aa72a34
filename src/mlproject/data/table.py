"""A source, read: the frame, its hash, its schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa

from mlproject.base.errors import DataError
from mlproject.base.redaction import redacted
from mlproject.base.suggestions import did_you_mean
from mlproject.data import samples
from mlproject.data.schema import Feature
from mlproject.data.source import combined_sha256, is_url, opened
from mlproject.data.whole_files import read_files


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
    """

    frame: pd.DataFrame
    source: str
    name: str
    sha256: str
    files: int

    @property
    def rows(self) -> int:
        return len(self.frame)

    def require(self, columns: list[str], role: str) -> None:
        for column in columns:
            if column not in self.frame.columns:
                names = [str(name) for name in self.frame.columns]
                hint = did_you_mean(column, names, noun="columns")
                raise DataError(f"No {role} '{column}' in {self.source}", hint)


def load(source: str) -> Table:
    if samples.is_sample(source):
        table = samples.load(source)
        name = source.removeprefix(samples.PREFIX)
        return Table(to_frame(table), source, name, samples.table_sha256(table), 0)
    with opened(source) as files:
        table = read_files(files)
        digest = combined_sha256(files)
        count = len(files)
    if table.num_rows == 0:
        raise DataError(f"{redacted(source)} has no rows")
    return Table(to_frame(table), recorded(source), short_name(source), digest, count)


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

    Integers and truth values with gaps become floats, decimals floats, dates timestamps. A missing
    text is NaN, as pandas reads it and scikit-learn's imputers expect it.
    """
    fields = [
        field.with_type(pa.float64()) if pa.types.is_decimal(field.type) else field
        for field in table.schema
    ]
    plain = table.cast(pa.schema(fields))
    frame: pd.DataFrame = plain.to_pandas(date_as_object=False, ignore_metadata=True)
    for column in frame.columns:
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            frame[column] = values.astype(object)
    for field in plain.schema:
        if pa.types.is_boolean(field.type) and frame[field.name].dtype == object:  # with gaps
            frame[field.name] = frame[field.name].astype("float64")
        elif frame[field.name].dtype == object:
            values = frame[field.name]
            frame[field.name] = values.where(values.notna(), np.nan)
    return frame


def recorded(source: str) -> str:
    """Return a source as it may be written down."""
    if is_url(source):
        return redacted(source)
    return str(Path(source.removeprefix("file://")).expanduser().absolute())


def short_name(source: str) -> str:
    """Return a name for a source: the stem of its last part."""
    path = urlsplit(source).path if is_url(source) else source
    last = Path(path.rstrip("/")).name
    stem = last.partition(".")[0].strip("*-_ ")
    return stem or "data"
