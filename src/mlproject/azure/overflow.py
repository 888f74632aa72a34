"""What the service refused of a run: kept beside its other artifacts, and read back with it.

The first time it is ``overflow.json``, then ``overflow-2.json`` and so on, as artifacts cannot be
overwritten. A tag says how many there are, so that runs without any cost nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlproject.azure import bookkeeping
from mlproject.azure.files import Files

FILE_NAME = "overflow.json"
_SHOWN = 5
_logger = logging.getLogger(__name__)


@dataclass
class Refused:
    """Items that the service did not take.

    Attributes
    ----------
    params, tags : dict of str to str
    metrics : list of dict
        Each with key, value, timestamp and step.
    reasons : dict of str to str
        What the service said, by the item's name.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.params or self.tags or self.metrics)

    def named(self) -> str:
        """Return which items, in words."""
        names = [f"parameter {key}" for key in self.params]
        names += [f"tag {key}" for key in self.tags]
        names += [f"metric {item['key']}" for item in self.metrics]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"{', '.join(names[:_SHOWN])}{more}"


def keep(files: Files, run_id: str, refused: Refused, before: int) -> dict[str, str]:
    """Write refused items into an artifact of the run, say so, and return the tag that counts.

    Parameters
    ----------
    files : Files
        The run's.
    run_id : str
    refused : Refused
    before : int
        How many such artifacts there are.
    """
    name = _name(before + 1)
    content = {
        "params": refused.params,
        "tags": refused.tags,
        "metrics": refused.metrics,
        "reasons": refused.reasons,
    }
    with TemporaryDirectory(prefix="mlproject-") as folder:
        path = Path(folder) / name
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
        files.put([(path, name)])
    why = next(iter(refused.reasons.values()), "no reason given")
    _logger.warning(
        "Azure ML refused %s of run %s (%s); kept in the artifact %s",
        refused.named(),
        run_id,
        why,
        name,
    )
    return {bookkeeping.OVERFLOW: str(before + 1)}


def count(tags: Mapping[str, str]) -> int:
    """Return how many artifacts hold what was refused of a run."""
    value = tags.get(bookkeeping.OVERFLOW, "0")
    return int(value) if value.isdigit() else 0


def read(files: Files, number: int) -> Refused:
    """Return everything that was refused of a run, from its artifacts."""
    found = Refused()
    with TemporaryDirectory(prefix="mlproject-") as folder:
        for index in range(1, number + 1):
            path = Path(folder) / _name(index)
            files.get(_name(index), path)
            content = json.loads(path.read_text(encoding="utf-8"))
            found.params |= content["params"]
            found.tags |= content["tags"]
            found.metrics += content["metrics"]
    return found


def _name(number: int) -> str:
    return FILE_NAME if number == 1 else f"overflow-{number}.json"
