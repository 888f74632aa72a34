"""``--param NAME=V[,V…]``: one value fixes a pipeline parameter, several make it an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mlproject.base.errors import ConfigurationError, one_line
from training.recipe import Recipe

_LONGEST_SHOWN = 60
_OPENING, _CLOSING = "[{(", "]})"
_WORDS = {"true": True, "false": False, "none": None, "null": None}


def parse(given: Mapping[str, Any] | Sequence[str]) -> dict[str, list[Any]]:
    """Return parameter name to values for a mapping, or for the values of ``--param``.

    In a mapping a list stands for several values, anything else for one. A text may hold several
    parameters, separated by ``;``: an MLproject parameter is one text.
    """
    if isinstance(given, Mapping):
        return {k: v if isinstance(v, list) else [v] for k, v in given.items()}
    parsed: dict[str, list[Any]] = {}
    for text in given:
        for part in _split(text, ";"):
            if not part.strip():
                continue
            name, equals, values = part.partition("=")
            name = name.strip()
            if not equals or not name or not values.strip():
                raise ConfigurationError(
                    f"'{part.strip()}' is not a parameter", "Write NAME=VALUE or NAME=VALUE,VALUE"
                )
            if name in parsed:
                raise ConfigurationError(f"The parameter '{name}' is given twice")
            parsed[name] = [value(item) for item in _split(values, ",")]
    return parsed


def value(text: str) -> Any:
    """Return what a text stands for: a number, true, false, none, a YAML list, or itself."""
    stripped = text.strip()
    if stripped.lower() in _WORDS:
        return _WORDS[stripped.lower()]
    for number in (int, float):
        try:
            return number(stripped)
        except ValueError:
            continue
    if stripped[:1] in ("[", "{", "'", '"'):
        try:
            return yaml.safe_load(stripped)
        except yaml.YAMLError as error:
            raise ConfigurationError(f"'{stripped}' is not a value") from error
    return stripped


def in_short(value: Any) -> str:
    """Return a value in one short line: of an estimator its class."""
    if hasattr(value, "get_params"):
        return type(value).__name__
    text = one_line(str(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def applied(recipe: Recipe, parameters: dict[str, list[Any]]) -> Recipe:
    """Return the recipe with parameters fixed, or made an axis of its search.

    A parameter that is given replaces its axis in every grid of the recipe. An axis given to a
    recipe without a search makes it a grid search.
    """
    if not parameters:
        return recipe
    fixed = {name: values[0] for name, values in parameters.items() if len(values) == 1}
    axes = {name: values for name, values in parameters.items() if len(values) > 1}
    given = recipe.search.parameters
    grids = given if isinstance(given, list) else [given]
    kept = [{key: item for key, item in grid.items() if key not in fixed} for grid in grids]
    changed = [grid | axes for grid in kept]
    search = recipe.search.model_copy(
        update={
            "parameters": changed if isinstance(given, list) else changed[0],
            "kind": "grid" if axes and recipe.search.kind == "none" else recipe.search.kind,
        }
    )
    return recipe.model_copy(update={"search": search, "fixed": recipe.fixed | fixed})


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that stand outside brackets and quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for index, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in _OPENING:
            depth += 1
        elif letter in _CLOSING:
            depth -= 1
        elif letter == separator and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
