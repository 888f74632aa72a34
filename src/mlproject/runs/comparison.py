"""Runs compared: what they were made of, and what became of it."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from mlproject.base.errors import ConfigurationError
from mlproject.runs.details import RunDetails, detailed
from mlproject.runs.records import RunRecord
from mlproject.tracking.session import Session
from training import metrics

MOST = len(ascii_uppercase)
_EQUAL = 1e-12
_METRICS, _DATA, _SPLIT = "metrics", "data", "split"
# Nothing tells that one is better: of baselines, of training rows, by each run's own measure, or of
# how sure another figure is.
_UNJUDGED = re.compile(r"(?:dummy|linear|over|training|best)_.*|.*_(?:low|high|std)")
Value = str | int | float | None


@dataclass(frozen=True)
class Row:
    """A thing that the runs have, and what each of them has for it.

    Attributes
    ----------
    values : list
        One a run; None where the run has none.
    difference : float or None
        Of a metric of two runs, the second less the first.
    best : list of int
        Of a metric whose direction is known, which of the runs are best.
    """

    name: str
    values: list[Value]
    differs: bool
    difference: float | None = None
    best: list[int] | None = None

    @property
    def texts(self) -> list[str]:
        """The values as a reader is shown them, each on one line."""
        return [_text(value) for value in self.values]

    @property
    def is_end(self) -> bool:
        """Whether it is an end of an interval."""
        return self.name.endswith(("_low", "_high"))


@dataclass(frozen=True)
class Comparison:
    """Runs, and by section what they have.

    Attributes
    ----------
    sections : dict of str to list of Row
        ``metrics``, ``parameters``, ``data``, ``split``, ``run``, ``code``, ``environment``.
    """

    runs: list[RunRecord]
    sections: dict[str, list[Row]]

    @property
    def letters(self) -> list[str]:
        return list(ascii_uppercase[: len(self.runs)])

    @property
    def is_of_same_rows(self) -> bool:
        """Whether nothing says that metrics were measured on different rows."""
        return not any(row.differs for name in (_DATA, _SPLIT) for row in self.sections[name])

    @property
    def notice(self) -> str | None:
        """What has to be known of the metrics before one is called better."""
        if not self.is_of_one_task:
            return "The runs have different tasks, so their metrics cannot be compared."
        if not self.is_of_same_rows:
            return "Data or split differ, so the metrics may come from different rows."
        return None

    @property
    def is_of_one_task(self) -> bool:
        """Whether nothing says that metrics are of regression here and of classification there."""
        tasks = (row.values for row in self.sections["run"] if row.name == "task")
        return len({value for values in tasks for value in values if value is not None}) < 2

    def shown(self, *, everything: bool) -> dict[str, list[Row]]:
        """Return what a person is shown: by default what differs, without ends of intervals."""
        return {
            section: kept
            for section, rows in self.sections.items()
            if (kept := [row for row in rows if everything or (row.differs and not row.is_end)])
        }


def compared(session: Session, run_ids: Sequence[str]) -> Comparison:
    """Compare runs.

    Raises
    ------
    ConfigurationError
        When they are fewer than two, or more than have a letter, or one is named twice.
    TrackingError
        When there is no such run.
    """
    twice = next((run_id for run_id in run_ids if run_ids.count(run_id) > 1), None)
    if twice is not None:
        raise ConfigurationError(
            f"The run {twice} is named twice", "Give two different runs, or more"
        )
    if len(run_ids) < 2:
        raise ConfigurationError("There is nothing to compare", "Give two different runs, or more")
    if len(run_ids) > MOST:
        raise ConfigurationError(f"{len(run_ids)} runs are too many", f"Give {MOST} at most")
    found = [detailed(session, run_id) for run_id in run_ids]
    sections: dict[str, list[Mapping[str, Any] | None]] = {
        _METRICS: [item.metrics for item in found],
        "parameters": [item.parameters for item in found],
        _DATA: [_of_data(item) for item in found],
        _SPLIT: [item.split | ({"seed": item.seed} if item.seed else {}) for item in found],
        "run": [_of_run(item) for item in found],
        "code": [_of_code(item) for item in found],
        "environment": [item.packages for item in found],
    }
    rows = {section: _rows(each) for section, each in sections.items()}
    comparison = Comparison([item.run for item in found], rows)
    measured = map(_measured, rows[_METRICS]) if comparison.is_of_one_task else rows[_METRICS]
    rows[_METRICS] = sorted(measured, key=_order)
    return comparison


def _rows(each: Sequence[Mapping[str, Any] | None]) -> list[Row]:
    """Return a row for every name; a run that has no record of the section differs in none."""
    known = [values for values in each if values is not None]
    every = sorted({name for values in known for name in values})
    return [
        Row(
            name,
            [None if values is None else values.get(name) for values in each],
            any(not _same(values.get(name), known[0].get(name)) for values in known),
        )
        for name in every
    ]


def _text(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or math.isclose(one, other, rel_tol=_EQUAL)
    return one == other


def _measured(row: Row) -> Row:
    """Return the row of a metric with its difference and the best of its values."""
    numbers = [value if isinstance(value, float) else None for value in row.values]
    known = [value for value in numbers if value is not None]
    difference = known[1] - known[0] if len(numbers) == len(known) == 2 else None
    goal = None if _UNJUDGED.fullmatch(row.name) else metrics.goal(row.name)
    best = None
    if goal is not None and row.differs and len(known) > 1:
        top = min(known) if goal == "minimize" else max(known)
        best = [place for place, value in enumerate(numbers) if _same(value, top)]
    return Row(row.name, row.values, row.differs, difference, best)


def _order(row: Row) -> tuple[bool, bool, str]:
    """Held-out metrics first: those of training rows, and of baselines, tell less."""
    begins = row.name.startswith(("training_", "dummy_", "linear_", "over_", "best_"))
    return begins, row.name.startswith("cv_"), row.name


def _of_run(item: RunDetails) -> dict[str, Value]:
    run = item.run
    return {
        "experiment": run.experiment,
        "kind": run.kind,
        "recipe": run.recipe,
        "status": run.status,
        "task": item.task,
        "model format": item.model_format,
    }


def _of_data(item: RunDetails) -> dict[str, Value]:
    values: dict[str, Value] = {}
    seen: Counter[str] = Counter()
    for data in item.data:
        seen[data.context] += 1
        number = seen[data.context]
        what = data.context if number == 1 else f"{data.context} {number}"
        values |= {
            f"{what}: source": data.source or data.name,
            f"{what}: sha256": data.sha256 or data.digest,
            f"{what}: rows": data.rows,
        }
    return values | ({"rows left out": item.rows_left_out} if item.rows_left_out else {})


def _of_code(item: RunDetails) -> dict[str, Value]:
    changed = {True: "yes", False: "no", None: None}[item.dirty]
    return {"mlproject": item.version, "commit": item.commit, "changed since": changed}
