"""Environments compared: this interpreter, the lock, what a model requires, what a run had."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement

from mlproject.base.errors import ConfigurationError, reason

PYTHON = "python"
_HEAD = re.compile(r"#\s*Python\s+(\S+?),?\s")
_CONDA_PYTHON = re.compile(r"python\s*=+\s*([\d.]+)")


@dataclass(frozen=True)
class Difference:
    """A package that is not here as another environment has it; ``here`` is None for none."""

    package: str
    of: str
    expected: str
    here: str | None


def here() -> dict[str, str]:
    """Return what this interpreter has: packages, and Python itself, to version."""
    found = {_normal(item.metadata["Name"]): item.version for item in distributions()}
    return found | {PYTHON: platform.python_version()}


def of_conda(text: str, origin: str) -> dict[str, str]:
    """Return the pins of a conda.yaml: of Python, and of the packages that pip installs."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{origin} is not YAML: {reason(error)}") from error
    items = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(items, list):
        raise ConfigurationError(f"{origin} has no dependencies")
    pins: dict[str, str] = {}
    for item in items:
        if isinstance(item, Mapping):
            pins |= of_requirements(map(str, item.get("pip") or []))
        elif match := _CONDA_PYTHON.match(str(item)):
            pins[PYTHON] = match[1]
    return pins


def of_requirements(lines: Iterable[str]) -> dict[str, str]:
    """Return the exact pins of a requirements file that hold on this machine."""
    pins: dict[str, str] = {}
    for line in lines:
        if match := _HEAD.match(line):  # as a run's record begins
            pins[PYTHON] = match[1]
        text = line.partition(" #")[0].rstrip(" \\")
        if not text[:1].isalnum():
            continue
        try:
            found = Requirement(text)
        except InvalidRequirement:  # a path, or an address
            continue
        versions = list(found.specifier)
        if found.marker is not None and not found.marker.evaluate():
            continue
        if len(versions) == 1 and versions[0].operator == "==":
            pins[_normal(found.name)] = versions[0].version
    return pins


def of_model(folder: Path) -> dict[str, str]:
    """Return what a model requires: the packages, and the Python that it was made with."""
    pins = of_requirements(_lines(folder / "requirements.txt"))
    python = _yaml(folder / "python_env.yaml").get(PYTHON)
    return pins | ({PYTHON: str(python)} if python else {})


def differences(of: str, expected: Mapping[str, str], found: Mapping[str, str]) -> list[Difference]:
    """Return where one environment is not as another; what it has more is no difference."""
    return [
        Difference(name, of, version, found.get(name))
        for name, version in sorted(expected.items())
        if not _same(name, version, found.get(name))
    ]


def _same(name: str, expected: str, found: str | None) -> bool:
    """Whether a version is the expected one; of Python, a prefix such as 3.11 is enough."""
    if found is None or name != PYTHON:
        return found == expected
    parts = expected.split(".")
    return found.split(".")[: len(parts)] == parts


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []


def _yaml(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    return content if isinstance(content, dict) else {}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
