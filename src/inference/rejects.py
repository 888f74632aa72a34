"""Which rows a model refuses, and why: found by asking the model, not by guessing.

What is refused among many is found by halving, all of it in one go: k of n cost about
k log(n / k) questions. What rows share is asked once: which of their values are missing, and
values that are names rather than amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import ModelError
from mlproject.data.types import Misfit, shown

Ask = Callable[[pd.DataFrame], str | None]
Rows = np.ndarray[Any, Any]
Verdict = tuple[str | None, str]
_MISSING, _INFINITE, _NEGATIVE = 1, 2, 3
_KINDS = {_MISSING: "is missing", _INFINITE: "is infinite", _NEGATIVE: "is infinite"}
# Whole floats below this may be categories. What is wrong with a larger or a fractional number
# may be up to the numbers beside it: their product has no place in a float32.
_LARGEST_NAME = 2.0**31
# Of each column; a column of texts that are all different must not fill the memory.
_MOST_REMEMBERED = 100_000
# How many columns are tried at once, a row each.
_MOST_COLUMNS = 64


@dataclass
class _Answers:
    """What the model has said of single values beside the good row; None where it takes them."""

    values: dict[str, dict[Any, str | None]] = field(default_factory=dict)
    missing: dict[tuple[str, int], str | None] = field(default_factory=dict)
    patterns: dict[bytes, Verdict | None] = field(default_factory=dict)


class RejectFinder:
    """Finds the refused rows of frames.

    A row is judged by what sets it apart: which of its values are missing or infinite, then the
    first single value that the model will not have beside the values of a row that it takes. A
    verdict on missing and infinite values, texts, truth values and whole numbers holds for every
    row that shares them, in later frames too. Threads may share a finder.

    Parameters
    ----------
    ask : callable
        Takes a frame and returns what the model says against it, or None. What it says of one row
        depends on that row alone.
    good : DataFrame of shape (1, n_features) or None
        A row that the model takes; without one, the first of each frame.
    """

    def __init__(self, ask: Ask, good: pd.DataFrame | None) -> None:
        self.ask = ask
        self.good = good
        self._answers = _Answers()

    def find(self, frame: pd.DataFrame) -> list[Misfit]:
        if self.good is not None:
            return _Search(self.ask, self.good, self._answers, frame).run()
        refused = []
        for row in range(len(frame)):
            why = self.ask(frame.iloc[[row]])
            if why is None:
                good = frame.iloc[[row]].reset_index(drop=True)
                return _Search(self.ask, good, _Answers(), frame).run()
            refused.append(Misfit(row, *_alone(why)))
        return refused


class _Search:
    """Finds the refused rows of one frame."""

    def __init__(
        self, ask: Ask, good: pd.DataFrame, answers: _Answers, frame: pd.DataFrame
    ) -> None:
        self.ask = ask
        self.good = good
        self.answers = answers
        self.frame = frame
        self.verdicts: dict[int, Verdict] = {}
        self.judged: set[str] = set()

    def run(self) -> list[Misfit]:
        self._by_pattern()
        for column in [name for name in self.frame.columns if name in self.answers.values]:
            self._by_value(column)
        while len(rows := self._left(np.arange(len(self.frame)))):
            before = len(self.verdicts)
            for row, why in self._refused(rows, self.frame.iloc.__getitem__, self._left):
                self._judge(row, why)
            if len(self.verdicts) == before:
                break
        return [Misfit(row, *self.verdicts[row]) for row in sorted(self.verdicts)]

    def _left(self, rows: Rows) -> Rows:
        return np.array([row for row in rows.tolist() if row not in self.verdicts], int)

    def _refused(
        self,
        items: Rows,
        made: Callable[[Rows], pd.DataFrame],
        left: Callable[[Rows], Rows] | None = None,
        *,
        known: bool = False,
        dense: bool = False,
    ) -> Iterator[tuple[int, str]]:
        """Yield each of some items whose row is refused, in order, with what the model says.

        Parameters
        ----------
        items : array of int
        made : callable
            Returns the rows of items.
        left : callable, optional
            Leaves out the items that are no longer asked about; what is yielded may change that.
        known : bool
            Whether it is known that there is a refused one.
        dense : bool
            Whether most may be refused, so that they are not asked about together.
        """
        if left is not None:
            items = left(items)
        if not len(items):
            return
        if len(items) == 1 or not (known or dense):
            why = self.ask(made(items))
            if why is None and known:
                raise ModelError("The model refuses rows as a batch that it takes one by one")
            if why is None:
                return
            if len(items) == 1:
                yield int(items[0]), why
                return
        middle, found = len(items) // 2, 0
        for item in self._refused(items[:middle], made, left, dense=dense):
            found += 1
            yield item
        known, dense = not found and not dense, found == middle
        yield from self._refused(items[middle:], made, left, known=known, dense=dense)

    def _by_pattern(self) -> None:
        """Judge which values are missing or infinite, and the rows by that."""
        kinds = np.zeros(self.frame.shape, np.int8)
        for position, name in enumerate(self.frame.columns):
            values = self.frame[name]
            kinds[values.isna().to_numpy(), position] = _MISSING
            if values.dtype.kind == "f":
                kinds[np.isposinf(values.to_numpy()), position] = _INFINITE
                kinds[np.isneginf(values.to_numpy()), position] = _NEGATIVE
        odd = np.flatnonzero(kinds.any(axis=1))
        if not len(odd):
            return
        patterns, first, which = np.unique(
            kinds[odd], axis=0, return_index=True, return_inverse=True
        )
        known = self.answers.patterns = _with_room(self.answers.patterns)
        new = [i for i in range(len(patterns)) if patterns[i].tobytes() not in known]
        verdicts = dict.fromkeys((patterns[i].tobytes() for i in new), None) | known
        for number, why in self._refused(
            np.array(new, int), lambda some: self._gaps(odd[first[some]], patterns[some] != 0)
        ):
            row, pattern = int(odd[first[number]]), patterns[number]
            verdicts[pattern.tobytes()] = self._of_pattern(row, pattern, why)
        known.update({patterns[i].tobytes(): verdicts[patterns[i].tobytes()] for i in new})
        of_patterns = [verdicts[pattern.tobytes()] for pattern in patterns]
        for row, number in zip(odd.tolist(), which.ravel().tolist(), strict=True):
            verdict = of_patterns[number]
            if verdict is not None:
                self.verdicts[row] = verdict

    def _of_pattern(self, row: int, pattern: Rows, why: str) -> Verdict:
        positions = np.flatnonzero(pattern).tolist()
        names = [str(self.frame.columns[position]) for position in positions]
        kinds = [int(pattern[position]) for position in positions]
        for position, name, kind in zip(positions, names, kinds, strict=True):
            if (name, kind) not in self.answers.missing:
                swapped = np.arange(len(pattern))[None, :] == position
                self.answers.missing[name, kind] = self.ask(self._gaps(np.array([row]), swapped))
            alone = self.answers.missing[name, kind]
            if alone is not None:
                return name, f"it {_KINDS[kind]}, which the model refuses ({alone})"
        return names[0], f"it {_KINDS[kinds[0]]}, which the model refuses ({why})"

    def _gaps(self, rows: Rows, swapped: Rows) -> pd.DataFrame:
        """Return the good row again and again, with some values of a row each."""
        frame = self._tiled(len(rows))
        for position, name in enumerate(frame.columns):
            if swapped[:, position].any():
                values = self.frame[name].iloc[rows].reset_index(drop=True)
                frame[name] = values.where(swapped[:, position], frame[name])
        return frame

    def _judge(self, row: int, why: str) -> None:
        """Judge a refused row, and those that share what is wrong with it."""
        self.verdicts[row] = self._blame(row, why)
        column = self.verdicts[row][0]
        if column is None or column in self.judged:
            return
        if _names(self.frame[column].iloc[[row]])[0]:
            self._by_value(column)

    def _blame(self, row: int, why: str) -> Verdict:
        """Return the first column whose value the model refuses beside the good row.

        Missing and infinite values were judged before.
        """
        values = {
            name: value
            for name in self.frame.columns
            if not (pd.isna(value := self.frame[name].iloc[row]) or _is_infinite(value))
            and self.good[name].dtype == self.frame[name].dtype
        }
        names = list(values)

        def made(some: Rows) -> pd.DataFrame:
            frame = self._tiled(len(some))
            for place, number in enumerate(some.tolist()):
                changed = frame[names[number]].array.copy()
                changed[place] = values[names[number]]
                frame[names[number]] = changed
            return frame

        for start in range(0, len(names), _MOST_COLUMNS):
            numbers = np.arange(start, min(start + _MOST_COLUMNS, len(names)))
            for number, said in self._refused(numbers, made):
                return str(names[number]), _value(_item(values[names[number]]), said)
        return _alone(why)

    def _by_value(self, column: str) -> None:
        """Judge all values of a column that are names, and the rows by them."""
        self.judged.add(column)
        rows = self._left(np.arange(len(self.frame)))
        rows = rows[_names(self.frame[column].iloc[rows])]
        values = self.frame[column].iloc[rows]
        known = self.answers.values[column] = _with_room(self.answers.values.get(column, {}))
        answers = dict(known)
        new = values.drop_duplicates()
        new = new[[value not in answers for value in new.tolist()]]  # others may add to known
        answers.update(dict.fromkeys(new.tolist()))

        def made(some: Rows) -> pd.DataFrame:
            frame = self._tiled(len(some))
            frame[column] = new.iloc[some].array
            return frame

        for number, why in self._refused(np.arange(len(new)), made):
            answers[_item(new.iloc[number])] = why
        known.update({value: answers[value] for value in new.tolist()})
        refused = np.array([answers[value] is not None for value in values.tolist()], bool)
        rows, values = rows[refused], values[refused]
        blamed_before = self._of_columns_before(column, rows)
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            self.verdicts.setdefault(
                row, blamed_before.get(row) or (column, _value(value, str(answers[value])))
            )

    def _of_columns_before(self, column: str, rows: Rows) -> dict[int, Verdict]:
        """Return the rows in which a column further to the front is to blame, and why."""
        count = list(self.frame.columns).index(column)
        before = np.arange(self.frame.shape[1])[None, :] < count
        if not count or not len(rows):
            return {}

        def made(some: Rows) -> pd.DataFrame:
            return self._gaps(some, np.repeat(before, len(some), axis=0))

        return {row: self._blame(row, why) for row, why in self._refused(rows, made)}

    def _tiled(self, count: int) -> pd.DataFrame:
        return self.good.iloc[np.zeros(count, int)].reset_index(drop=True)


def _names(values: pd.Series[Any]) -> Rows:
    """Return which values are texts, truth values or whole numbers, and not missing."""
    if values.dtype == object:
        return values.notna().to_numpy()
    if values.dtype.kind in "iub":
        return np.ones(len(values), bool)
    if values.dtype.kind != "f":
        return np.zeros(len(values), bool)
    numbers = values.to_numpy()
    whole: Rows = (np.abs(numbers) < _LARGEST_NAME) & (numbers == np.floor(numbers))
    return whole


def _is_infinite(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and bool(np.isinf(value))


def _with_room(known: dict[Any, Any]) -> dict[Any, Any]:
    """Return a new dictionary in place of a full one; who still reads the old one is not hurt."""
    return known if len(known) < _MOST_REMEMBERED else {}


def _value(value: Any, why: str) -> str:
    return f"the model refuses {shown(value)} ({why})"


def _alone(why: str) -> Verdict:
    return None, f"the model refuses it ({why})"


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
