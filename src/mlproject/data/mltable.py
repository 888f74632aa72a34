"""MLTable: a file of YAML in a folder that says which files are a table, and how they are read.

What is understood: its paths, one step that reads them, and which columns are kept or dropped.
https://learn.microsoft.com/azure/machine-learning/reference-yaml-mltable
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlproject.base.errors import DataError, one_line

FILE_NAME = "MLTable"
_FORMATS = {"read_delimited": "csv", "read_parquet": "parquet", "read_json_lines": "jsonl"}
_KEEP, _DROP = "keep_columns", "drop_columns"
_PATHS = ("file", "folder", "pattern")
_ENCODINGS = {"utf8bom": "utf-8", "iso88591": "iso-8859-1", "windows1252": "cp1252"}
_IN_EVERY_FILE = "all_files_same_headers"
# What changes nothing, for whoever reads by pieces and types by what is there.
_OPTIONS = {"delimiter", "encoding", "header", "support_multi_line", "partition_size"}
_DEFAULTS: dict[str, Any] = {
    "header": _IN_EVERY_FILE,
    "include_path_column": False,
    "infer_column_types": True,
    "empty_as_string": False,
    "invalid_lines": "error",
}


@dataclass(frozen=True)
class ColumnChoice:
    """Which columns of a file belong to the table; ``keep`` None for all but the dropped ones."""

    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()

    def of(self, columns: Sequence[str], where: str) -> list[str]:
        """Return those of a file's columns, in its order. DataError when one is not there."""
        missing = [name for name in self.keep or () if name not in columns]
        if missing:
            raise DataError(f"{where} has no column '{missing[0]}', which its MLTable keeps")
        kept = [name for name in columns if self.keep is None or name in self.keep]
        return [name for name in kept if name not in self.drop]


@dataclass(frozen=True)
class MLTable:
    """What a file named MLTable says.

    Attributes
    ----------
    paths : tuple of (str, str)
        ``file``, ``folder`` or ``pattern``, and its address.
    format : str or None
        ``csv``, ``parquet`` or ``jsonl``; None where nothing says it but the files' endings.
    """

    paths: tuple[tuple[str, str], ...]
    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    columns: ColumnChoice | None = None


def parsed(text: bytes, folder: str, name: str) -> MLTable:
    """Return what the MLTable of a folder says; ``name`` is what messages call it.

    Raises
    ------
    DataError
        When it is damaged, or asks for what is not understood.
    """
    import yaml  # a hundredth of a second, which few commands need

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError(f"{name} is damaged: {one_line(str(error))}") from error
    content = content if isinstance(content, dict) else {}
    paths = tuple(_path(item, folder, name) for item in content.get("paths") or [])
    if not paths:
        raise DataError(f"{name} has no paths", "It should name files under 'paths'")
    table = MLTable(paths)
    for step in content.get("transformations") or []:
        (kind, options), *more = step.items() if isinstance(step, dict) else [(str(step), None)]
        apply = _STEPS.get(str(kind))
        if apply is None or more:
            raise _not_understood(name, f"the step '{kind}'")
        table = apply(table, str(kind), options, name)
    return table


def _path(item: Any, folder: str, name: str) -> tuple[str, str]:
    kinds = [kind for kind in _PATHS if isinstance(item, dict) and item.get(kind)]
    if len(kinds) != 1:
        raise DataError(f"{name} has a path that is not a file, folder or pattern: {item}")
    path = str(item[kinds[0]])
    if "://" in path:
        return kinds[0], path
    inside = posixpath.normpath(path)
    if inside.startswith(("/", "..")):
        raise _not_understood(name, f"the path '{path}', which leads out of its folder")
    whole = folder.rstrip("/") if inside == "." else f"{folder.rstrip('/')}/{inside}"
    return kinds[0], whole


def _reading(table: MLTable, kind: str, options: Any, name: str) -> MLTable:
    if table.format is not None:
        raise _not_understood(name, f"a second step that reads, '{kind}',")
    given = options if isinstance(options, Mapping) else {}
    for option, value in given.items():
        if option not in _OPTIONS | _DEFAULTS.keys() or _DEFAULTS.get(option, value) != value:
            raise _not_understood(name, f"'{option}: {value}' of '{kind}'")
    encoding = given.get("encoding")
    known = _ENCODINGS.get(str(encoding), str(encoding)) if encoding else None
    delimiter = str(given["delimiter"]) if given.get("delimiter") else None
    return MLTable(table.paths, _FORMATS[kind], delimiter, known, table.columns)


def _choosing(table: MLTable, kind: str, options: Any, name: str) -> MLTable:
    names = [options] if isinstance(options, str) else options
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise _not_understood(name, f"'{kind}: {options}'")
    before = table.columns or ColumnChoice()
    if kind == _DROP:
        chosen = ColumnChoice(before.keep, (*before.drop, *names))
    else:
        chosen = ColumnChoice(tuple(names), before.drop)
    return MLTable(table.paths, table.format, table.delimiter, table.encoding, chosen)


_STEPS: dict[str, Callable[[MLTable, str, Any, str], MLTable]] = {
    **dict.fromkeys(_FORMATS, _reading),
    **dict.fromkeys((_KEEP, _DROP), _choosing),
}


def _not_understood(name: str, what: str) -> DataError:
    return DataError(
        f"{name} has {what} which is not supported",
        f"Supported are {', '.join(_STEPS)}: register the files themselves as a folder",
    )
