"""``sklearn:NAME``: the small data sets that scikit-learn ships."""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from mlproject.base.errors import DataError
from mlproject.base.suggestions import did_you_mean

PREFIX = "sklearn:"
NAMES = ("breast_cancer", "diabetes", "digits", "iris", "wine")


def is_sample(source: str) -> bool:
    return source.startswith(PREFIX)


def load(source: str) -> pa.Table:
    """Return a scikit-learn data set as a table; the column ``target`` is its target."""
    import sklearn.datasets

    name = source.removeprefix(PREFIX)
    if name not in NAMES:
        raise DataError(
            f"scikit-learn ships no data set '{name}'", did_you_mean(name, NAMES, noun="data sets")
        )
    bunch: Any = getattr(sklearn.datasets, f"load_{name}")(as_frame=True)
    return pa.Table.from_pandas(bunch.frame, preserve_index=False).replace_schema_metadata(None)


def table_sha256(table: pa.Table) -> str:
    """Return the SHA-256 of a table's Arrow stream, for data that has no file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
