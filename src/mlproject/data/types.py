"""Columns as the types that a model takes; values that do not fit are named, not dropped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlproject.data import column_formats, written_dates
from mlproject.data.arrays import MISSING as MISSING
from mlproject.data.arrays import (
    in_one_piece,
    is_number,
    is_text,
    of_distinct,
    plain,
    without_markers,
)
from mlproject.data.dialects import Decimal, Thousands
from mlproject.data.schema import Feature
from mlproject.data.written import ColumnFormat
from mlproject.data.written_numbers import without_thousands

_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class TextRules:
    """How text is read, in training and in scoring.

    Attributes
    ----------
    decimal, thousands : str, str or None
        What stands in numbers before the fraction, and between groups of three digits.
    missing_in_text : bool
        Whether a marker such as ``NA`` is missing in a text feature too, as it is in any other. In
        formats that have types, and in data frames, a text is a text; CSV has no other way to say
        that one is missing.
    """

    decimal: Decimal = "."
    thousands: Thousands | None = None
    missing_in_text: bool = False


@dataclass(frozen=True)
class Misfit:
    """What keeps a row from being scored; the column is None when the whole row is to blame."""

    row: int
    column: str | None
    reason: str

    @property
    def message(self) -> str:
        """The reason, with the column that it is about."""
        return self.reason if self.column is None else f"column '{self.column}': {self.reason}"


@dataclass(frozen=True)
class Typed:
    """Columns as a model takes them.

    Attributes
    ----------
    table : Table of shape (n_rows, n_features)
        Null stands where a value does not fit, and in an optional feature that is absent.
    misfits : list of Misfit
        In the order of the rows; of each row the first.
    """

    table: pa.Table
    misfits: list[Misfit] = field(default_factory=list)

    def fitting(self, table: pa.Table | None = None) -> pa.Table:
        """Return the rows in which all values fit; or those of a table that has the same rows."""
        table = self.table if table is None else table
        if not self.misfits:
            return table
        fits = np.ones(table.num_rows, bool)
        fits[[misfit.row for misfit in self.misfits]] = False
        return table.filter(pa.array(fits))


def typed(table: pa.Table, features: Sequence[Feature], rules: TextRules = TextRules()) -> Typed:
    """Return the columns that a model takes, in its order and with its types.

    The table's columns are of any type, text included; others than the features do not matter.
    """
    positions = {name: index for index, name in enumerate(table.column_names)}
    columns: list[Any] = []
    misfits: dict[int, Misfit] = {}
    for feature in features:
        if feature.name not in positions:
            columns.append(pa.nulls(table.num_rows, feature.frame_type))
            continue
        values = in_one_piece(table.column(positions[feature.name]))
        column, odd = converted(values, feature.type, rules, feature.format)
        columns.append(column.cast(feature.frame_type))
        for row in odd:
            reason = why_not(values[row], feature.type, feature.format, rules)
            misfits.setdefault(row, Misfit(row, feature.name, reason))
    schema = pa.schema([(feature.name, feature.frame_type) for feature in features])
    made = pa.Table.from_arrays(columns, schema=schema)
    return Typed(made, [misfits[row] for row in sorted(misfits)])


def converted(
    values: Any,
    to: pa.DataType,
    rules: TextRules = TextRules(),
    column_format: ColumnFormat | None = None,
) -> tuple[Any, list[int]]:
    """Return an array as another type, null where a value does not fit, and the rows of these."""
    if pa.types.is_union(values.type):
        return _each_kind_converted(values, to, rules, column_format)
    values = plain(values)
    if column_format is not None:
        values, odd = column_formats.applied(values, column_format)
        if odd:
            return values, odd
    if is_text(values.type):
        values = _cleaned(values, to, rules)
    if pa.types.is_floating(values.type) and not pa.types.is_floating(to):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if values.type == to:
        return values, []
    if pa.types.is_null(values.type):
        return values.cast(to), []
    if not _can_become(values.type, to):
        return pa.nulls(len(values), to), np.flatnonzero(values.is_valid()).tolist()
    if to == written_dates.INSTANT:
        return _instants(values)
    return _cast_by_halves(values, to)


def from_json(values: Sequence[Any], to: pa.DataType) -> Any:
    """Return JSON values as an array from which ``to`` is to be made.

    Values of several kinds become a union: what becomes of a value must not depend on the kinds
    of the values beside it. Any value is a text, if that is what is wanted.
    """
    if is_text(to) or pa.types.is_decimal(to):
        return pa.array([_json_text(value) for value in values], pa.string())
    kinds: dict[type, list[int]] = {kind: [] for kind in map(type, values)}
    if len(others := kinds.keys() - {type(None)}) <= 1:
        return _from_one_kind(values, *others)
    for row, value in enumerate(values):
        kinds[type(value)].append(row)
    codes, offsets, arrays = np.empty(len(values), np.int8), np.empty(len(values), np.int32), []
    for code, (kind, rows) in enumerate(kinds.items()):
        codes[rows], offsets[rows] = code, np.arange(len(rows))
        arrays.append(_from_one_kind([values[row] for row in rows], kind))
    return pa.UnionArray.from_dense(pa.array(codes), pa.array(offsets), arrays)


def shown(value: Any) -> str:
    """Return a value as a message has it, cut short."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def why_not(
    item: Any,
    to: pa.DataType,
    column_format: ColumnFormat | None = None,
    rules: TextRules = TextRules(),
) -> str:
    """Return why an Arrow scalar cannot be a value of a type."""
    if column_format is None and pa.types.is_floating(to):
        column_format = ColumnFormat(
            type="number", decimal=rules.decimal, thousands=rules.thousands
        )
    expected = column_formats.expected(column_format) if column_format else _expected(to)
    return f"{_shown_item(item)} is not {expected}"


