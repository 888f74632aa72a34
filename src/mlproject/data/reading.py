"""A source as scoring reads it: which columns, and every file in turn."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mlproject.base.errors import ConfigurationError, DataError
from mlproject.base.suggestions import did_you_mean
from mlproject.data import column_types, formats
from mlproject.data.batches import Parsed, Selection
from mlproject.data.dialects import DialectOptions, Hints
from mlproject.data.formats.data_file import DataFile
from mlproject.data.formats.json_lines import AS_IT_STANDS
from mlproject.data.schema import Feature, Schema
from mlproject.data.source import SourceFile

ALL, NONE = "all", "none"


@dataclass(frozen=True)
class CopyRequest:
    """What of the input is wanted beside the predictions.

    Attributes
    ----------
    keep : str
        The columns that the output has too: ``all``, ``none``, or names with commas between them.
    format : str
        Of the output.
    added : frozenset of str
        The columns that scoring adds.
    rejects : bool
        Whether rejects are wanted as they stand.
    """

    keep: str
    format: str
    added: frozenset[str]
    rejects: bool

    def look(self, hints: Hints) -> Look:
        """Return what has to be known of the files."""
        keys_are_copied = self.keep == NONE or (self.keep == ALL and self.format == "jsonl")
        return Look(
            whole=not keys_are_copied,
            typed=self.keep != NONE and self.format != "csv",
            hints=hints,
        )


@dataclass(frozen=True)
class Input:
    """A source that can be read."""

    files: list[DataFile]
    selection: Selection

    @property
    def size(self) -> int:
        """How much there is to read, in the unit of ``Origin.size``; 0 when that is not known."""
        if len({file.item.format == "parquet" for file in self.files}) > 1:
            return 0
        sizes = [file.size for file in self.files]
        return 0 if None in sizes else sum(size or 0 for size in sizes)

    def tasks(self) -> Iterator[Callable[[], Parsed]]:
        """Yield what parses each piece, in the order of the rows."""
        for file in self.files:
            yield from file.tasks(self.selection)


@dataclass(frozen=True)
class Look:
    """What has to be known of a file before it is read.

    Attributes
    ----------
    whole : bool
        The keys of all objects of JSON Lines, because later ones may have others.
    typed : bool
        The types that the columns of a CSV file show.
    """

    whole: bool
    typed: bool
    hints: Hints

    def __call__(self, item: SourceFile) -> DataFile:
        whole = self.whole or item.columns is not None
        return formats.opened(item, whole=whole, typed=self.typed, hints=self.hints)


def prepare(
    items: Sequence[SourceFile],
    schema: Schema,
    request: CopyRequest,
    options: DialectOptions = DialectOptions(),
) -> Input:
    """Return files that are on this machine, and whose encodings are known, ready to be read."""
    look = request.look(schema.hints(options))
    files = [look(item) for item in items]
    return Input(files, selected(files, schema, request))


def selected(files: Sequence[DataFile], schema: Schema, request: CopyRequest) -> Selection:
    """Return what is read of files that were looked at."""
    first = files[0]
    known = first.columns
    if first.item.format == "jsonl":
        known = list(dict.fromkeys(name for file in files for name in file.columns))
    if known:
        known = first.item.chosen(known)
    if known or any(file.has_rows for file in files):
        features = schema.matched(known, first.item.name)
    else:
        features = schema.assumed
        known = [feature.name for feature in schema.features] + _named(request.keep)
    # In JSON Lines each row has keys of its own.
    others = [file for file in files[1:] if file.item.format != "jsonl"]
    for file in others:
        schema.matched(file.columns, file.item.name)
    names = _kept(request.keep, known, first.item.name)
    for file in others:
        odd = set(names) - set(file.columns)
        if request.keep == ALL:
            odd = set(first.columns) ^ set(file.columns)
        if odd:
            raise DataError(
                f"{file.item.name} has other columns than {first.item.name}: "
                f"{', '.join(sorted(odd)[:5])}",
                "Choose what is copied with --keep",
            )
    clash = sorted(request.added & set(names))
    if clash:
        raise already_there(first.item.name, clash[0])
    verbatim = request.keep == ALL and all(
        file.item.format == request.format
        and file.item.columns is None
        and file.can_be_copied(first.columns)
        for file in files
    )
    kept = _kept_schema(names, files, features, request.format)
    raw = verbatim or request.rejects
    return Selection(features, kept, verbatim, raw, request.added)


def already_there(where: str, column: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where} already has a column '{column}', which scoring adds",
        "Leave it out with --keep none or --keep COL,COL",
    )


def _kept(keep: str, known: list[str], where: str) -> list[str]:
    if keep in (ALL, NONE):
        return known if keep == ALL else []
    names, columns = _named(keep), set(known)
    for name in names:
        if name not in columns:
            hint = did_you_mean(name, known, noun="columns")
            raise ConfigurationError(f"--keep names '{name}', which {where} does not have", hint)
    return names


def _named(keep: str) -> list[str]:
    """Return the columns that are named one by one."""
    if keep in (ALL, NONE):
        return []
    given = next(csv.reader([keep], skipinitialspace=True))  # a name may hold a comma in quotes
    return list(dict.fromkeys(name.strip() for name in given if name.strip()))


def _kept_schema(
    names: Sequence[str], files: Sequence[DataFile], features: Sequence[Feature], output: str
) -> pa.Schema:
    """Return the kept columns with the file's own type, or the feature's, or as they stand.

    Dates, and what a feature reads in a way of its own (``$1,234``), stand as they are: a zone, or
    a year that no timestamp has, is not lost.
    """
    first = files[0]
    if first.item.format == output == "jsonl":
        return pa.schema([(name, AS_IT_STANDS) for name in names])
    types = {feature.name: feature.text_type for feature in features}
    return pa.schema([(name, _kept_type(name, files, types)) for name in names])


def _kept_type(
    name: str, files: Sequence[DataFile], features: Mapping[str, pa.DataType]
) -> pa.DataType:
    if not files[0].has_text:
        return files[0].type_of(name) or features.get(name, pa.string())
    if name in features:
        return features[name]
    return column_types.joined([file.type_of(name) for file in files])
