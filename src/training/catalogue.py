"""Where recipes are found: ``recipes/`` of the current folder, then those that ship."""

from __future__ import annotations

from pathlib import Path

import yaml

from mlproject.base.errors import ConfigurationError, one_line
from mlproject.base.files import expanded
from mlproject.base.redaction import redacted
from mlproject.base.suggestions import did_you_mean
from mlproject.data import samples
from mlproject.data.source import file_format, is_url
from training.recipe import Recipe, parse

DEFAULT = "diabetes-lassolars"
AUTO = "auto"
_ENDINGS = (".yaml", ".yml")


def folders() -> list[Path]:
    """Return the folders that hold recipes, the user's own first."""
    here = Path(__file__).resolve().parent
    candidates = [Path.cwd() / "recipes", here.parents[1] / "recipes", here / "recipes"]
    found: list[Path] = []
    for folder in candidates:
        if folder.is_dir() and folder not in found:
            found.append(folder)
    return found


def available() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.iterdir()):
            if path.suffix in _ENDINGS:
                found.setdefault(path.stem, path)
    return found


def locate(name: str) -> Path:
    """Return the file of a recipe, named or given as a path."""
    path = expanded(name)
    if path.suffix in _ENDINGS:
        if path.is_file():
            return path
        raise ConfigurationError(f"No recipe file {name}")
    known = available()
    if name in known:
        return known[name]
    if is_url(name) or file_format(name) is not None or samples.is_sample(name):
        raise ConfigurationError(
            f"{redacted(name)} is data, not a recipe", f"Give --data {redacted(name)}"
        )
    if path.is_file():
        return path
    if name == AUTO:
        raise ConfigurationError(
            "The recipe 'auto' has no file", "It follows from --data and --target"
        )
    hint = did_you_mean(name, [*known, AUTO], noun="recipes")
    raise ConfigurationError(f"No recipe '{name}'", hint)


def load(name: str) -> Recipe:
    path = locate(name)
    return parse(read_yaml(path), str(path))


def read_yaml(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {one_line(str(error))}") from error
    return parsed_yaml(text, str(path))


def parsed_yaml(text: str, origin: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = one_line(error.problem or "not YAML")
        raise ConfigurationError(f"{origin} is not YAML: line {line}: {what}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin} cannot be read: {one_line(str(error))}") from error


def dump(recipe: Recipe) -> str:
    """Return a recipe as YAML that trains the same thing again."""
    content = recipe.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    rules = recipe.promotion.model_dump(mode="json", exclude_unset=True)
    if rules:  # also one that says the default, which options may not loosen then
        content["promotion"] = rules
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
