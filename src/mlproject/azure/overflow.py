"""What the service rejected of a run: kept beside its other artifacts, and read back with it.

The first time it is ``overflow.json``, then ``overflow-….json``, as artifacts cannot be overwritten
and several processes may write to a run. A tag names each, so that runs without any cost nothing.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException

from mlproject.azure import bookkeeping
from mlproject.base.errors import reason

if TYPE_CHECKING:
    from mlflow.entities import Metric, Param, Run, RunTag

    from mlproject.azure.files import Files

_FILE_NAME = "overflow.json"
_SHOWN = 5
_logger = logging.getLogger(__name__)


@dataclass
class RejectedItems:
    """Items that the service did not take: metrics with key, value, timestamp and step each."""

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """What the service said, by the item's name."""

    def __bool__(self) -> bool:
        return bool(self.params or self.tags or self.metrics)

    def add_metric(self, item: Metric, why: str) -> None:
        names = ("key", "value", "timestamp", "step")
        self.metrics.append({name: getattr(item, name) for name in names})
        self.reasons[item.key] = why

    def add_param(self, item: Param, why: str) -> None:
        self.params[item.key] = item.value
        self.reasons[item.key] = why

    def add_tag(self, item: RunTag, why: str) -> None:
        self.tags[item.key] = item.value
        self.reasons[item.key] = why

    def named(self) -> str:
        names = [f"parameter {key}" for key in self.params]
        names += [f"tag {key}" for key in self.tags]
        names += [f"metric {item['key']}" for item in self.metrics]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN])}{more}"


class Overflow:
    """The artifacts of a run that hold what the service rejected of it."""

    def __init__(self, run: Run, files: Callable[[Run], Files]) -> None:
        self._run, self._files = run, files
        prefix, self._tags = bookkeeping.OVERFLOW, run.data.tags
        self._names = [key.removeprefix(prefix) for key in self._tags if key.startswith(prefix)]

    def read(self) -> RejectedItems:
        """Return all of it. An artifact that cannot be read is told and passed over."""
        items = RejectedItems()
        if not self._names:
            return items
        files = self._files(self._run)
        with TemporaryDirectory(prefix="mlproject-") as folder:
            path = Path(folder) / "content"  # the names come from tags, which anybody may write
            for name in self._names:
                try:
                    files.get(name, path)
                    content = json.loads(path.read_text(encoding="utf-8"))
                    items.params |= content["params"]
                    items.tags |= content["tags"]
                    items.metrics += content["metrics"]
                except (MlflowException, OSError, ValueError, KeyError, TypeError) as error:
                    _logger.warning("The artifact %s cannot be read: %s", name, reason(error))
        for key in [key for key in items.tags if f"{bookkeeping.DELETED}{key}" in self._tags]:
            del items.tags[key]
        return items

    def keep(self, items: RejectedItems, write_tags: Callable[[Mapping[str, str]], None]) -> None:
        """Write items into an artifact, name it in a tag, and say so.

        The tag comes first: a file that nothing names would be lost.
        """
        files = self._files(self._run)
        name = _another() if self._names else _FILE_NAME
        with TemporaryDirectory(prefix="mlproject-") as folder:
            path = Path(folder) / "content"
            path.write_text(json.dumps(asdict(items), indent=2), encoding="utf-8")
            write_tags({f"{bookkeeping.OVERFLOW}{name}": "1"})
            try:
                files.put([(path, name)])
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
                name = _another()  # another process, or the user, was there first
                write_tags({f"{bookkeeping.OVERFLOW}{name}": "1"})
                files.put([(path, name)])
        _logger.warning(
            "Azure ML refused %s of run %s (%s); kept in the artifact %s",
            items.named(),
            self._run.info.run_id,
            next(iter(items.reasons.values()), "no reason given"),
            name,
        )


def _another() -> str:
    return f"overflow-{uuid.uuid4().hex[:8]}.json"
