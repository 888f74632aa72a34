"""Whether what a challenger answers can be read as what the champion answers is."""

from __future__ import annotations

import json
from typing import Any

from mlproject.gate.contenders import Contender

_NUMBERS = frozenset({"integer", "long", "float", "double"})
_SHOWN = 5


def problems(champion: Contender, challenger: Contender) -> list[str]:
    """Return why readers of the champion's answers cannot read the challenger's."""
    if champion.task != challenger.task:
        return [f"it answers a {challenger.task}, the champion a {champion.task}"]
    if champion.task == "classification":
        return _of_classes(champion, challenger)
    before, after = (_kinds(item.model.signature) for item in (champion, challenger))
    if before and after and before != after:
        return [f"it answers {', '.join(after)}, the champion {', '.join(before)}"]
    return []


def _of_classes(champion: Contender, challenger: Contender) -> list[str]:
    before, after = champion.classes, challenger.classes
    if before is None or after is None or before.ndim != 1 or after.ndim != 1:
        return []
    # As objects, so that a class is the same whatever array it is in: 1, 1.0 and np.int64(1).
    known, now = before.tolist(), after.tolist()
    new = [value for value in now if value not in known]
    gone = [value for value in known if value not in now]
    told = []
    if new:
        told.append(f"it knows classes that the champion does not: {_shown(new)}")
    if gone:
        told.append(f"it does not know the champion's classes {_shown(gone)}")
    return told


def _shown(classes: list[Any]) -> str:
    more = f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else ""
    return ", ".join(repr(value) for value in classes[:_SHOWN]) + more


def _kinds(signature: Any) -> list[str]:
    """Return what MLmodel says of the outputs: numbers are one kind, whatever their width."""
    try:
        entries = json.loads(signature.get("outputs") or "[]")
        kinds = [_kind(entry) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return kinds


def _kind(entry: Any) -> str:
    if entry["type"] == "tensor":
        spec = entry["tensor-spec"]
        width = [size for size in spec["shape"][1:] if size != 1]
        kind = "text" if spec["dtype"] in ("str", "object") else "number"
        return f"{kind}s of shape {tuple(width)}" if width else kind
    return "number" if entry["type"] in _NUMBERS else str(entry["type"])
