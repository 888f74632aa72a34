"""What pydantic finds wrong, as one line with the nearest known keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel, ValidationError

from mlproject.base.counting import counted
from mlproject.base.errors import ConfigurationError, one_line
from mlproject.base.suggestions import did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_CHOICE = re.compile(r"'([^']+)'")
# What pydantic puts into a path for the branch of a union: no key of the file.
_BRANCHES = ("str", "dict", "list")
_MOST_TOLD = 5


@dataclass(frozen=True)
class _Problem:
    """One thing that is wrong: alone in a sentence, among others, and what would be right."""

    alone: str
    among: str
    hint: str | None = None


def problems(error: ValidationError, model: type[BaseModel], origin: str) -> ConfigurationError:
    """Return what a validation found in ``origin``, each thing with its place, as one line."""
    found: dict[tuple[str, ...], _Problem] = {}
    # Of a value that fits no branch of a union, the first branch is told.
    for problem in sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden"):
        place = tuple(str(part) for part in problem["loc"] if not _is_union_branch(part))
        found.setdefault(place, _problem(problem, place, model))
    # Nor is a branch told that looks no further than the place around what is wrong in another.
    around = {place[:length] for place in found for length in range(len(place))}
    told = [item for place, item in found.items() if place not in around or not place]
    if len(told) == 1:
        return ConfigurationError(f"{origin}{told[0].alone}", told[0].hint)
    listed = [
        f"{item.among} ({item.hint})" if item.hint and item.hint.endswith("?") else item.among
        for item in told[:_MOST_TOLD]
    ]
    if len(told) > _MOST_TOLD:
        listed.append(f"and {len(told) - _MOST_TOLD} more")
    return ConfigurationError(f"{origin} has {counted(len(told), 'problem')}: {'; '.join(listed)}")


def _problem(problem: ErrorDetails, place: tuple[str, ...], model: type[BaseModel]) -> _Problem:
    where = ".".join(place)
    if problem["type"] == "extra_forbidden":
        hint = did_you_mean(place[-1], _keys_at(model, place[:-1]), noun="keys")
        return _Problem(f" has an unknown key '{where}'", f"an unknown key '{where}'", hint)
    if problem["type"] == "missing":
        return _Problem(f" lacks the key '{where}'", f"no key '{where}'")
    if problem["type"] == "literal_error":
        choices = _CHOICE.findall(problem["ctx"]["expected"])
        hint = did_you_mean(str(problem["input"]), choices, noun="values")
        text = f"{where} cannot be '{problem['input']}'"
        return _Problem(f": {text}", text, hint)
    what = one_line(problem["msg"].removeprefix("Value error, "))
    text = f"{where}: {what}" if where else what
    return _Problem(f": {text}", text)


def _is_union_branch(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part in _BRANCHES)


def _keys_at(model: type[BaseModel], place: Iterable[str]) -> list[str]:
    for part in place:
        if part not in model.model_fields:  # the key of a mapping
            continue
        annotation = model.model_fields[part].annotation
        choices = [annotation, *get_args(annotation)]
        nested = [
            item for item in choices if isinstance(item, type) and issubclass(item, BaseModel)
        ]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)
