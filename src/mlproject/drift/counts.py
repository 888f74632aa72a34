"""Rows counted against a profile. Counts add up exactly: over batches, parts, and engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlproject.drift.columns import Ints
from mlproject.drift.profile import Profile

# Of each column, the first in the order of their letters: as many as these of all parts are among
# as many of each part, so that what is kept does not depend on the parts.
_MOST_UNSEEN = 50

Unseen = Mapping[str, int]


@dataclass(frozen=True)
class Counts:
    """How many rows fall where.

    Attributes
    ----------
    rows : int
        Those whose features could be read, whether the model took them or not.
    features, predictions : tuple of arrays
        As ``Column.counted`` gives them, in the order of the profile.
    unseen : mapping of int to mapping of str to int
        By the number of the feature: values that no training row has, and how often.
    """

    rows: int
    features: tuple[Ints, ...]
    predictions: tuple[Ints, ...]
    unseen: Mapping[int, Unseen]

    @classmethod
    def none(cls, profile: Profile) -> Counts:
        """Return the counts of no rows."""
        features, predictions = (
            tuple(np.zeros(column.size, np.int64) for column in columns)
            for columns in (profile.features, profile.predictions)
        )
        return cls(0, features, predictions, {})

    @classmethod
    def of_rows(cls, profile: Profile, features: pa.Table, predictions: pa.Table) -> Counts:
        """Return the counts of rows with the types of the model's schema, in its order."""
        counts, unseen = [], {}
        for number, column in enumerate(profile.features):
            found = column.counted(features.column(number))
            if found[-1] and column.knows_all:
                unseen[number] = _first(column.unseen(features.column(number)))
            counts.append(found)
        answers = tuple(
            # What a model answers is not always known before it has answered a row.
            column.counted(predictions[column.name])
            if column.name in predictions.column_names
            else np.zeros(column.size, np.int64)
            for column in profile.predictions
        )
        return cls(features.num_rows, tuple(counts), answers, unseen)

    def __add__(self, other: Counts) -> Counts:
        unseen = {
            number: _first(_sum(self.unseen.get(number, {}), other.unseen.get(number, {})))
            for number in sorted({*self.unseen, *other.unseen})
        }
        return Counts(
            self.rows + other.rows,
            _added(self.features, other.features),
            _added(self.predictions, other.predictions),
            unseen,
        )

    @property
    def content(self) -> dict[str, Any]:
        """The counts as JSON has them."""
        return {
            "rows": self.rows,
            "features": [counts.tolist() for counts in self.features],
            "predictions": [counts.tolist() for counts in self.predictions],
            "unseen": [[number, dict(found)] for number, found in self.unseen.items()],
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Counts:
        features, predictions = (
            tuple(np.array(counts, np.int64) for counts in content[name])
            for name in ("features", "predictions")
        )
        return cls(content["rows"], features, predictions, dict(map(tuple, content["unseen"])))


def _added(one: Sequence[Ints], other: Sequence[Ints]) -> tuple[Ints, ...]:
    return tuple(first + second for first, second in zip(one, other, strict=True))


def _sum(one: Unseen, other: Unseen) -> Unseen:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {*one, *other}}


def _first(found: Unseen) -> Unseen:
    return {name: found[name] for name in sorted(found)[:_MOST_UNSEEN]}
