"""Pickles that hold the code of modules which the reading side does not have."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cloudpickle


@contextmanager
def by_value(modules: Sequence[str]) -> Iterator[None]:
    """Let cloudpickle store modules by value for the block."""
    own = [importlib.import_module(name) for name in modules]
    for module in own:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in own:
            cloudpickle.unregister_pickle_by_value(module)
