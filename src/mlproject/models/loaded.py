"""A registered version as something to compare: loaded by the rules of scoring, and timed."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlproject.base.errors import ModelError, reason
from mlproject.data.schema import Schema
from mlproject.models import artifact as artifacts
from mlproject.models import finding, loading
from mlproject.models.trust import Policy
from mlproject.tracking.session import Session

_TIMED_SECONDS = 0.2
_FEWEST_TIMES = 3


@dataclass(frozen=True)
class Candidate:
    """A loaded model.

    Attributes
    ----------
    uri : str
    estimator : estimator
        Fitted.
    schema : Schema
    bytes : int
        Of all its files.
    notices : tuple of str
        What should be told about it.
    """

    uri: str
    estimator: Any
    schema: Schema
    bytes: int
    notices: tuple[str, ...]

    def predict(self, X: pd.DataFrame, method: str = "predict") -> np.ndarray[Any, Any]:
        """Return the predictions for rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
            Has at least the columns of the model's signature.
        method : str
            ``predict`` or ``predict_proba``.

        Raises
        ------
        ModelError
            When columns are missing, or the model fails on the rows.
        """
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

    def seconds_a_row(self, X: pd.DataFrame) -> float:
        """Return how long a prediction takes: the quickest of several whole passes, a row."""
        best, end, times = float("inf"), time.perf_counter() + _TIMED_SECONDS, 0
        while times < _FEWEST_TIMES or time.perf_counter() < end:
            started = time.perf_counter()
            self.predict(X)
            best = min(best, time.perf_counter() - started)
            times += 1
        return best / len(X)


def load(uri: str, session: Session, policy: Policy) -> Candidate:
    """Load a model, if it may be.

    Parameters
    ----------
    uri : str
        ``models:/NAME/VERSION``, or any other that scoring takes.
    session : Session
    policy : Policy

    Raises
    ------
    ModelError
        When it is not trusted, has no signature, or cannot be loaded.
    TrackingError
        When it is not there.
    """
    located = finding.locate(None, uri, session)
    with finding.fetched(located) as folder:
        artifact = artifacts.read(folder, uri)
        estimator, notices = loading.load(artifact, policy, uri)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return Candidate(uri, estimator, artifact.schema, size, tuple(notices))


def incompatibilities(champion: Schema, challenger: Schema) -> list[str]:
    """Return why callers of the champion cannot call the challenger; nothing when they can.

    A challenger may need less than the champion, and nothing that the champion's callers do not
    send.
    """
    sent = {feature.name: feature for feature in champion.features}
    found = []
    for feature in challenger.features:
        known = sent.get(feature.name)
        if known is None:
            if not feature.optional:
                found.append(f"it needs the column '{feature.name}', which the champion does not")
        elif known.type != feature.type:
            found.append(f"the column '{feature.name}' is {feature.type}, not {known.type}")
    if champion.width != challenger.width:
        found.append(f"it takes {challenger.width} values a row, not {champion.width}")
    return found
