"""The rules of the gate: the recipe's section ``promotion``, and options over it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mlproject.errors import ConfigurationError, one_line
from mlproject.names import did_you_mean

Name = Annotated[str, StringConstraints(min_length=1)]
_CHOICE = re.compile(r"'([^']+)'")
# What pydantic puts into a path for the branch of a union: no key of the file.
_BRANCHES = ("str", "dict", "list")


class Rules(BaseModel):
    """What a challenger has to show before it may take the champion's place."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    metric: Name | None = Field(
        default=None, description="the metric that decides; the recipe's first by default"
    )
    improvement: float = Field(
        default=0.0,
        ge=0,
        description="the lower end of the interval of the improvement must be above this",
    )
    confidence: float = Field(
        default=0.95, ge=0.5, le=0.9999, description="of the improvement's interval"
    )
    resamples: int = Field(default=2000, ge=100, le=100_000, description="bootstrap resamples")
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="of the resamples")
    floor: float | None = Field(
        default=None,
        description="the quality to reach at least; at most, where less of the metric is better",
    )
    slice_by: list[Name] = Field(
        default_factory=list, description="columns in whose slices nothing may be lost"
    )
    slice_tolerance: float = Field(
        default=0.0, ge=0, description="how much worse a slice may be, in the metric's units"
    )
    slice_rows: int = Field(
        default=30, ge=1, description="slices of fewer rows are reported, not judged"
    )
    time_factor: float | None = Field(
        default=2.0, gt=0, description="how many times the champion's time a row is allowed"
    )


def parse(content: Any, origin: str) -> Rules:
    """Validate what a section of YAML holds.

    Parameters
    ----------
    content : object
        The parsed section; None, which is an empty one, gives the defaults.
    origin : str
        Where it stands, for messages: ``promotion of recipes/iris.yaml``.

    Raises
    ------
    ConfigurationError
        With the first thing that is wrong, where it stands, and the nearest known key.
    """
    if content is None:
        return Rules()
    if not isinstance(content, dict):
        raise ConfigurationError(f"{origin} holds no rules", "It should be a YAML mapping")
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        raise first_problem(error, Rules, origin) from error


def merged(rules: Rules, given: Mapping[str, Any], origin: str = "the options") -> Rules:
    """Return rules with options over them.

    Parameters
    ----------
    rules : Rules
        The recipe's.
    given : mapping of str to object
        Rule to value. None, an empty text and an empty sequence stand for "not given".
    origin : str
        What to call the options in messages.

    Raises
    ------
    ConfigurationError
        When an option is not a rule, or its value is out of range.
    """
    over = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in given.items()
        if value is not None and value not in ("", (), [])
    }
    return parse({**rules.model_dump(), **over}, origin)


def first_problem(
    error: ValidationError, model: type[BaseModel], origin: str
) -> ConfigurationError:
    """Return the first thing that a validation found, as one line.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised.
    model : type of BaseModel
        What was validated, for the nearest known key.
    origin : str
        Where the content stands, for the message.
    """
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
