"""What is written down beside an unfinished output: the request, the plan, and committed parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from inference import course
from inference.part import PartFiles
from inference.planning import Plan
from inference.tally import Tally, Written
from mlproject.base.errors import ConfigurationError
from mlproject.base.files import sha256_of_stream
from mlproject.base.stores import Store

_STATE, _PUBLISHING = "plan.json", "publishing"
_PART = re.compile(r"(part|rejects)-\d{5,}\.(csv|parquet|jsonl|json)")
# What may be another one when a run is resumed: rows that are rejected now were none before.
_LATER = {("on_error", "fail", "reject")}
_NO_OPTIONS = {
    "model": "model",
    "profile": "profile of the model",
    "versions": "set of versions",
    "dialect": "dialect",
}


def is_part(name: str) -> bool:
    """Whether a name is that of a part, its rejects or its tally."""
    return _PART.fullmatch(name) is not None


class State:
    """The working folder of an output."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self) -> dict[str, Any] | None:
        """Return what an interrupted run has written down."""
        with suppress(OSError, ValueError):
            content = json.loads(self.store.read(_STATE))
            return content if isinstance(content, dict) else None
        return None

    def write(self, request: Mapping[str, Any], plan: Plan, replaces: Iterable[str]) -> None:
        """Write down what is made; ``replaces`` are parts in the same folder that are not of it."""
        content = {"request": dict(request), "plan": plan.content, "replaces": sorted(replaces)}
        self.store.write(_STATE, json.dumps(content, ensure_ascii=False).encode())

    @property
    def is_publishing(self) -> bool:
        """Whether an interrupted run had begun to move its files to their names."""
        return self.store.size(_PUBLISHING) is not None

    def publishing(self) -> None:
        self.store.write(_PUBLISHING, b"")

    def check_same(self, request: Mapping[str, Any], shown: str) -> None:
        """Raise ConfigurationError when the interrupted run was asked for something else."""
        before = (self.read() or {}).get("request") or {}
        difference = first_difference(before, request)
        if difference is not None:
            raise ConfigurationError(
                f"The interrupted run of {shown} {difference}",
                "Give the same, or start over with --overwrite",
            )

    def scored(self) -> list[str]:
        """Return the names of the tallies of committed parts."""
        names = self.store.names()
        return [name for name in names if is_part(name) and name.endswith(".json")]

    def committed(self, plan: Plan, files: PartFiles) -> dict[int, Tally]:
        """Return the parts of a plan that are there already, by the number of their split."""
        names = set(self.scored())
        made = {}
        for split in plan.splits:
            name = files.tally_name(split.number)
            if name not in names:
                continue
            with suppress(ValueError, KeyError, TypeError, OSError):
                tally = Tally.load(self.store.read(name))
                if tally.key == plan.key(split) and _is_whole(tally, files):
                    made[split.number] = tally
        return made

    def clear(self) -> None:
        """Forget the parts of a run before, but not what it has written down of itself."""
        for name in self.store.names():
            if is_part(name) or name in (_PUBLISHING, course.NAME):
                self.store.remove(name)


def first_difference(before: Mapping[str, Any], request: Mapping[str, Any]) -> str | None:
    """Return in words what was asked for otherwise; None when a run may go on from the other."""
    for key in sorted(request):
        old, new = before.get(key), request[key]
        if old == new or (key, old, new) in _LATER:
            continue
        if key in _NO_OPTIONS:
            return f"had another {_NO_OPTIONS[key]}: {old}, not {new}"
        option = f"--{key.replace('_', '-')}"
        return f"was begun without {option}" if old is None else f"was begun with {option} {old}"
    return None


def _is_whole(tally: Tally, files: PartFiles) -> bool:
    pairs = ((files.parts, tally.output), (files.rejects, tally.rejects))
    return all(part is None or _is_as_written(store, part) for store, part in pairs)


def _is_as_written(store: Store, part: Written) -> bool:
    if store.size(part.name) != part.length:
        return False
    with store.open(part.name) as stream:
        return sha256_of_stream(stream) == part.sha256
