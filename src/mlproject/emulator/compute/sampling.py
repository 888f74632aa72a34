"""The trials of a sweep, drawn from its search space."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SAMPLINGS = ("Grid", "Random", "Bayesian")
_USUAL_MOST = 1000
# How many arguments each distribution takes; a choice takes a list, and is not among them.
_ARGUMENTS = {"randint": 1, "uniform": 2, "loguniform": 2, "normal": 2, "lognormal": 2}
_QUANTISED = ("quniform", "qloguniform", "qnormal", "qlognormal")


def problem(properties: Mapping[str, Any]) -> str | None:
    """Return what the service would refuse of a sweep's search; None where it is whole."""
    space = properties.get("searchSpace") or {}
    kind = (properties.get("samplingAlgorithm") or {}).get("samplingAlgorithmType")
    objective = properties.get("objective") or {}
    checks = {
        "A sweep needs a search space": not space,
        f"Unknown sampling algorithm '{kind}'": kind not in _SAMPLINGS,
        "A sweep needs a primary metric": not objective.get("primaryMetric"),
        "The goal is maximize or minimize": str(objective.get("goal")).lower()
        not in ("maximize", "minimize"),
        "Grid sampling takes choices only": kind == "Grid"
        and any(axis[0] != "choice" for axis in space.values()),
        "The emulator ends no trial early": bool(properties.get("earlyTermination")),
    }
    unknown = [name for name, axis in space.items() if not _is_known(axis)]
    checks[f"Unknown distribution of '{', '.join(unknown)}'"] = bool(unknown)
    return next((f"{text}." for text, wrong in checks.items() if wrong), None)


def drawn(properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the values of each trial. Bayesian sampling draws at random here."""
    space: Mapping[str, Sequence[Any]] = properties["searchSpace"]
    algorithm = properties["samplingAlgorithm"]
    most = (properties.get("limits") or {}).get("maxTotalTrials") or _USUAL_MOST
    if algorithm["samplingAlgorithmType"] == "Grid":
        values = (axis[1][0] for axis in space.values())
        every = (dict(zip(space, found, strict=True)) for found in itertools.product(*values))
        yield from itertools.islice(every, most)
        return
    source = random.Random(algorithm.get("seed"))  # noqa: S311 - a search, no secret
    for _ in range(most):
        yield {name: _value(source, *axis) for name, axis in space.items()}


def _is_known(axis: Sequence[Any]) -> bool:
    kind, arguments = axis
    if kind == "choice":
        return bool(arguments) and isinstance(arguments[0], list)
    count = 3 if kind in _QUANTISED else _ARGUMENTS.get(kind)
    return count == len(arguments)


def _value(source: random.Random, kind: str, arguments: Sequence[Any]) -> Any:
    if kind == "choice":
        return source.choice(arguments[0])
    if kind == "randint":
        return source.randrange(int(arguments[0]))
    if kind in _QUANTISED:
        step = arguments[2]
        return round(_value(source, kind[1:], arguments[:2]) / step) * step
    low, high = arguments
    found = source.gauss(low, high) if kind.endswith("normal") else source.uniform(low, high)
    return math.exp(found) if kind.startswith("log") else found
