"""A run as a line of a list: what it was, when, how it ended, and what it measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from mlproject.tracking import names

if TYPE_CHECKING:
    from mlflow.entities import Run

Kind = Literal["train", "candidate", "score", "registry", "other"]
_KINDS: Mapping[str, Kind] = {"score": "score", "registry": "registry"}
# The metric that tells most, where a run has it: measured on held-out rows, or cross-validated.
_TELLING = ("rmse", "roc_auc", "average_precision", "balanced_accuracy", "accuracy", "mae", "r2")
_PREFIXES = ("", "cv_")
_OTHERWISE = ("best_cv_score", "rows_out", "rows_in")


@dataclass(frozen=True)
class RunRecord:
    """A run of any program.

    Attributes
    ----------
    kind : str
        ``train``, ``candidate``, ``score``, ``registry`` or ``other``.
    recipe : str or None
        What was trained, where a run says so.
    started : str
        In local time, with its offset, as ISO 8601 writes it; empty where it is not known.
    seconds : float or None
        How long it took; None while it runs.
    parent : str or None
        The run that it is a child of.
    """

    run_id: str
    name: str
    experiment: str
    kind: Kind
    recipe: str | None
    status: str
    started: str
    seconds: float | None
    user: str
    parent: str | None
    metrics: dict[str, float]

    @property
    def telling(self) -> str | None:
        """The name of the metric that tells most of it."""
        known = [f"{prefix}{name}" for name in _TELLING for prefix in _PREFIXES]
        found = (name for name in (*known, *_OTHERWISE) if name in self.metrics)
        return next(found, min(self.metrics, default=None))


def record_of(run: Run, experiment: str) -> RunRecord:
    info, tags = run.info, run.data.tags
    begun, ended = info.start_time, info.end_time
    return RunRecord(
        run_id=str(info.run_id),
        name=str(info.run_name or ""),
        experiment=experiment,
        kind=_kind(tags),
        recipe=tags.get(names.RECIPE),
        status=str(info.status),
        started=_local(begun) if begun else "",
        seconds=(ended - begun) / 1000 if begun and ended else None,
        user=str(tags.get(names.USER) or info.user_id or ""),
        parent=tags.get(names.PARENT),
        metrics={
            name: float(value)
            for name, value in sorted(run.data.metrics.items())
            if not math.isnan(value)
        },
    )


def _kind(tags: Mapping[str, str]) -> Kind:
    if names.CANDIDATE in tags:
        return "candidate"
    if names.TASK in tags or names.RECIPE in tags:
        return "train"
    return _KINDS.get(tags.get(names.KIND, ""), "other")


def _local(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000).astimezone().isoformat(timespec="seconds")
