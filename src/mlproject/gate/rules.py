"""The rules of the gate: the recipe's section ``promotion``, and options over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mlproject.base.errors import ConfigurationError
from mlproject.base.validation import problems
from training.rules import Rules

# Whether more of a rule is stricter. What is in neither table may not be changed at all.
_STRICTER_UP = ("improvement", "confidence", "resamples", "min_rows", "require_unseen")
_STRICTER_DOWN = ("equivalence", "slice_tolerance", "slice_rows", "time_factor")


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
    return parse({**rules.model_dump(exclude_unset=True), **over}, "the options")


def loosened(recipe: Rules, rules: Rules, *, greater_is_better: bool) -> list[str]:
    """Return which of the rules that a recipe sets are stricter there than here."""
    return [
        key
        for key in sorted(recipe.model_fields_set)
        if getattr(rules, key) != getattr(recipe, key)
        and not _is_stricter(key, getattr(recipe, key), getattr(rules, key), greater_is_better)
    ]


def _is_stricter(key: str, recipe: Any, rule: Any, greater_is_better: bool) -> bool:
    if key == "slice_by":
        return set(recipe) <= set(rule)
    if recipe is None or rule is None:
        # Without a rule there is none to loosen, but for the question that is asked.
        return recipe is None and key != "equivalence"
    if key == "floor":
        return bool(rule > recipe) == greater_is_better
    if key in _STRICTER_UP:
        return bool(rule > recipe)
    return key in _STRICTER_DOWN and bool(rule < recipe)


def check_not_loosened(
    recipe: Rules, rules: Rules, override: str | None, *, greater_is_better: bool
) -> None:
    """Raise ConfigurationError where options ask for less than the recipe, without a reason."""
    looser = loosened(recipe, rules, greater_is_better=greater_is_better)
    if looser and override is None:
        options = ", ".join(f"--{key.replace('_', '-')}" for key in looser)
        raise ConfigurationError(
            f"The recipe's section 'promotion' is stricter than {options}",
            "Leave it out, or say why with --override REASON, which is recorded",
        )
