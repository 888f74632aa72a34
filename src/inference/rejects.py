"""Which rows a model refuses, and why: found by asking the model, not by guessing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import ModelError
from mlproject.data.types import Misfit, shown

Ask = Callable[[pd.DataFrame], str | None]
_MISSING, _INFINITE, _NEGATIVE = 1, 2, 3
_KINDS = {_MISSING: "is missing", _INFINITE: "is infinite", _NEGATIVE: "is infinite"}


class RejectFinder:
    """Finds the refused rows of a frame.

    A row is judged by what sets it apart: which of its values are missing or infinite, then which
    single value the model will not have beside the values of a row that it takes. A verdict on
    missing, infinite and text values holds for every row that shares them.

    Parameters
    ----------
    ask : callable
        Takes a frame and returns what the model says against it, or None.
    good : DataFrame of shape (1, n_features) or None
        A row that the model takes.
    """

    def __init__(self, ask: Ask, good: pd.DataFrame | None) -> None:
        self.ask = ask
        self.good = good

    def find(self, frame: pd.DataFrame) -> list[Misfit]:
        verdicts: dict[int, tuple[str | None, str]] = {}
        if self.good is None:
            self.good = self._first_good(frame, verdicts)
        if self.good is None:
            return [Misfit(row, *verdicts[row]) for row in sorted(verdicts)]
        self._by_pattern(frame, verdicts)
        while True:
            left = np.array([row for row in range(len(frame)) if row not in verdicts])
            if not len(left) or self.ask(frame.iloc[left]) is None:
                break
            row = self._first_refused(frame, left)
            column, reason = self._blame(frame.iloc[[row]])
            verdicts[row] = (column, reason)
            # Of texts, such as a category that is not known. What is wrong with a number may be
            # up to the numbers beside it.
            if column is not None and frame[column].dtype == object:
                self._by_value(frame, column, left, verdicts)
        return [Misfit(row, *verdicts[row]) for row in sorted(verdicts)]

    def _first_good(
        self, frame: pd.DataFrame, verdicts: dict[int, tuple[str | None, str]]
    ) -> pd.DataFrame | None:
        """Return the first row that the model takes; those before it are judged."""
        for row in range(len(frame)):
            why = self.ask(frame.iloc[[row]])
            if why is None:
                return frame.iloc[[row]].reset_index(drop=True)
            verdicts[row] = (None, f"the model refuses it ({why})")
        return None

    def _by_pattern(self, frame: pd.DataFrame, verdicts: dict[int, tuple[str | None, str]]) -> None:
        kinds = np.zeros(frame.shape, np.int8)
        for position, name in enumerate(frame.columns):
            values = frame[name]
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
        for number, pattern in enumerate(patterns):
            verdict = self._pattern(frame.iloc[[odd[first[number]]]], pattern)
            if verdict is not None:
                verdicts.update(dict.fromkeys(odd[which.ravel() == number].tolist(), verdict))

    def _pattern(self, row: pd.DataFrame, pattern: np.ndarray[Any, Any]) -> tuple[str, str] | None:
        positions = np.flatnonzero(pattern).tolist()
        names = [str(row.columns[position]) for position in positions]
        why = self.ask(self._swapped(row, names))
        if why is None:
            return None
        for position, name in zip(positions, names, strict=True):
            alone = self.ask(self._swapped(row, [name]))
            if alone is not None:
                return (
                    name,
                    f"it {_KINDS[int(pattern[position])]}, which the model refuses ({alone})",
                )
        return names[0], f"it {_KINDS[int(pattern[positions[0]])]}, which the model refuses ({why})"

    def _first_refused(self, frame: pd.DataFrame, rows: np.ndarray[Any, Any]) -> int:
        """Return the first refused row among some of which at least one is, by halving."""
        while len(rows) > 1:
            middle = len(rows) // 2
            rows = rows[:middle] if self.ask(frame.iloc[rows[:middle]]) else rows[middle:]
        why = self.ask(frame.iloc[rows])
        if why is None:
            raise ModelError("The model refuses rows together that it takes one by one")
        return int(rows[0])

    def _blame(self, row: pd.DataFrame) -> tuple[str | None, str]:
        for name in row.columns:
            why = self.ask(self._swapped(row, [name]))
            if why is not None:
                return str(name), f"the model refuses {shown(_item(row[name].iloc[0]))} ({why})"
        return None, f"the model refuses it ({self.ask(row)})"

    def _by_value(
        self,
        frame: pd.DataFrame,
        column: str,
        left: np.ndarray[Any, Any],
        verdicts: dict[int, tuple[str | None, str]],
    ) -> None:
        """Judge all values of a column beside a good row, and the rows by them."""
        values = frame[column].iloc[left]
        distinct = values.dropna().unique()
        refused = self._refused_values(column, distinct)
        for row, value in zip(left.tolist(), values.tolist(), strict=True):
            if value in refused:
                why = f"the model refuses {shown(_item(value))} ({refused[value]})"
                verdicts.setdefault(row, (column, why))

    def _refused_values(self, column: str, values: Any) -> dict[Any, str]:
        why = self.ask(self._tiled(column, values))
        if why is None:
            return {}
        if len(values) == 1:
            return {_item(values[0]): why}
        middle = len(values) // 2
        left = self._refused_values(column, values[:middle])
        return left | self._refused_values(column, values[middle:])

    def _swapped(self, row: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Return the good row with some values of another."""
        assert self.good is not None  # noqa: S101 - find() has seen to it
        values = {name: (row if name in names else self.good)[name].array for name in row.columns}
        return pd.DataFrame(values)

    def _tiled(self, column: str, values: Any) -> pd.DataFrame:
        assert self.good is not None  # noqa: S101 - find() has seen to it
        frame = self.good.iloc[np.zeros(len(values), int)].reset_index(drop=True)
        frame[column] = values
        return frame


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
