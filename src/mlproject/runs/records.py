"""A run as a line of a list: what it was, when, how it ended, and what it measured."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from mlproject.tracking import names
from training import metrics

if TYPE_CHECKING:
    from mlflow.entities import Run

Kind = Literal["train", "candidate", "score", "registry", "other"]
_KINDS: Mapping[str, Kind] = {"score": "score", "registry": "registry"}
# The metric that tells most, where a run has it: measured on held-out rows, or cross-validated.
_TELLING = ("rmse", "roc_auc", "average_precision", "balanced_accuracy", "accuracy", "mae", "r2")
_PREFIXES = ("", "cv_")
_OTHERWISE = ("best_cv_score", "rows_out", "rows_in")
# What tells how long or how sure, or of one fold alone, or of the machine.
_UNTOLD = re.compile(r"(?:std_|rank_|split\d+_|system/).*|(?:.*[_/])?(?:time|seconds|std|low|high)")


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
    compared_by : str or None
        Of a child that is listed with its siblings, the metric by which they were compared.
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
    compared_by: str | None = None

    @property
    def telling(self) -> str | None:
        """The name of the metric that tells most of it; None where none is a result."""
        if self.compared_by in self.metrics:
            return self.compared_by
        known = [f"{prefix}{name}" for name in _TELLING for prefix in _PREFIXES]
        found = (name for name in (*known, *_OTHERWISE) if name in self.metrics)
        results = (name for name in self.metrics if not _UNTOLD.fullmatch(name))
        return next(found, min(results, key=_order, default=None))


def _order(name: str) -> tuple[bool, bool, str]:
    """Known scores and losses first, and those of training rows last among them."""
    return metrics.goal(name) is None, name.startswith("train"), name


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
