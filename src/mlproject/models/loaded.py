"""A model opened from an artifact, ready to predict."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from mlproject.base.counting import counted
from mlproject.base.errors import ModelError, reason
from mlproject.data.schema import Schema
from mlproject.models.finding import ModelSource

_TIMED_SECONDS = 0.4
_FEWEST_TIMES = 3


@dataclass(frozen=True)
class LoadedModel:
    """A model that was found, trusted and loaded.

    Attributes
    ----------
    source : ModelSource
        Where it comes from, as the store knows.
    run_id, model_id : str or None
        As the store knows; else as the artifact says, which may speak of another store.
    signature : mapping
        Texts of JSON, as MLmodel has them.
    example : mapping or None
        The input example, split-oriented.
    profile : bytes or None
        Of the rows that it was trained on, as ``mlproject.drift`` reads it.
    sha256, format : str
        Of the estimator's file (with the code beside it); ``skops`` or ``pickle``.
    size : int
        Bytes of all its files.
    notices : tuple of str
        What should be told about it.
    """

    source: ModelSource
    run_id: str | None
    model_id: str | None
    estimator: Any
    schema: Schema
    signature: Mapping[str, Any] = field(repr=False)
    example: Mapping[str, Any] | None = field(repr=False)
    profile: bytes | None = field(repr=False)
    sha256: str
    format: str
    size: int
    notices: tuple[str, ...]

    @property
    def uri(self) -> str:
        return self.source.uri

    @property
    def experiment_id(self) -> str | None:
        return self.source.experiment_id

    @property
    def version(self) -> str | None:
        return self.source.version

    def predict(self, X: pd.DataFrame, method: str = "predict") -> np.ndarray[Any, Any]:
        """Return the predictions for rows that have at least the columns of the schema."""
        names = [feature.name for feature in self.schema.features] or list(X.columns)
        missing = [name for name in names if name not in X.columns]
        if missing:
            raise ModelError(
                f"The model {self.uri} needs columns that the rows do not have: "
                f"{', '.join(missing[:5])}"
            )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(getattr(self.estimator, method)(X[names]))
        except Exception as error:
            raise ModelError(f"The model {self.uri} cannot predict: {reason(error)}") from error


Asked: TypeAlias = tuple[LoadedModel, pd.DataFrame]
"""A model, and rows that it is asked about."""


def seconds_a_row(champion: Asked, challenger: Asked) -> tuple[float, float]:
    """Return how long each of two models takes to predict a row: the quickest of several passes.

    They take turns, so that what else the machine does slows neither of them alone.
    """
    quickest = [float("inf"), float("inf")]
    end, rounds = time.perf_counter() + _TIMED_SECONDS, 0
    while rounds < _FEWEST_TIMES or time.perf_counter() < end:
        for place, (model, X) in enumerate((champion, challenger)):
            started = time.perf_counter()
            model.predict(X)
            quickest[place] = min(quickest[place], time.perf_counter() - started)
        rounds += 1
    return quickest[0] / len(champion[1]), quickest[1] / len(challenger[1])


def incompatibilities(champion: Schema, challenger: Schema) -> list[str]:
    """Return why callers of the champion cannot call the challenger; nothing when they can.

    A challenger may need less than the champion, and nothing that the champion's callers do not
    send.
    """
    sent = {feature.name: feature for feature in champion.features}
    problems = []
    for feature in challenger.features:
        known = sent.get(feature.name)
        if known is None:
            if not feature.optional:
                problems.append(
                    f"it needs the column '{feature.name}', which the champion does not"
                )
        elif known.type != feature.type:
            problems.append(f"the column '{feature.name}' is {feature.type}, not {known.type}")
    if champion.width != challenger.width:
        problems.append(
            f"it takes {counted(challenger.width or 0, 'value')} a row, not {champion.width}"
        )
    return problems
