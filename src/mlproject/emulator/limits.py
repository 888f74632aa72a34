"""What MLflow's server would take and the service does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug import Response

from mlproject.emulator.messages import api_error

# Reported for the service: https://github.com/Azure/azure-sdk-for-python/issues/35685
MOST_PARAMETERS = 200
# "Length of tag value", of experiments and of runs:
# https://learn.microsoft.com/azure/machine-learning/resource-limits-capacity
LONGEST_TAG = 1000

_ONE_TAG = re.compile(r"\w+(-\w+)?/set(-experiment)?-tag")
_LISTS = ("metrics", "params", "tags")
_NAMED = frozenset({"runs/log-batch", "runs/log-metric", "runs/log-parameter", "runs/set-tag"})


def rejection(
    endpoint: str,
    content: Mapping[str, Any],
    pattern: re.Pattern[str] | None,
    parameters: Callable[[str], Iterable[str]],
) -> Response | None:
    """Return the answer to a request that goes past a limit, or None.

    Names of metrics, parameters and tags that match ``pattern`` are refused, too; ``parameters``
    returns the names of those that a run has.
    """
    message = (
        _too_long(endpoint, content)
        or (_unwanted(endpoint, content, pattern) if pattern else None)
        or _too_many(endpoint, content, parameters)
    )
    return api_error(400, "INVALID_PARAMETER_VALUE", message) if message else None


def _too_long(endpoint: str, content: Mapping[str, Any]) -> str | None:
    tags = [content] if _ONE_TAG.fullmatch(endpoint) else content.get("tags") or []
    for tag in tags:
        length = len(str(tag.get("value") or ""))
        if length > LONGEST_TAG:
            return (
                f"The value of the tag '{tag.get('key')}' has {length} characters, "
                f"and at most {LONGEST_TAG} are allowed."
            )
    return None


def _unwanted(endpoint: str, content: Mapping[str, Any], pattern: re.Pattern[str]) -> str | None:
    if endpoint not in _NAMED:
        return None
    items = [content] if "key" in content else []
    items += [item for name in _LISTS for item in content.get(name) or []]
    for item in items:
        if pattern.fullmatch(str(item.get("key"))):
            return f"The name '{item.get('key')}' is not allowed."
    return None


def _too_many(
    endpoint: str, content: Mapping[str, Any], parameters: Callable[[str], Iterable[str]]
) -> str | None:
    if endpoint not in ("runs/log-batch", "runs/log-parameter"):
        return None
    given = content.get("params") or ([content] if endpoint == "runs/log-parameter" else [])
    if not given:
        return None
    names = {*parameters(content["run_id"]), *(item["key"] for item in given)}
    if len(names) <= MOST_PARAMETERS:
        return None
    return f"A run can have at most {MOST_PARAMETERS} parameters, and this has {len(names)}."
