"""The model families of a derived recipe: those that can be fitted within its budget.

Boosting grows a tree for each class in each iteration, and a logistic regression goes through all
rows for each class, so that a single fit of thousands of classes takes many times the budget; a fit
that has begun is not given up. What it would take is estimated from rows, classes and columns, so
that a recipe is the same on every machine: seconds of one core of a laptop, measured with
scikit-learn 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_ITERATIONS_OF_BOOSTING, _ITERATIONS_OF_LINEAR = 100, 150
_A_TREE, _A_ROW_OF_A_TREE = 1.2e-3, 6e-8
_A_ROW_OF_A_CLASS, _A_CELL_OF_A_CLASS = 2e-8, 1e-9


@dataclass(frozen=True)
class Size:
    """What a fit has to do with.

    Attributes
    ----------
    rows : int
        Of which a model is fitted in the end.
    tried_on : int
        Of which the folds have one beside.
    classes : int
        0 for a regression.
    """

    rows: int
    tried_on: int
    classes: int
    columns: int
    folds: int

    def seconds(self, a_class: float, a_row: float) -> float:
        """Return what the folds and the last fit take; so much for each class, and its rows."""
        rows = self.folds * self.tried_on + self.rows
        return self.classes * (a_class * (self.folds + 1) + a_row * rows)

    @property
    def of_boosting(self) -> float:
        trees = _ITERATIONS_OF_BOOSTING
        return self.seconds(trees * _A_TREE, trees * _A_ROW_OF_A_TREE)

    @property
    def of_linear(self) -> float:
        a_row = _A_ROW_OF_A_CLASS + self.columns * _A_CELL_OF_A_CLASS
        return self.seconds(0, _ITERATIONS_OF_LINEAR * a_row)


@dataclass(frozen=True)
class Family:
    """A model with the features that it takes, and the axes along which it is searched."""

    features: dict[str, Any]
    model: dict[str, Any]
    axes: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def pipeline(self) -> list[dict[str, Any]]:
        return [{"features": self.features}, {"model": self.model}]

    @property
    def grid(self) -> dict[str, list[Any]]:
        """The grid of a pipeline that begins with another family."""
        return {"features": [self.features], "model": [self.model], **self.axes}


def boosting(features: dict[str, Any], model: dict[str, Any]) -> Family:
    axes: dict[str, list[Any]] = {
        "model__learning_rate": [0.1, 0.05],
        "model__max_leaf_nodes": [31, 8],
    }
    return Family(features, model, axes)


def linear(features: dict[str, Any], model: dict[str, Any], *, classes: int) -> Family:
    name, values = ("model__C", [1, 0.1, 0.01]) if classes else ("model__alpha", [1, 10, 100])
    return Family(features, model, {name: values})


def of_means(features: dict[str, Any]) -> Iterator[Family]:
    """Yield families that need the mean and spread of each class alone, in one pass."""
    yield Family(features, {"LinearDiscriminantAnalysis": {}}, {"model__tol": [1e-4, 1e-2]})
    yield Family(features, {"GaussianNB": {}}, {"model__var_smoothing": [1e-9, 1e-2]})
