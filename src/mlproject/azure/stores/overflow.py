"""What the service rejected of a run: kept in notes beside its artifacts, and read back with it.

Each flush adds one note. The run's own tag says that there are any, so that others cost nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from mlproject.azure.stores import points
from mlproject.azure.stores.bookkeeping import OVERFLOWS, RUN
from mlproject.azure.stores.journal import Journal
from mlproject.base.visible import visible

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, RunTag

NAME = "rejected"
_SHOWN = 5
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Point:
    """One value of a metric."""

    key: str
    value: float
    timestamp: int
    step: int

    @classmethod
    def of(cls, item: Metric) -> Point:
        value = points.number(float(item.value))
        return cls(item.key, value, int(item.timestamp), int(item.step))


@dataclass
class RejectedItems:
    """Items that the service did not take."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    """None for a tag that has been deleted since."""
    metrics: list[Point] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """What the service said, by the item's name."""

    def __bool__(self) -> bool:
        return bool(self.params or self.tags or self.metrics)

    def add_metric(self, item: Metric, why: str) -> None:
        self.metrics.append(Point.of(item))
        self.reasons[item.key] = why

    def add_param(self, item: Param, why: str) -> None:
        self.params[item.key] = item.value
        self.reasons[item.key] = why

    def add_tag(self, item: RunTag, why: str) -> None:
        self.tags[item.key] = str(item.value)
        self.reasons[item.key] = why

    def named(self) -> str:
        names = [f"parameter {key}" for key in self.params]
        names += [f"tag {key}" for key in self.tags]
        names += [f"metric {item.key}" for item in self.metrics]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN])}{more}"


_NOTE = TypeAdapter(RejectedItems)


class Overflow:
    """The notes of a run on what the service rejected of it."""

    def __init__(self, run_id: str, journal: Journal) -> None:
        self._run_id, self._journal = run_id, journal

    def read_if(self, tags: Mapping[str, str]) -> RejectedItems:
        """Return what ``read`` does, where the run's tags say that there is any."""
        return self.read() if tags.get(RUN) == OVERFLOWS else RejectedItems()

    def read(self) -> RejectedItems:
        items = RejectedItems()
        for note in self._journal.notes_as(_NOTE):
            # A parameter does not change; a tag is what it was last.
            items.params = note.params | items.params
            items.tags |= note.tags
            items.metrics += note.metrics
        items.metrics = points.once(items.metrics)
        return items

    def keep(self, items: RejectedItems, write_tags: Callable[[Mapping[str, str]], None]) -> None:
        """Write items into a note, and say so.

        The tag comes first: a note that nobody looks for would be lost.
        """
        self._add(items, write_tags)
        _logger.warning(
            "Azure ML refused %s of run %s (%s); kept in the run's artifacts, in %s",
            visible(items.named()),
            self._run_id,
            visible(next(iter(items.reasons.values()), "no reason given")),
            self._journal.folder,
        )

    def delete_tag(self, key: str) -> None:
        """Note that a tag is deleted, which is there."""
        self._add(RejectedItems(tags={key: None}), lambda _: None)

    def _add(self, items: RejectedItems, write_tags: Callable[[Mapping[str, str]], None]) -> None:
        if not self._journal.is_known:
            write_tags({RUN: OVERFLOWS})
        self._journal.add(asdict(items))
