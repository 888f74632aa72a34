"""Exact requirements: what is installed, pinned. Nothing is inferred by running the model."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, version

# What every model needs to be loaded, whatever is in it.
_ALWAYS = ("mlflow", "scikit-learn", "numpy", "scipy", "pandas")


def of_model(modules: Iterable[str], serializer: str) -> list[str]:
    """Return ``name==version`` of what a model with types of these modules needs, sorted.

    Versions are those installed here, which are those of the lock where the environment was made
    from it.
    """
    owners = _owners()
    names = {*_ALWAYS, serializer}
    for module in modules:
        names.update(owners.get(module.partition(".")[0], ()))
    pinned = {name: _version(name) for name in names}
    return sorted(f"{name}=={found}" for name, found in pinned.items() if found is not None)


def of_environment() -> str:
    """Return the whole environment as a requirements file: every installed distribution, pinned."""
    pins = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            pins[_normal(name)] = distribution.version
    lines = [f"{name}=={found}" for name, found in sorted(pins.items())]
    head = f"# Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join([head, *lines]) + "\n"


def users_own(modules: Iterable[str]) -> list[str]:
    """Return the packages and modules that are in no installed distribution, but in a folder."""
    tops = dict.fromkeys(name.partition(".")[0] for name in modules)
    return [name for name in tops if name not in _owners()]


@cache
def _owners() -> dict[str, list[str]]:
    return {
        module: [_normal(name) for name in names]
        for module, names in packages_distributions().items()
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
