"""Ids of runs and experiments: GUIDs to clients, 32 digits and integers in MLflow's store.

The run of a job has the job's name for an id, to both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

_RUN_KEYS = frozenset({"run_id", "run_uuid"})
_EXPERIMENT_KEYS = frozenset({"experiment_id", "experiment_ids"})
_DIGITS = re.compile(r"\b[0-9a-f]{32}\b")
_DASHED = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
# An experiment's GUID is this and its number, in 12 hexadecimal digits.
_EXPERIMENT = "55555555-5555-4555-8555-"
# MLflow's clients send it when no experiment was chosen; the service takes it for its own default.
_DEFAULT = "0"
_ARTIFACT_URI = re.compile(r"/experiments/(\d+)/([\w-]+)/artifacts")
# In a filter: a text in quotes, which stays as it is, or what a run's id is compared with.
_COMPARED = re.compile(
    r"""(?P<before>(?<![\w.`"])(?:(?:attributes?|attr|run)\.)?[`"]?run_id[`"]?\s*
        (?:=|!=|(?:NOT\s+)?IN|I?LIKE)\s*)(?P<values>'[^']*'|"[^"]*"|\([^)]*\))
        |'[^']*'|"[^"]*"|`[^`]*`""",
    re.IGNORECASE | re.VERBOSE,
)
_IN_FILTER = re.compile(rf"{_DASHED.pattern}|{_DIGITS.pattern}")


class UnknownIdError(LookupError):
    """A client sent an id that no run or experiment of the workspace can have."""


def for_client(content: Any) -> Any:
    """Return the JSON that the store answered as the service would: every id a GUID.

    Ids are found by their keys; values of tags and parameters stay as they are.
    """
    return _translated(content, {"artifact_uri": _uri_for_client} | _FOR_CLIENT)


def for_store(content: Any) -> Any:
    """Return what a client sent with the ids of the store."""
    return _translated(content, _FOR_STORE)


def text_for_client(message: str) -> str:
    """Return a message with the ids of runs as clients know them."""
    return _DIGITS.sub(lambda match: str(UUID(match[0])), message)


def _translated(content: Any, by_key: dict[str, Callable[[Any], Any]]) -> Any:
    if isinstance(content, list):
        return [_translated(item, by_key) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        key: by_key[key](value) if key in by_key else _translated(value, by_key)
        for key, value in content.items()
    }


def _each(translate: Callable[[str], str]) -> Callable[[Any], Any]:
    """Return a translation that also takes a list, and leaves what is empty as it is."""

    def translated(value: Any) -> Any:
        if isinstance(value, list):
            return [translated(item) for item in value]
        return translate(str(value)) if value not in (None, "") else value

    return translated


def _run_for_client(text: str) -> str:
    return str(UUID(text)) if _DIGITS.fullmatch(text) else text


def _run_for_store(text: str) -> str:
    if _DIGITS.fullmatch(text):
        raise UnknownIdError(f"Run {text} was not found")
    return UUID(text).hex if _DASHED.fullmatch(text) else text


def _experiment_for_client(text: str) -> str:
    return f"{_EXPERIMENT}{int(text):012x}" if text.isdigit() else text


def _experiment_for_store(text: str) -> str:
    if text == _DEFAULT:
        return text
    if not _DASHED.fullmatch(text) or not text.startswith(_EXPERIMENT):
        raise UnknownIdError(f"Experiment {text} was not found")
    return str(int(text.removeprefix(_EXPERIMENT), 16))


def _uri_for_client(uri: str) -> str:
    def path(match: re.Match[str]) -> str:
        experiment, run = _experiment_for_client(match[1]), _run_for_client(match[2])
        return f"/experiments/{experiment}/runs/{run}/artifacts"

    return _ARTIFACT_URI.sub(path, uri)


def _filter_for_store(text: str) -> str:
    def swapped(match: re.Match[str]) -> str:
        # The store's own form must find nothing, as it does on the service.
        return UUID(match[0]).hex if "-" in match[0] else str(UUID(match[0]))

    def compared(match: re.Match[str]) -> str:
        if match["before"] is None:
            return match[0]
        return f"{match['before']}{_IN_FILTER.sub(swapped, match['values'])}"

    return _COMPARED.sub(compared, text)


_FOR_CLIENT: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_RUN_KEYS, _each(_run_for_client)),
    **dict.fromkeys(_EXPERIMENT_KEYS, _each(_experiment_for_client)),
    "artifact_location": lambda _: "",
}
_FOR_STORE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_RUN_KEYS, _each(_run_for_store)),
    **dict.fromkeys(_EXPERIMENT_KEYS, _each(_experiment_for_store)),
    "filter": _each(_filter_for_store),
}
