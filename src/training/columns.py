"""What the columns of a stranger's table are: numbers, categories, dates, or nothing to learn from.

The rules look at names and values of the features, and at the target only to find groups.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mlproject.base.counting import counted

# Categories that scikit-learn's histogram gradient boosting takes as such, one bin left over.
MOST_CATEGORIES = 254
# From so many rows on, distinct whole numbers can be a count of the rows.
_ROWS_TO_NUMBER = 20
# A sample of row numbers is spread evenly over its range: Kolmogorov and Smirnov's distance to an
# even spread, times the root of the rows, is above that in one case of a thousand.
_MOST_UNEVEN = 1.95
_ROWS_TO_MEASURE_SPREAD = 100
# Of fewer than one row in so many, even numbers may be a quantity that grows.
_MOST_SPREAD = 20
_NAMES_ROWS = re.compile(
    r"(unnamed(: ?\d+)?|index|idx|row|row ?(names?|num(ber)?|id)|obs(ervation)?|serial|"
    r"(.*[_\- .])?(id|uuid|guid|key))",
    re.IGNORECASE,
)
_NAMES_NUMBERS = re.compile(r"(.*[_\- .])?(no|nr|num|number|count(er)?|seq(uence)?)", re.IGNORECASE)
# A row number may lack a few rows, or stand twice now and then.
_NEARLY_ALL = 0.95
# Of the rows: so many follow the one before by one where a column numbers them, in parts too.
_COUNTING = 0.9
_NAMES_YEARS = re.compile(r"(.*[_\- .])?(year|yr|jahr|année|annee)s?", re.IGNORECASE)
_FIRST_YEAR, _LAST_YEAR = 1000, 2500
# A column with fewer values, or a smaller share of them, has none in some of the folds.
_FEWEST_VALUES, _LEAST_PRESENT = 10, 0.005
# What a column holds whose values are neither texts nor numbers, by the types of its values.
_KINDS = {"time": "times of day", "list": "lists", "ndarray": "lists", "dict": "nested values"}
_FEWEST_GROUPS = 5
_ROWS_A_GROUP = 2


@dataclass(frozen=True)
class Columns:
    """The features of a table by what they are, and the columns that are left out, with why.

    Attributes
    ----------
    categories : list of str
        Text of at most 254 values.
    texts : list of str
        Text of more values, many of which repeat.
    groups : list of str
        Those whose equal values have one value of the target: rows of a patient, of a machine.
    """

    numbers: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    dates: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)

    @property
    def features(self) -> list[str]:
        return [*self.numbers, *self.flags, *self.categories, *self.texts, *self.dates]


def sorted_out(frame: pd.DataFrame, target: str, dropped: Mapping[str, str]) -> Columns:
    """Return what the columns beside the target are.

    Parameters
    ----------
    dropped : mapping of str to str
        Columns that are left out whatever they hold, with why.
    """
    columns = Columns(left_out=dict(dropped))
    known = frame[target].notna()
    for label in frame.columns:
        name = str(label)
        if name == target or name in dropped:
            continue
        values = frame[label]
        why = unusable(values)
        if why is not None:
            columns.left_out[name] = why
            continue
        place(columns, name, values).append(name)
        if _groups_rows(values[known], frame[target][known]):
            columns.groups.append(name)
    return columns


def place(columns: Columns, name: str, values: pd.Series[Any]) -> list[str]:
    """Return the list in which a column belongs."""
    if types.is_datetime64_any_dtype(values):
        return columns.dates
    if types.is_bool_dtype(values):
        return columns.flags
    if types.is_numeric_dtype(values):
        return columns.numbers
    return columns.categories if values.nunique() <= MOST_CATEGORIES else columns.texts


def unusable(values: pd.Series[Any]) -> str | None:
    """Return why a column cannot be a feature without further thought, or None when it can."""
    present = values.dropna()
    if values.name == "":
        return "it has no name"
    if present.empty:
        return "it is empty"
    if types.is_timedelta64_dtype(values):
        return "it is a duration"
    if len(present) < max(min(_FEWEST_VALUES, len(values) // 2), _LEAST_PRESENT * len(values)):
        return f"it is empty in {len(values) - len(present)} of {counted(len(values), 'row')}"
    if values.dtype == object:
        odd = present[~present.map(lambda item: isinstance(item, (str, bool)))]
        if len(odd):
            return f"it holds {_KINDS.get(type(odd.iloc[0]).__name__, 'values that are not text')}"
    if present.nunique() == 1 and len(present) == len(values):
        return "it is constant"
    if is_row_number(values):
        return "it numbers the rows"
    return _names_rows(values, present) if values.dtype == object else None


def _names_rows(values: pd.Series[Any], present: pd.Series[Any]) -> str | None:
    """Return why texts say nothing that another row could say too."""
    distinct = present.nunique()
    if distinct > len(present) / 2 and _NAMES_ROWS.fullmatch(str(values.name)):
        return f"it names the rows: {distinct} different texts in {len(present)} of them"
    alone = int((present.value_counts() == 1).sum())
    if distinct > 2 and alone > len(present) / 2:
        return f"{alone} of its {len(present)} texts are in one row only"
    return None


def is_row_number(values: pd.Series[Any]) -> bool:
    """Whether a column tells rows apart and says nothing of them.

    Whole numbers or texts, distinct in every row, that are called as row names are; whole numbers
    that are called so and go up by one from row to row, if from the start again now and then; or
    whole numbers, distinct in every row, spread over their range as numbers of rows are. A year is
    none.
    """
    rows, name = len(values), str(values.name)
    if values.isna().any() and _NAMES_ROWS.fullmatch(name):
        values = values.dropna()  # a few gaps do not make it say anything
        rows = len(values) if len(values) > _NEARLY_ALL * rows else 0
    if rows < _ROWS_TO_NUMBER or values.isna().any() or _is_year(values):
        return False
    whole = _is_whole(values)
    if whole and (_NAMES_NUMBERS.fullmatch(name) or _NAMES_ROWS.fullmatch(name)):
        counting = (values.diff() == 1).mean()
        if counting > _COUNTING:
            return True
    if not (whole or values.dtype == object):
        return False
    if _NAMES_ROWS.fullmatch(name) and values.nunique() > _NEARLY_ALL * rows:
        return True
    if not whole or not values.is_unique:
        return False
    ordered = np.sort(values.to_numpy(dtype=np.float64))
    width = ordered[-1] - ordered[0]
    if width < rows / _NEARLY_ALL:
        return True
    if rows < _ROWS_TO_MEASURE_SPREAD or width > _MOST_SPREAD * rows:
        return False
    even = (ordered - ordered[0]) / width
    distance = np.abs(even - np.linspace(0, 1, rows)).max()
    return bool(distance * np.sqrt(rows) < _MOST_UNEVEN)


def _is_whole(values: pd.Series[Any]) -> bool:
    if types.is_bool_dtype(values) or not types.is_numeric_dtype(values):
        return False
    numbers = values.to_numpy(dtype=np.float64)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())


def _is_year(values: pd.Series[Any]) -> bool:
    if not _NAMES_YEARS.fullmatch(str(values.name)) or not types.is_numeric_dtype(values):
        return False
    return bool(values.between(_FIRST_YEAR, _LAST_YEAR).all())


def _groups_rows(values: pd.Series[Any], target: pd.Series[Any]) -> bool:
    """Whether rows with one value, several each, have one value of the target too."""
    is_name = values.dtype == object or (
        _NAMES_ROWS.fullmatch(str(values.name)) is not None and _is_whole(values.dropna())
    )
    distinct = values.nunique()
    if not is_name or distinct < _FEWEST_GROUPS or len(values) < _ROWS_A_GROUP * distinct:
        return False
    if target.nunique() >= distinct and not types.is_numeric_dtype(target):
        return False
    of_each = target.groupby(values.to_numpy()).nunique()
    return bool((of_each == 1).all()) and target.nunique() > 1
