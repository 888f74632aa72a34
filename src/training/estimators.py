"""From names in a recipe to scikit-learn objects.

An estimator is written as ``Name`` or ``{Name: {parameter: value}}``. A bare name is a public
scikit-learn class; a dotted path or ``module:function`` outside scikit-learn needs its module under
the recipe's ``imports``. Inside parameters the mapping form builds nested estimators.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sklearn
from sklearn.base import BaseEstimator

from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.suggestions import did_you_mean, nearest

_SKLEARN = "sklearn"
# What this project adds to the names of scikit-learn.
_OWN = {"DateFeatures": "mlproject_features"}
# Where names are looked for first: importing the rest of scikit-learn takes a second.
_COMMON = ("preprocessing", "linear_model", "compose", "impute", "ensemble", "svm", "pipeline")
# Public callables that stand in recipes beside estimators.
_EXTRA_NAMES = {
    "make_column_selector": "sklearn.compose",
    "CountVectorizer": "sklearn.feature_extraction.text",
    "HashingVectorizer": "sklearn.feature_extraction.text",
    "TfidfVectorizer": "sklearn.feature_extraction.text",
    "IterativeImputer": "sklearn.impute",
}


def module_of(name: str) -> str | None:
    if name in _EXTRA_NAMES:
        return _EXTRA_NAMES[name]
    return next((module for module in _packages() if name in _estimators_in(module)), None)


def sklearn_names() -> list[str]:
    """Return the names of all public scikit-learn estimators. Imports all of scikit-learn."""
    found = {name for module in _packages() for name in _estimators_in(module)}
    return sorted(found | set(_EXTRA_NAMES))


@cache
def _packages() -> tuple[str, ...]:
    skipped = {"conftest", "datasets", "experimental", "externals", "tests", "utils"}
    names = [info.name for info in pkgutil.iter_modules(sklearn.__path__)]
    public = [name for name in names if not name.startswith("_") and name not in skipped]
    ordered = [*_COMMON, *(name for name in public if name not in _COMMON)]
    return tuple(f"{_SKLEARN}.{name}" for name in ordered)


@cache
def _estimators_in(module_name: str) -> frozenset[str]:
    module = importlib.import_module(module_name)
    names = getattr(module, "__all__", ())
    return frozenset(name for name in names if _is_estimator(module, name))


def _is_estimator(module: Any, name: str) -> bool:
    try:
        member = getattr(module, name, None)
    except ImportError:  # experimental, and not enabled
        return False
    return inspect.isclass(member) and issubclass(member, BaseEstimator)


def find(name: str, imports: Sequence[str]) -> Any:
    """Return the class or function that a recipe names.

    A name is ``Ridge``, ``sklearn.linear_model.Ridge``, ``package.module.Class`` or
    ``module:function``; ``imports`` lists the modules outside scikit-learn that may be named.
    """
    if "." not in name and ":" not in name:
        return _member(_OWN[name], name) if name in _OWN else _from_sklearn(name)
    module_name, _, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    if module_name.split(".")[0] != _SKLEARN and not is_listed(module_name, imports):
        raise ConfigurationError(
            f"The module '{module_name}' is not listed under the recipe's 'imports'",
            f"Add it to use '{name}': imports: [{module_name}]",
        )
    return _member(module_name, attribute)


def is_listed(module_name: str, imports: Sequence[str]) -> bool:
    """Return whether a module, or a package around it, is listed."""
    return any(module_name == item or module_name.startswith(f"{item}.") for item in imports)


def build(spec: Any, imports: Sequence[str]) -> Any:
    """Return the object for ``Name`` or ``{Name: {parameter: value}}``."""
    name: Any
    parameters: Any
    if isinstance(spec, str):
        name, parameters = spec, {}
    elif isinstance(spec, Mapping) and len(spec) == 1:
        name, parameters = next(iter(spec.items()))
        parameters = parameters or {}
    else:
        raise ConfigurationError(f"'{spec}' is not an estimator", "Write Name or {Name: {…}}")
    if not isinstance(parameters, Mapping):
        raise ConfigurationError(
            f"The parameters of {name} should be a mapping, not {parameters!r}"
        )
    factory = find(str(name), imports)
    values = {key: nested(value, imports) for key, value in parameters.items()}
    _refuse_unknown(str(name), factory, values)
    try:
        return factory(**values)
    except (Exception, SystemExit) as error:  # a user's own factory may raise anything
        raise ConfigurationError(f"{name} cannot be made: {reason(error)}") from error


def nested(value: Any, imports: Sequence[str]) -> Any:
    """Return a parameter's value, with ``{Name: {…}}`` inside it built."""
    if _is_spec(value):
        return build(value, imports)
    if isinstance(value, Mapping):
        return {key: nested(item, imports) for key, item in value.items()}
    if isinstance(value, list):
        return [nested(item, imports) for item in value]
    return value


def _is_spec(value: Any) -> bool:
    """Whether a value is ``{Name: {…}}`` rather than an ordinary mapping."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    key, inner = next(iter(value.items()))
    if not isinstance(key, str) or not (inner is None or isinstance(inner, Mapping)):
        return False
    return ":" in key or "." in key or key[:1].isupper() or key in _EXTRA_NAMES


def _from_sklearn(name: str) -> Any:
    module = module_of(name)
    if module is None:
        close = nearest(name, sklearn_names())
        hint = f"Did you mean '{close}'?" if close else "Name a scikit-learn class"
        raise ConfigurationError(f"scikit-learn has no estimator '{name}'", hint)
    if name == "IterativeImputer":
        importlib.import_module("sklearn.experimental.enable_iterative_imputer")
    return getattr(importlib.import_module(module), name)


def check_imports(names: Sequence[str]) -> None:
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ConfigurationError(f"'{name}' under the recipe's 'imports' is not a module")
        _imported(name)


def _imported(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The module '{error.name}' cannot be imported",
            "Run from the folder that holds it, or put that folder on PYTHONPATH",
        ) from error
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise ConfigurationError(
            f"The module '{module_name}' cannot be imported: {reason(error)}"
        ) from error


def _member(module_name: str, attribute: str) -> Any:
    module = _imported(module_name)
    if not hasattr(module, attribute):
        public = [item for item in dir(module) if not item.startswith("_")]
        hint = did_you_mean(attribute, public, noun="names")
        raise ConfigurationError(f"The module '{module_name}' has no '{attribute}'", hint)
    return getattr(module, attribute)


def _refuse_unknown(name: str, factory: Any, values: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return
    kinds = [parameter.kind for parameter in signature.parameters.values()]
    if inspect.Parameter.VAR_KEYWORD in kinds:
        return
    for key in values:
        if key not in signature.parameters:
            hint = did_you_mean(str(key), signature.parameters, noun="parameters")
            raise ConfigurationError(f"{name} has no parameter '{key}'", hint)
