"""Pickles that hold the code of modules which the reading side does not have."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cloudpickle

from training import requirements


def users_own(imports: Sequence[str]) -> list[str]:
    """Return the modules that stand in a folder; installed packages are required by name."""
    return [name for name in imports if not requirements.is_installed(name)]


@contextmanager
def by_value(modules: Sequence[str]) -> Iterator[None]:
    """Let cloudpickle store modules by value for the block.

    Parameters
    ----------
    modules : sequence of str
        Names of modules, such as the ``users_own`` ones of a recipe's ``imports``.
    """
    own = [importlib.import_module(name) for name in modules]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
