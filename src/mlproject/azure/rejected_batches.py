"""A batch that the service refuses: what it takes is written, the rest is kept in an artifact.

The service refuses a batch as a whole for one bad item. So the batch is halved until the bad
items stand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from mlproject.azure.overflow import Refused
from mlproject.base.errors import one_line

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run, RunTag

# Microsoft's limit on the parameters of a run.
MOST_PARAMETERS = 200
_REFUSALS = frozenset(["INVALID_PARAMETER_VALUE", "BAD_REQUEST", "REQUEST_LIMIT_EXCEEDED"])

Write = Callable[[Sequence["Metric"], Sequence["Param"], Sequence["RunTag"]], None]


def is_refusal(error: MlflowException) -> bool:
    """Whether the service has read the items of a batch and does not want one of them."""
    return error.error_code in _REFUSALS


def salvage(
    write: Write,
    run: Run,
    kept: Mapping[str, str],
    metrics: Sequence[Metric],
    params: Sequence[Param],
    tags: Sequence[RunTag],
    error: MlflowException,
) -> Refused:
    """Write what the service takes of a batch that it has refused; return the rest.

    Parameters
    ----------
    write : callable
        Sends one batch.
    run : Run
        As the service has it now.
    kept : mapping of str to str
        Parameters that it has refused before.
    metrics, params, tags : sequences
    error : MlflowException
        What the service said to the whole batch. It is raised again when the batch is not to
        blame: the run is deleted, or a parameter would change, which no server allows.
    """
    if run.info.lifecycle_stage != "active":
        raise error
    refused = Refused()

    def keep(item: Any, why: str) -> None:
        if item in metrics:
            entry = {
                "key": item.key,
                "value": item.value,
                "timestamp": item.timestamp,
                "step": item.step,
            }
            refused.metrics.append(entry)
        else:
            (refused.params if item in params else refused.tags)[item.key] = item.value
        refused.reasons[item.key] = why

    known = run.data.params
    fresh = [item for item in params if item.key not in known and item.key not in kept]
    room = max(0, MOST_PARAMETERS - len(known))
    _halve(lambda items: write(items, [], []), list(metrics), keep)
    _halve(lambda items: write([], [], items), list(tags), keep)
    _halve(lambda items: write([], items, []), fresh[:room], keep)
    for item in fresh[room:]:
        keep(item, f"a run can have at most {MOST_PARAMETERS} parameters")
    changed = dict(kept) | known
    if any(changed.get(item.key, item.value) != item.value for item in params):
        raise error
    return refused


def _halve(
    write: Callable[[list[Any]], None], items: list[Any], keep: Callable[[Any, str], None]
) -> None:
    """Write items; where that is refused, write each half; give what stands alone to ``keep``."""
    if not items:
        return
    try:
        write(items)
    except MlflowException as error:
        if not is_refusal(error):
            raise
        if len(items) == 1:
            keep(items[0], one_line(error.message)[:300])
            return
        middle = len(items) // 2
        _halve(write, items[:middle], keep)
        _halve(write, items[middle:], keep)
