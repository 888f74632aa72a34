"""The rules of the gate: the recipe's section ``promotion``, and options over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mlproject.base.errors import ConfigurationError
from mlproject.base.validation import problems
from training.rules import Rules


def parse(content: Any, origin: str) -> Rules:
    """Validate what a section of YAML holds; an empty one, None, gives the defaults."""
    if content is None:
        return Rules()
    if not isinstance(content, dict):
        raise ConfigurationError(f"{origin} holds no rules", "It should be a YAML mapping")
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        raise problems(error, Rules, origin) from error


def merged(rules: Rules, overrides: Mapping[str, Any]) -> Rules:
    """Return rules with options over them.

    None, an empty text and an empty sequence stand for an option that was left out.
    """
    over = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in overrides.items()
        if value is not None and value not in ("", (), [])
    }
    return parse({**rules.model_dump(), **over}, "the options")
