"""What the service refused of a run: kept beside its other artifacts, and read back with it.

The first time it is ``overflow.json``, then ``overflow-….json``, as artifacts cannot be overwritten
and several processes may write to a run. A tag names each, so that runs without any cost nothing.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.exceptions import MlflowException

from mlproject.azure import bookkeeping
from mlproject.azure.files import Files
from mlproject.base.errors import reason

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


def keep(
    files: Files, run_id: str, refused: Refused, write_tag: Callable[[str, str], None], known: bool
) -> None:
    """Write refused items into an artifact of the run, name it in a tag, and say so.

    Parameters
    ----------
    files : Files
        The run's.
    run_id : str
    refused : Refused
    write_tag : callable
        Takes name and value. The tag comes first: a file that nothing names would be lost.
    known : bool
        Whether the run has such an artifact already.
    """
    content = {
        "params": refused.params,
        "tags": refused.tags,
        "metrics": refused.metrics,
        "reasons": refused.reasons,
    }
    name = _another() if known else FILE_NAME
    with TemporaryDirectory(prefix="mlproject-") as folder:
        path = Path(folder) / name
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
        write_tag(f"{bookkeeping.OVERFLOW}{name}", "1")
        try:
            files.put([(path, name)])
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            name = _another()  # another process, or the user, was there first
            write_tag(f"{bookkeeping.OVERFLOW}{name}", "1")
            files.put([(path, name)])
    why = next(iter(refused.reasons.values()), "no reason given")
    _logger.warning(
        "Azure ML refused %s of run %s (%s); kept in the artifact %s",
        refused.named(),
        run_id,
        why,
        name,
    )


def names(tags: Mapping[str, str]) -> list[str]:
    """Return the artifacts that hold what was refused of a run."""
    prefix = bookkeeping.OVERFLOW
    return [key.removeprefix(prefix) for key in tags if key.startswith(prefix)]


def read(files: Files, tags: Mapping[str, str]) -> Refused:
    """Return everything that was refused of a run, from its artifacts.

    One that cannot be read is told and passed over: the rest of the run is worth having.
    """
    found = Refused()
    with TemporaryDirectory(prefix="mlproject-") as folder:
        for name in names(tags):
            path = Path(folder) / name
            try:
                files.get(name, path)
                content = json.loads(path.read_text(encoding="utf-8"))
                found.params |= content["params"]
                found.tags |= content["tags"]
                found.metrics += content["metrics"]
            except (MlflowException, OSError, ValueError, KeyError, TypeError) as error:
                _logger.warning("The artifact %s cannot be read: %s", name, reason(error))
    for key in [key for key in found.tags if f"{bookkeeping.DELETED}{key}" in tags]:
        del found.tags[key]
    return found


def _another() -> str:
    return f"overflow-{uuid.uuid4().hex[:8]}.json"
