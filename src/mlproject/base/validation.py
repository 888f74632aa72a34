"""What pydantic finds wrong, as one line with the nearest known key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args

from pydantic import BaseModel, ValidationError

from mlproject.base.errors import ConfigurationError, one_line
from mlproject.base.suggestions import did_you_mean

_CHOICE = re.compile(r"'([^']+)'")
# What pydantic puts into a path for the branch of a union: no key of the file.
_BRANCHES = ("str", "dict", "list")


def first_problem(
    error: ValidationError, model: type[BaseModel], origin: str
) -> ConfigurationError:
    """Return the first thing that a validation found in ``origin``, as one line."""
    problems = error.errors()
    unknown = [problem for problem in problems if problem["type"] == "extra_forbidden"]
    problem = (unknown or problems)[0]
    place = [str(part) for part in problem["loc"] if not _is_union_branch(part)]
    where = ".".join(place)
    if problem["type"] == "extra_forbidden":
        hint = did_you_mean(place[-1], _keys_at(model, place[:-1]), noun="keys")
        return ConfigurationError(f"{origin} has an unknown key '{where}'", hint)
    if problem["type"] == "missing":
        return ConfigurationError(f"{origin} lacks the key '{where}'")
    if problem["type"] == "literal_error":
        choices = _CHOICE.findall(problem["ctx"]["expected"])
        hint = did_you_mean(str(problem["input"]), choices, noun="values")
        return ConfigurationError(f"{origin}: {where} cannot be '{problem['input']}'", hint)
    what = one_line(problem["msg"].removeprefix("Value error, "))
    return ConfigurationError(f"{origin}: {where}: {what}" if where else f"{origin}: {what}")


def _is_union_branch(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in _BRANCHES)


def _keys_at(model: type[BaseModel], place: Iterable[str]) -> list[str]:
    for part in place:
        annotation = model.model_fields[part].annotation
        choices = [annotation, *get_args(annotation)]
        nested = [
            item for item in choices if isinstance(item, type) and issubclass(item, BaseModel)
        ]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)
