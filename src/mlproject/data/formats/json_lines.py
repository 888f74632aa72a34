"""JSON Lines files: read in pieces or whole, and written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from mlproject.data.batches import KEPT, Parsed, Selection, assembled
from mlproject.data.formats.data_file import WHOLE, DataFile, Range
from mlproject.data.formats.lines import Piece, TextRows, can_be_cut, pieces
from mlproject.data.schema import Feature
from mlproject.data.source import SourceFile
from mlproject.data.streams import not_text, stream, whole_block
from mlproject.data.text import bytes_of, number_text, plain_text
from mlproject.data.types import Misfit, from_json, typed
from mlproject.data.writing import TextSink

AS_IT_STANDS = pa.json_(pa.string())
_OPENING, _CLOSING = b"{}"
_SPECIAL = '["\\\\\\x00-\\x1f]'


@dataclass(frozen=True)
class JsonLinesFile(DataFile):
    """A JSON Lines file, and the keys of its objects in the order of their appearance."""

    @classmethod
    def opened(cls, item: SourceFile, *, whole: bool) -> JsonLinesFile:
        """Return a file with the keys of all objects, or of those in the first piece with any."""
        columns: dict[str, None] = {}
        for piece in pieces(item, None):
            rows = piece.rows()
            for row in range(len(rows)):
                content = _object(rows, row)
                if isinstance(content, dict):
                    columns |= dict.fromkeys(content)
            if columns and not whole:
                break
        return cls(item, list(columns), can_be_cut=can_be_cut(item))

    @property
    def has_rows(self) -> bool:
        return any(len(piece.rows()) for piece in pieces(self.item, None))

    def can_be_copied(self, columns: list[str]) -> bool:
        """Return True: a row names its columns itself."""
        return True

    def tasks(self, selection: Selection, rows: Range = WHOLE) -> Iterator[Callable[[], Parsed]]:
        for piece in pieces(self.item, None, rows):
            yield partial(_parsed, piece, selection)


class JsonLinesSink(TextSink):
    """Writes JSON Lines."""

    def rows(self, table: pa.Table, raw: Any | None) -> list[memoryview]:
        """Return objects, each with a line break before it; ``raw`` has their first members."""
        parts: list[Any] = ["\n{"]
        if raw is not None:
            opened = pc.replace_substring_regex(raw.cast(pa.string()), r"\s*\}\s*$", "")
            empty = pc.match_substring_regex(opened, r"^\n\s*\{\s*$")
            parts = [opened, pc.if_else(empty, "", ",")]
        for index, (name, values) in enumerate(zip(table.column_names, table.columns, strict=True)):
            comma = "," if index else ""
            parts += [f"{comma}{json.dumps(name, ensure_ascii=False)}:", _values(values)]
        return bytes_of(pc.binary_join_element_wise(*parts, "}", ""))


def read(item: SourceFile) -> pa.Table:
    table = pyarrow.json.read_json(
        stream(item),
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=whole_block(item)),
    )
    try:
        table.validate(full=True)
        table.schema.names  # noqa: B018 - which decodes them
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise not_text(item) from error
    return table


def from_objects(objects: Sequence[dict[str, Any]], features: Sequence[Feature]) -> pa.Table:
    """Return objects as columns from which the features can be made."""
    return pa.table(
        {f.name: from_json([item.get(f.name) for item in objects], f.type) for f in features}
    )


def _parsed(piece: Piece, selection: Selection) -> Parsed:
    rows = piece.rows()
    misfits: dict[int, Misfit] = {}
    at_once = len(rows) and rows.are_text() and (selection.verbatim or not len(selection.kept))
    if selection.verbatim and any(json.dumps(n).encode() in piece.data for n in selection.added):
        at_once = False
    made = _at_once(rows, selection) if at_once else None
    if made is None:
        made = _one_by_one(rows, selection, misfits)
    return rows.parsed(made, misfits, raw=selection.raw)


def _at_once(rows: TextRows, selection: Selection) -> pa.Table | None:
    """Parse rows in which every value is as it should be; return None for any other."""
    features = selection.features
    table = _parsed_by_arrow(rows, {f.name: f.text_type for f in features})
    if table is None and any(f.format for f in features):  # they may be numbers already
        instants = pa.types.is_timestamp
        types = {f.name: f.text_type if instants(f.type) else f.type for f in features}
        table = _parsed_by_arrow(rows, types)
    if table is None:
        return None
    made = typed(table, features)
    return None if made.misfits else assembled(made.table, {})


def _parsed_by_arrow(rows: TextRows, types: dict[str, pa.DataType]) -> pa.Table | None:
    content = rows.piece.data
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(content),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(content) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(types),
                unexpected_field_behavior="ignore",
            ),
        )
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    # Arrow reads objects wherever lines end; with a brace at both ends of each there is one a line.
    data = np.frombuffer(content, np.uint8)
    braces = (data[rows.starts] == _OPENING) & (data[rows.ends - 1] == _CLOSING)
    return table if table.num_rows == len(rows) and braces.all() else None


def _one_by_one(rows: TextRows, selection: Selection, misfits: dict[int, Misfit]) -> pa.Table:
    """Parse rows value by value; what is wrong with some is put among the misfits."""
    objects: list[dict[str, Any]] = []
    numbers: list[int] = []
    for row in range(len(rows)):
        content = _object(rows, row)
        if not isinstance(content, dict):
            misfits[row] = Misfit(row, None, content)
        elif selection.verbatim and (twice := sorted(selection.added & content.keys())):
            misfits[row] = Misfit(row, twice[0], "scoring adds a value of this name")
        else:
            objects.append(content)
            numbers.append(row)
    features = typed(from_objects(objects, selection.features), selection.features)
    misfits |= {numbers[item.row]: item for item in features.misfits}
    good = [item for row, item in zip(numbers, objects, strict=True) if row not in misfits]
    return assembled(features.fitting(), {} if selection.verbatim else _kept(good, selection.kept))


def _kept(objects: Sequence[dict[str, Any]], schema: pa.Schema) -> dict[str, Any]:
    fields = [Feature(f.name, f.type) for f in schema if not isinstance(f.type, pa.JsonType)]
    columns = typed(from_objects(objects, fields), fields).table
    kept = {}
    for field in schema:
        if isinstance(field.type, pa.JsonType):
            values = [item.get(field.name) for item in objects]
            kept[KEPT + field.name] = pa.ExtensionArray.from_storage(
                field.type,
                pa.array([None if v is None else _dumped(v) for v in values], pa.string()),
            )
        else:
            kept[KEPT + field.name] = columns[field.name]
    return kept


def _object(rows: TextRows, row: int) -> dict[str, Any] | str:
    """Return the object that a line holds, or what is wrong with it."""
    text = rows[row]
    try:
        content = json.loads(text)
    except UnicodeDecodeError:
        return f"it is not {rows.piece.encoding} text"
    except (ValueError, RecursionError) as error:
        return f"it is not JSON: {error}"
    if not isinstance(content, dict):
        return "it is not a JSON object"
    if rb"\u" in text:
        try:
            _dumped(content).encode()
        except UnicodeEncodeError:
            return "it holds half of a surrogate pair, which is not text"
    return content


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _values(values: Any) -> Any:
    """Return a column as JSON values; missing and infinite numbers are null."""
    as_json = pa.types.is_nested(values.type) or isinstance(values.type, pa.JsonType)
    values = plain_text(values)
    if not pa.types.is_string(values.type):
        if pa.types.is_floating(values.type):
            values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
        return pc.fill_null(number_text(values), "null")
    if not as_json:
        if pc.any(pc.match_substring_regex(values, _SPECIAL)).as_py():
            texts = [None if text is None else _dumped(text) for text in values.to_pylist()]
            values = pa.array(texts, pa.string())
        else:
            values = pc.binary_join_element_wise('"', values, '"', "")
    return pc.fill_null(values, "null")
