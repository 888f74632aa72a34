"""What a request changes in a recipe."""

from __future__ import annotations

import re
from typing import Any

from mlproject.base.errors import ConfigurationError
from training import parameters
from training.recipe import Recipe, parse
from training.request import TrainRequest

_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|)\s*")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def applied(recipe: Recipe, request: TrainRequest) -> Recipe:
    """Return the recipe as the request wants it, validated anew."""
    changes = {
        "data": {
            "source": request.data,
            "target": request.target,
            "missing_target": request.missing_target,
            "encoding": request.encoding,
            "delimiter": request.delimiter,
            "decimal": request.decimal,
            "thousands": request.thousands,
            "drop": list(dict.fromkeys([*recipe.data.drop, *request.drop])) or None,
        },
        "split": {"test_size": request.test_size} | _grouped(request.group_by),
        "search": {"folds": request.folds, "budget": seconds(request.budget)},
    }
    content = recipe.model_dump(exclude_defaults=True)
    given = {"task": request.task, "seed": request.seed}
    content |= {key: value for key, value in given.items() if value is not None}
    for section, values in changes.items():
        content[section] = content.get(section, {}) | {
            key: value for key, value in values.items() if value is not None
        }
    if request.group_by:
        content["split"].pop("time", None)
        content["split"].pop("source", None)
    if request.task == "regression":
        content.pop("classes", None)
    changed = parse(content, f"The recipe '{recipe.name}' with these options")
    return parameters.applied(changed, parameters.parse(request.params))


def check(request: TrainRequest) -> None:
    """Raise ConfigurationError for a text that means nothing, before any data is read."""
    seconds(request.budget)
    parameters.parse(request.params)
    _ = request.dialect


def seconds(budget: str | float | None) -> float | None:
    """Return a duration such as ``90``, ``60s``, ``5m`` or ``1h`` in seconds."""
    if budget is None:
        return None
    match = _DURATION.fullmatch(str(budget))
    found = float(match[1]) * _SECONDS[match[2][:1]] if match else 0.0
    if found <= 0:
        raise ConfigurationError(
            f"'{budget}' is not a time for a search", "Give seconds, minutes or hours: 60s, 5m, 1h"
        )
    return found


def _grouped(column: str | None) -> dict[str, Any]:
    return {"kind": "group", "group": column} if column else {}
