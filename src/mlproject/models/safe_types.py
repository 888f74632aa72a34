"""The types that may stand in a model file that is loaded without being trusted: our allow-list.

A skops file names types and functions, and loading it constructs and calls them. A name is allowed
here only if it is data or a fitted estimator, whatever the file makes of it:

- scikit-learn: classes of its estimator packages, and functions by name: scores for selecting
  features, kernels, distances, public metrics. No private function: some call what they are given.
  Nothing of ``sklearn.datasets``.
- NumPy: arrays, scalars, dtypes and random generators. No memory maps. Of functions the universal
  ones, which compute number by number; of SciPy those of ``scipy.special`` too.
- SciPy: classes of ``scipy.sparse`` and ``scipy.interpolate``. Not ``scipy.stats``, whose
  distributions execute a text from their own state when they are restored.
- pandas: dtypes. A frame runs the text that is given to its ``eval``.
- This project: the features of dates. A partial only of the function that checks arrays, by which
  histogram gradient boosting prepares numbers beside categories; ``skops_file`` looks at it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

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
_SKLEARN_SCORES = frozenset(
    [
        *("chi2", "f_classif", "f_oneway", "f_regression", "r_regression"),
        *("mutual_info_classif", "mutual_info_regression"),
    ]
)
_SKLEARN_PAIRWISE = frozenset(
    [
        *("additive_chi2_kernel", "chi2_kernel", "cosine_distances", "cosine_similarity"),
        *("euclidean_distances", "haversine_distances", "laplacian_kernel", "linear_kernel"),
        *("manhattan_distances", "nan_euclidean_distances", "polynomial_kernel", "rbf_kernel"),
        "sigmoid_kernel",
    ]
)
CHECK_ARRAY = "sklearn.utils.validation.check_array"
# Fitted estimators keep these; each computes, and calls nothing that it is given.
_EXACT_FUNCTIONS = frozenset(
    [
        *("numpy.amax", "numpy.amin", "numpy.max", "numpy.mean", "numpy.median", "numpy.min"),
        *("numpy.sum", "scipy._lib.array_api_compat.numpy._aliases.asarray"),
        "sklearn.cluster._kmeans._kmeans_single_elkan",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        *("functools.partial", CHECK_ARRAY),
    ]
)
_SKLEARN_METRICS = ("_score", "_error", "_loss", "_deviance", "_report", "_matrix")
_SKLEARN_EXACT = frozenset(["sklearn.utils", "sklearn.utils._bunch"])
_NUMPY_MODULES = frozenset(["numpy", "numpy.ma", "numpy.ma.core", "numpy.dtypes", "numpy.random"])
_NUMPY_DATA = (
    *(np.generic, np.ndarray, np.dtype, np.random.BitGenerator, np.random.Generator),
    *(np.random.RandomState, np.random.SeedSequence),
)
_SCIPY_PACKAGES = frozenset(["interpolate", "sparse"])
_PANDAS_PREFIXES = ("pandas.core.dtypes",)
_OWN_MODULES = frozenset(["mlproject_features"])
_NEVER = frozenset(["tests", "conftest", "setup", "__main__"])


def refused(names: Iterable[str]) -> list[str]:
    return sorted(name for name in set(names) if not is_allowed(name))


def is_allowed(name: str) -> bool:
    return is_class(name) or is_function(name)


@cache
def is_class(name: str) -> bool:
    """Return whether a name is that of a class on the list.

    Only modules that the list speaks of are imported to find out.
    """
    module, attribute = _parts(name)
    if not attribute or not _holds_data(module):
        return False
    target = _find(module, attribute)
    if not isinstance(target, type):
        return False
    if module.partition(".")[0] == "numpy":
        return issubclass(target, _NUMPY_DATA) and not issubclass(target, np.memmap)
    return _is_at_home(target, module)


@cache
def is_function(name: str) -> bool:
    """Return whether a name is that of a function on the list; see ``is_class``."""
    module, attribute = _parts(name)
    if name in _EXACT_FUNCTIONS:
        return True
    if module == "numpy" or module.startswith("scipy.special"):
        return isinstance(_find(module, attribute), np.ufunc)
    if not module.startswith(("sklearn.feature_selection", "sklearn.metrics")):
        return False
    known = (
        attribute in _SKLEARN_SCORES
        if module.startswith("sklearn.feature_selection")
        else attribute in _SKLEARN_PAIRWISE or attribute.endswith(_SKLEARN_METRICS)
    )
    if not known or attribute.startswith("_"):
        return False
    target = _find(module, attribute)
    return inspect.isfunction(target) and _is_at_home(target, module)


def is_own(module: str) -> bool:
    """Return whether a module is one of this project whose classes are on the list."""
    return module in _OWN_MODULES


def _parts(name: str) -> tuple[str, str]:
    module, _, attribute = name.rpartition(".")
    return ("", "") if _NEVER.intersection(module.split(".")) else (module, attribute)


def _holds_data(module: str) -> bool:
    """Whether the list speaks of classes of a module."""
    package, *inner = module.split(".")
    if module in _OWN_MODULES:
        return True
    if package == "sklearn":
        return not _SKLEARN_PACKAGES.isdisjoint(inner[:1]) or module in _SKLEARN_EXACT
    if package == "numpy":
        return module in _NUMPY_MODULES or module.startswith("numpy.random.")
    if package == "scipy":
        return not _SCIPY_PACKAGES.isdisjoint(inner[:1])
    return any(f"{module}.".startswith(f"{prefix}.") for prefix in _PANDAS_PREFIXES)


def _is_at_home(target: Any, module: str) -> bool:
    """Whether a class or function is the module's own, not something that it imports."""
    return getattr(target, "__module__", "") == module


def _find(module: str, attribute: str) -> Any:
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ImportError:
        return None
