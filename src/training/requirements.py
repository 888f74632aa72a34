"""Exact requirements: what is installed, pinned. Nothing is inferred by running the model."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distributions,
    packages_distributions,
    version,
)

# What every model needs to be loaded, whatever is in it.
_ALWAYS = ("mlflow", "scikit-learn", "numpy", "scipy", "pandas")
# Whose modules are known: the list of all owners takes 0.1 to 0.2 s, and few models need it.
_KNOWN = {"sklearn": ["scikit-learn"]} | {name: [name] for name in ("numpy", "scipy", "pandas")}


def of_model(modules: Iterable[str], serializer: str) -> list[str]:
    """Return ``name==version`` of what a model with types of these modules needs, sorted.

    Versions are those installed here, which are those of the lock where the environment was made
    from it.
    """
    names = {*_ALWAYS, serializer}
    for module in modules:
        names.update(_owners(module))
    pinned = {name: _version(name) for name in names}
    return sorted(f"{name}=={found}" for name, found in pinned.items() if found is not None)


def of_environment() -> str:
    """Return the whole environment as a requirements file: every installed distribution, pinned."""
    pins = {}
    for distribution in distributions():
        name, found = _name_and_version(distribution)
        if name:
            pins[_normal(name)] = found
    lines = [f"{name}=={found}" for name, found in sorted(pins.items())]
    head = f"# Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return "\n".join([head, *lines]) + "\n"


def users_own(modules: Iterable[str]) -> list[str]:
    """Return the packages and modules that are in no installed distribution, but in a folder."""
    tops = dict.fromkeys(name.partition(".")[0] for name in modules)
    return [name for name in tops if not _owners(name)]


def _owners(module: str) -> list[str]:
    """Return the installed distributions that a module belongs to."""
    top = module.partition(".")[0]
    return _KNOWN.get(top) or _all_owners().get(top, [])


@cache
def _all_owners() -> dict[str, list[str]]:
    return {
        module: [_normal(name) for name in names]
        for module, names in packages_distributions().items()
    }


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Return both from the head of the metadata; to parse all of it takes ten times as long."""
    head = (distribution.read_text("METADATA") or "").partition("\n\n")[0]
    fields = dict(line.partition(": ")[::2] for line in head.split("\n"))
    if "Name" in fields and "Version" in fields:
        return fields["Name"], fields["Version"]
    return distribution.metadata["Name"], distribution.version


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
