"""Track, register and batch-score scikit-learn models with MLflow, on a laptop and on Azure ML.

    import mlproject

    result = mlproject.fit(search, X, y, experiment="prices", register="prices")
    result = mlproject.train("iris-svc", params={"model__C": [1, 10]})

Importing this brings in nothing heavy: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlproject.api import TrainResult, fit, train
    from mlproject.base.errors import (
        ConfigurationError,
        DataError,
        GateError,
        MlprojectError,
        ModelError,
        TrackingError,
    )

__version__ = "0.1.0"
__all__ = [
    "ConfigurationError",
    "DataError",
    "GateError",
    "MlprojectError",
    "ModelError",
    "TrackingError",
    "TrainResult",
    "__version__",
    "fit",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mlproject' has no attribute '{name}'")
    home = "mlproject.base.errors" if name.endswith("Error") else "mlproject.api"
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
