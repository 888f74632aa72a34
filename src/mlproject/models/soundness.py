"""Whether a loaded estimator is what scikit-learn would have made, looked at before it is used.

Types alone do not make data of a file: a stacking estimator calls, on whatever it holds, a method
whose name it holds too. So what is called must be an estimator, and the name one of those that
scikit-learn itself would write there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from mlproject.models import inspection, safe_types

# Attributes whose values scikit-learn calls methods of.
_CALLED = frozenset(
    [
        *("base_estimator", "base_estimator_", "best_estimator_", "calibrated_classifiers_"),
        *("calibrators", "classifier", "estimator", "estimator_", "estimators", "estimators_"),
        *("final_estimator", "final_estimator_", "init", "init_", "initial_estimator_"),
        *("named_estimators_", "regressor", "regressor_", "selector_", "steps"),
        *("transformer", "transformer_", "transformer_list"),
    ]
)
# The same, beside the columns that each takes.
_WITH_COLUMNS = frozenset(["transformers", "transformers_"])
# Attributes that name the method to call.
_NAMING = frozenset(
    [
        *("chain_method", "chain_method_", "response_method", "_response_method"),
        *("stack_method", "stack_method_"),
    ]
)
_METHODS = frozenset(
    [
        *("auto", "decision_function", "predict", "predict_log_proba", "predict_proba"),
        "transform",
    ]
)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic)


def unsound(estimator: Any) -> str | None:
    """Return what an estimator holds that scikit-learn would not have put there; None if nothing.

    Only attributes are looked at: nothing of the estimator is called.
    """
    from sklearn.base import BaseEstimator

    if not isinstance(estimator, BaseEstimator):
        return f"it is a {type(estimator).__name__}, not an estimator"
    try:
        for item in inspection.parts(estimator):
            for name, value in vars(item).items() if hasattr(item, "__dict__") else ():
                why = _wrong(item, name, value)
                if why is not None:
                    return f"{type(item).__name__}.{name} {why}"
    except RecursionError:
        return "it holds itself"
    return None


def _wrong(item: Any, name: str, value: Any) -> str | None:
    if _shadows(type(item), name):
        return "stands in the place of a method"
    if name == "input" and isinstance(value, str) and value != "content":
        return "reads the files that its input names"
    if name in _NAMING and not all(text in _METHODS for text in _leaves(value)):
        return "names a method that does not predict"
    if name in _CALLED and not all(_callable_part(part) for part in _leaves(value)):
        return "is not an estimator"
    if name in _WITH_COLUMNS and not all(
        _callable_part(entry[1]) for entry in value if isinstance(entry, tuple) and len(entry) > 1
    ):
        return "is not an estimator"
    if type(item).__name__ == "FunctionTransformer" and name in ("func", "inverse_func"):
        plain = value is None or isinstance(value, np.ufunc) or inspection.checks_arrays(value)
        return None if plain else "is not a plain function"
    if any(isinstance(part, partial) for part in _leaves(value)):
        return "is a function with some of its arguments"
    return None


def _callable_part(value: Any) -> bool:
    module = type(value).__module__
    return isinstance(value, _PLAIN) or module.startswith("sklearn.") or safe_types.is_own(module)


def _leaves(value: Any) -> list[Any]:
    """Return what containers hold; an array of numbers is no container."""
    if isinstance(value, dict):
        return [leaf for part in value.values() for leaf in _leaves(part)]
    if isinstance(value, (list, tuple, set)):
        return [leaf for part in value for leaf in _leaves(part)]
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [leaf for part in value.ravel().tolist() for leaf in _leaves(part)]
    return [value]


def _shadows(kind: type, name: str) -> bool:
    """Whether an attribute of an instance hides a method or a property of its class."""
    for base in kind.__mro__:
        if name in vars(base):
            found = vars(base)[name]
            return callable(found) or hasattr(found, "__get__")
    return False
