"""A batch that the service rejects: what it takes is written, the rest is kept in an artifact.

The service rejects a batch as a whole for one bad item. So the batch is halved until the bad
items stand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from mlproject.azure.stores.overflow import RejectedItems
from mlproject.base.errors import one_line

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run, RunTag

# Microsoft's limit on the parameters of a run.
MOST_PARAMETERS = 200
_REJECTIONS = frozenset(["INVALID_PARAMETER_VALUE", "BAD_REQUEST", "REQUEST_LIMIT_EXCEEDED"])


@dataclass(frozen=True)
class Batch:
    """What is written to a run in one request."""

    metrics: Sequence[Metric] = ()
    params: Sequence[Param] = ()
    tags: Sequence[RunTag] = ()

    def __bool__(self) -> bool:
        return bool(self.metrics or self.params or self.tags)


def is_rejection(error: MlflowException) -> bool:
    """Whether the service has read the items of a batch and does not want one of them."""
    return error.error_code in _REJECTIONS


def salvage(
    write: Callable[[Batch], None],
    batch: Batch,
    run: Run,
    kept: Mapping[str, str],
    error: MlflowException,
) -> RejectedItems:
    """Write what the service takes of a batch that it has rejected; return the rest.

    ``run`` is as the service has it now, ``error`` what it said; that is raised again when no item
    is to blame, as the run is deleted.
    """
    if run.info.lifecycle_stage != "active":
        raise error
    rejected = RejectedItems()
    known = run.data.params
    fresh = [item for item in batch.params if item.key not in known and item.key not in kept]
    room = max(0, MOST_PARAMETERS - len(known))
    _halve(lambda items: write(Batch(metrics=items)), batch.metrics, rejected.add_metric)
    _halve(lambda items: write(Batch(tags=items)), batch.tags, rejected.add_tag)
    _halve(lambda items: write(Batch(params=items)), fresh[:room], rejected.add_param)
    for item in fresh[room:]:
        rejected.add_param(item, f"a run can have at most {MOST_PARAMETERS} parameters")
    return rejected


def changes_parameter(batch: Batch, run: Run, kept: Mapping[str, str]) -> bool:
    """Whether a parameter of a batch has another value already, which no server allows.

    ``kept`` is what the service has rejected of the run's parameters before.
    """
    values = dict(kept) | run.data.params
    return any(values.get(item.key, item.value) != item.value for item in batch.params)


def _halve(
    write: Callable[[Sequence[Any]], None], items: Sequence[Any], reject: Callable[[Any, str], None]
) -> None:
    """Write items; where they are rejected, write each half, and reject what stands alone."""
    if not items:
        return
    try:
        write(items)
    except MlflowException as error:
        if not is_rejection(error):
            raise
        if len(items) == 1:
            reject(items[0], one_line(error.message)[:300])
            return
        middle = len(items) // 2
        _halve(write, items[:middle], reject)
        _halve(write, items[middle:], reject)
