"""The types that may stand in a model file that is loaded without being trusted: our allow-list.

A skops file names types and functions, and loading it constructs and calls them. A name is allowed
here only if it is data or a fitted estimator, whatever the file makes of it:

- scikit-learn: classes of its estimator packages, and functions of ``sklearn.metrics`` and
  ``sklearn.feature_selection``, which compute and do nothing else. Nothing of ``sklearn.datasets``.
- NumPy: arrays, scalars, dtypes and random generators. No memory maps, and no function: NumPy's
  universal functions are on skops' own list.
- SciPy: classes of ``scipy.sparse`` and ``scipy.interpolate``. Not ``scipy.stats``, whose
  distributions execute a text from their own state when they are restored.
- pandas: frames, series, indexes, arrays and dtypes. Nothing that reads files.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from functools import cache
from typing import Any

_SKLEARN_PACKAGES = frozenset(
    [
        *("_isotonic", "_loss", "calibration", "cluster", "compose", "covariance"),
        *("cross_decomposition", "decomposition", "discriminant_analysis", "dummy", "ensemble"),
        *("feature_extraction", "feature_selection", "frozen", "gaussian_process", "impute"),
        *("isotonic", "kernel_approximation", "kernel_ridge", "linear_model", "manifold"),
        *("metrics", "mixture", "model_selection", "multiclass", "multioutput", "naive_bayes"),
        *("neighbors", "neural_network", "pipeline", "preprocessing", "random_projection"),
        *("semi_supervised", "svm", "tree"),
    ]
)
_SKLEARN_FUNCTIONS = frozenset(["metrics", "feature_selection"])
_SKLEARN_EXACT = frozenset(["sklearn.utils", "sklearn.utils._bunch"])
_NUMPY_MODULES = frozenset(["numpy", "numpy.ma", "numpy.ma.core", "numpy.dtypes", "numpy.random"])
_SCIPY_PACKAGES = frozenset(["interpolate", "sparse"])
_PANDAS_PREFIXES = (
    "pandas.core.frame",
    "pandas.core.series",
    "pandas.core.indexes",
    "pandas.core.arrays",
    "pandas.core.dtypes",
    "pandas._libs.tslibs",
)
_NEVER = frozenset(["tests", "conftest", "setup", "__main__"])


def refused(names: Iterable[str]) -> list[str]:
    """Return those of the names that are not on the list, sorted."""
    return sorted(name for name in set(names) if not is_allowed(name))


@cache
def is_allowed(name: str) -> bool:
    """Return whether a fully qualified name is on the list.

    Only modules that the list speaks of are imported to find out.
    """
    module, _, attribute = name.rpartition(".")
    parts = module.split(".")
    if not attribute or _NEVER.intersection(parts):
        return False
    check = {"sklearn": _sklearn, "numpy": _numpy, "scipy": _scipy, "pandas": _pandas}.get(parts[0])
    return check is not None and check(module, attribute)


def _sklearn(module: str, attribute: str) -> bool:
    package = module.split(".")[1] if "." in module else ""
    if package not in _SKLEARN_PACKAGES and module not in _SKLEARN_EXACT:
        return False
    found = _find(module, attribute)
    if isinstance(found, type):
        return _comes_from(found, "sklearn")
    return (
        package in _SKLEARN_FUNCTIONS
        and inspect.isfunction(found)
        and _comes_from(found, "sklearn")
    )


def _numpy(module: str, attribute: str) -> bool:
    import numpy as np

    if module not in _NUMPY_MODULES and not module.startswith("numpy.random._"):
        return False
    found = _find(module, attribute)
    kinds = (
        np.generic,
        np.ndarray,
        np.dtype,
        np.random.BitGenerator,
        np.random.Generator,
        np.random.RandomState,
        np.random.SeedSequence,
    )
    return isinstance(found, type) and issubclass(found, kinds) and not issubclass(found, np.memmap)


def _scipy(module: str, attribute: str) -> bool:
    parts = module.split(".")
    if len(parts) < 2 or parts[1] not in _SCIPY_PACKAGES:
        return False
    found = _find(module, attribute)
    return isinstance(found, type) and _comes_from(found, "scipy")


def _pandas(module: str, attribute: str) -> bool:
    if not any(module == prefix or module.startswith(f"{prefix}.") for prefix in _PANDAS_PREFIXES):
        return False
    found = _find(module, attribute)
    return isinstance(found, type) and _comes_from(found, "pandas")


def _comes_from(found: Any, package: str) -> bool:
    """Whether a class or function is the package's own, not something that it imports."""
    return str(getattr(found, "__module__", "")).partition(".")[0] == package


def _find(module: str, attribute: str) -> Any:
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None
