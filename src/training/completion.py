"""Is everything there? The run is compared with the search, completed, and compared again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlproject.base.errors import TrackingError
from training import children as family_of
from training import record
from training.children import Child, Family, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_ROUNDS = 2


@dataclass(frozen=True)
class Expected:
    """What a finished run holds, its children beside.

    Attributes
    ----------
    parameters : dict of str to str
    metrics : dict of str to float
        Without those that are not numbers.
    artifacts : set of str
        Paths at the root of the run's artifacts.
    restorable : dict of str to str
        Artifacts with their content, which are written when they are not there.
    """

    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    artifacts: frozenset[str]
    restorable: Mapping[str, str] = field(default_factory=dict)


def complete_children(
    client: MlflowClient,
    family: Family,
    children: Sequence[Child],
    *,
    joined: bool,
) -> dict[int, str]:
    """Write the children that are not there, check all, and return candidate to run id.

    Parameters
    ----------
    client : MlflowClient
    family : Family
    children : sequence of Child
    joined : bool
        Whether the parent existed before, and may have children already.

    Raises
    ------
    TrackingError
        When children are missing or incomplete after a second attempt; says which.
    """
    stored: dict[int, Run] = family_of.find(client, family) if joined else {}
    problems: dict[int, str] = {}
    ids = {index: str(run.info.run_id) for index, run in stored.items()}
    todo = [child for child in children if family_of.lacking(child, stored.get(child.index))]
    for _ in range(_ROUNDS):
        ids, problems = family_of.write(client, family, todo, known=ids)
        if family.store == Store.FILES:
            stored = {index: client.get_run(run_id) for index, run_id in ids.items()}
        else:
            stored = family_of.find(client, family)
        todo = [child for child in children if family_of.lacking(child, stored.get(child.index))]
        if not todo:
            return ids
    raise _incomplete(todo, stored, problems, len(children))


def complete_parent(client: MlflowClient, run_id: str, wanted: Expected) -> None:
    """Write what autologging dropped from the parent run, and check it.

    Raises
    ------
    TrackingError
        When something is still missing; says what.
    """
    from mlflow.entities import Metric, Param

    run = client.get_run(run_id)
    parameters = {k: v for k, v in wanted.parameters.items() if k not in run.data.params}
    metrics = {
        k: v for k, v in wanted.metrics.items() if not family_of.same(run.data.metrics.get(k), v)
    }
    if parameters or metrics:
        now = int(time.time() * 1000)
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, value) for name, value in parameters.items()],
        )
        run = client.get_run(run_id)
    missing = missing_from(client, run, wanted)
    lost = {k: v for k, v in wanted.restorable.items() if f"artifact {k}" in missing}
    if lost:
        record.log_files(client, run_id, lost)
        missing = [what for what in missing if what.removeprefix("artifact ") not in lost]
    if missing:
        raise TrackingError(f"The run {run_id} is incomplete; it lacks {', '.join(missing[:10])}")


def missing_from(client: MlflowClient, run: Run, wanted: Expected) -> list[str]:
    """Return what a run lacks, as ``kind name``."""
    there = {item.path for item in client.list_artifacts(run.info.run_id)}
    missing = [f"parameter {k}" for k in wanted.parameters if k not in run.data.params]
    missing += [
        f"metric {k}"
        for k, v in wanted.metrics.items()
        if not family_of.same(run.data.metrics.get(k), v)
    ]
    named = wanted.artifacts | set(wanted.restorable)
    return missing + [f"artifact {path}" for path in sorted(named - there)]


def _incomplete(
    todo: Sequence[Child], stored: Mapping[int, Any], problems: Mapping[int, str], total: int
) -> TrackingError:
    shown = []
    for child in todo[:5]:
        what = ", ".join(family_of.lacking(child, stored.get(child.index))[:3])
        shown.append(f"{child.index} ({what})")
    more = f" and {len(todo) - 5} more" if len(todo) > 5 else ""
    why = next(iter(problems.values()), None)
    return TrackingError(
        f"{len(todo)} of {total} candidates are not recorded: {', '.join(shown)}{more}",
        f"The server said: {why}" if why else None,
    )