def _expected(to: pa.DataType) -> str:
    if pa.types.is_integer(to):
        return f"a whole number of {to.bit_width} bits"
    if pa.types.is_boolean(to):
        return "true or false"
    return "a date or time" if pa.types.is_timestamp(to) else "text"


def _shown_item(item: Any) -> str:
    item = item.value if isinstance(item, pa.UnionScalar) else item
    value = item.as_py()
    return shown(json.loads(value) if isinstance(item.type, pa.JsonType) else value)


def _from_one_kind(values: Sequence[Any], kind: type | None = None) -> Any:
    """Return JSON values of one kind; as JSON itself where Arrow has no such type."""
    try:
        if kind not in (list, dict):
            return pa.array(values)
    except OverflowError:  # a number of 30 digits
        pass
    texts = pa.array([_json_text(value) for value in values], pa.string())
    return pa.ExtensionArray.from_storage(pa.json_(pa.string()), texts)


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _each_kind_converted(
    values: pa.UnionArray, to: pa.DataType, rules: TextRules, column_format: ColumnFormat | None
) -> tuple[Any, list[int]]:
    codes, order, odd = values.type_codes.to_numpy(), [], []
    arrays = []
    for code in range(values.type.num_fields):
        rows = np.flatnonzero(codes == code)
        array, bad = converted(values.field(code), to, rules, column_format)
        arrays.append(array)
        order.append(rows)
        odd += rows[bad].tolist()
    back = np.argsort(np.concatenate(order))
    return pa.concat_arrays(arrays).take(pa.array(back)), sorted(odd)


def _cleaned(values: pa.Array, to: pa.DataType, rules: TextRules) -> pa.Array:
    values = values.cast(pa.string())
    if is_text(to):
        return without_markers(values) if rules.missing_in_text else values
    values = without_markers(pc.utf8_trim_whitespace(values))
    if is_number(to):
        values = without_thousands(values, rules.thousands, rules.decimal)
    return values


def _instants(values: pa.Array) -> tuple[pa.Array, list[int]]:
    if is_text(values.type):
        return of_distinct(values, written_dates.from_iso)
    return written_dates.instants(values), []


def _cast(values: pa.Array, to: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(to) and is_number(values.type):
        values = values.cast(pa.float64(), safe=False)
        if not pc.all(pc.is_in(values, pa.array([0.0, 1.0, None]))).as_py():
            raise pa.ArrowInvalid("neither 0 nor 1")
    number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    # A large number is rounded, as everywhere.
    return values.cast(to, safe=not (pa.types.is_floating(to) and number))


def _cast_by_halves(values: pa.Array, to: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Cast values at once where they all can be, and else by halves down to the odd ones."""
    try:
        return _cast(values, to), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    if len(values) > 1:
        middle = len(values) // 2
        left, odd = _cast_by_halves(values.slice(0, middle), to)
        right, more = _cast_by_halves(values.slice(middle), to)
        return pa.concat_arrays([left, right]), odd + [middle + row for row in more]
    try:  # 12.0 is a whole number
        if pa.types.is_integer(to) and is_text(values.type):
            return values.cast(pa.float64()).cast(to), []
    except pa.ArrowInvalid:
        pass
    return pa.nulls(1, to), np.flatnonzero(values.is_valid()).tolist()


def _can_become(kind: pa.DataType, to: pa.DataType) -> bool:
    """Whether values of a type can be values of another: a date is no number, a list no text."""
    if is_text(kind):
        return True
    if pa.types.is_timestamp(to):
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    number = is_number(kind) or pa.types.is_boolean(kind)
    return bool(number) and not is_text(to)
