"""What MLflow's server would take and the service does not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug import Response

from mlproject.emulator.messages import api_error
from mlproject.emulator.settings import Settings

# Reported for the service: https://github.com/Azure/azure-sdk-for-python/issues/35685
MOST = {"params": 200}
# "Length of tag value", of experiments and of runs:
# https://learn.microsoft.com/azure/machine-learning/resource-limits-capacity
LONGEST_TAG = 1000
# That page has these, too; whether the MLflow API enforces them is not known.
MOST_DOCUMENTED = MOST | {"tags": 50, "metrics": 50}
LONGEST_TAG_KEY = 100

_NOUNS = {"metrics": "metrics", "params": "parameters", "tags": "tags"}
_ONE_TAG = re.compile(r"\w+(-\w+)?/set(-experiment)?-tag")
# What has an item in itself, and not in a list.
_ONE = {"runs/log-metric": "metrics", "runs/log-parameter": "params", "runs/set-tag": "tags"}


def rejection(
    endpoint: str,
    content: Mapping[str, Any],
    settings: Settings,
    held: Callable[[str], Mapping[str, Any]],
) -> Response | None:
    """Return the answer to a request that goes past a limit, or None.

    ``held`` returns what a run has: lists of metrics, params and tags.
    """
    given = {name: keys for name in _NOUNS if (keys := _keys(endpoint, content, name))}
    message = (
        _too_long(endpoint, content, LONGEST_TAG_KEY if settings.documented_limits else None)
        or _unwanted(given, settings.pattern)
        or _too_many(
            given,
            content.get("run_id"),
            MOST_DOCUMENTED if settings.documented_limits else MOST,
            held,
        )
    )
    return api_error(400, "INVALID_PARAMETER_VALUE", message) if message else None


def _keys(endpoint: str, content: Mapping[str, Any], name: str) -> list[str]:
    """Return the names of the metrics, params or tags that a request gives a run."""
    if not endpoint.startswith("runs/"):
        return []
    items = [content] if _ONE.get(endpoint) == name else content.get(name) or []
    return [str(item.get("key")) for item in items]


def _too_long(endpoint: str, content: Mapping[str, Any], longest_key: int | None) -> str | None:
    for tag in [content] if _ONE_TAG.fullmatch(endpoint) else content.get("tags") or []:
        key, length = str(tag.get("key")), len(str(tag.get("value") or ""))
        if length > LONGEST_TAG:
            return (
                f"The value of the tag '{key}' has {length} characters, "
                f"and at most {LONGEST_TAG} are allowed."
            )
        if longest_key is not None and len(key) > longest_key:
            return (
                f"The name of the tag '{key}' has {len(key)} characters, "
                f"and at most {longest_key} are allowed."
            )
    return None


def _unwanted(given: Mapping[str, list[str]], pattern: re.Pattern[str] | None) -> str | None:
    for keys in given.values() if pattern else ():
        for key in keys:
            if pattern and pattern.fullmatch(key):
                return f"The name '{key}' is not allowed."
    return None


def _too_many(
    given: Mapping[str, list[str]],
    run: str | None,
    most: Mapping[str, int],
    held: Callable[[str], Mapping[str, Any]],
) -> str | None:
    limited = [name for name in given if name in most]
    known = held(run) if run and limited else {}
    for name in limited:
        count = len({*given[name], *(item["key"] for item in known.get(name, ()))})
        if count > most[name]:
            noun = _NOUNS[name]
            return f"A run can have at most {most[name]} {noun}, and this has {count}."
    return None
