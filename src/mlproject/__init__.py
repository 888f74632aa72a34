"""Track, register and batch-score scikit-learn models with MLflow, on a laptop and on Azure ML.

    import mlproject

    result = mlproject.fit(search, X, y, experiment="prices", register="prices")
    result = mlproject.train("iris-svc", params={"model__C": [1, 10]})
    result = mlproject.score("models:/prices@champion", "new.csv", "scored.parquet")
    frame, rejects = mlproject.predict("models:/prices@champion", frame)
    df = mlproject.spark.score(df, "models:/prices@champion")
    mlproject.serve("models:/prices@champion")
    decision = mlproject.promote("prices", slice_by=["sex"])
    result = mlproject.submit_train("iris-svc", compute="cpu-cluster")
    result = mlproject.deploy("models:/prices@champion", "prices")
    asset = mlproject.register_data("prices", "prices.csv")

Importing this brings in nothing heavy: each name is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlproject.base.version import __version__

if TYPE_CHECKING:
    from inference.request import ScoreResult
    from mlproject import dask, spark
    from mlproject.api import (
        best_run,
        cancel_job,
        check_environment,
        compare_runs,
        delete_endpoint,
        deploy,
        fit,
        get_data,
        list_data,
        list_jobs,
        list_runs,
        predict,
        promote,
        register_data,
        rollback,
        rollback_endpoint,
        score,
        serve,
        show_data,
        show_job,
        show_run,
        submit_score,
        submit_train,
        train,
        write_container,
    )
    from mlproject.api.environment import EnvironmentCheck
    from mlproject.base.errors import (
        ConfigurationError,
        DataError,
        GateError,
        JobError,
        MlprojectError,
        ModelError,
        TrackingError,
    )
    from mlproject.deployment.options import DeployResult
    from mlproject.gate.promotion import PromotionResult
    from mlproject.jobs.result import JobResult
    from training.request import TrainResult
    from training.winner import BestRun


_HOMES = {
    "ScoreResult": "inference.request",
    "TrainResult": "training.request",
    "PromotionResult": "mlproject.gate.promotion",
    "JobResult": "mlproject.jobs.result",
    **dict.fromkeys(("fit", "predict", "promote", "rollback", "score", "train"), "mlproject.api"),
    **dict.fromkeys(("delete_endpoint", "deploy", "rollback_endpoint", "serve"), "mlproject.api"),
    "DeployResult": "mlproject.deployment.options",
    **dict.fromkeys(("best_run", "submit_score", "submit_train"), "mlproject.api"),
    **dict.fromkeys(("compare_runs", "list_runs", "show_run"), "mlproject.api"),
    "BestRun": "training.winner",
    **dict.fromkeys(("check_environment", "write_container"), "mlproject.api"),
    "EnvironmentCheck": "mlproject.api.environment",
    **dict.fromkeys(("cancel_job", "list_jobs", "show_job"), "mlproject.api"),
    **dict.fromkeys(("get_data", "list_data", "register_data", "show_data"), "mlproject.api"),
    **dict.fromkeys(
        ("MlprojectError", "ConfigurationError", "DataError", "GateError"), "mlproject.base.errors"
    ),
    **dict.fromkeys(("JobError", "ModelError", "TrackingError"), "mlproject.base.errors"),
}
__all__ = [
    "BestRun",
    "ConfigurationError",
    "DataError",
    "DeployResult",
    "EnvironmentCheck",
    "GateError",
    "JobError",
    "JobResult",
    "MlprojectError",
    "ModelError",
    "PromotionResult",
    "ScoreResult",
    "TrackingError",
    "TrainResult",
    "__version__",
    "best_run",
    "cancel_job",
    "check_environment",
    "compare_runs",
    "dask",
    "delete_endpoint",
    "deploy",
    "fit",
    "get_data",
    "list_data",
    "list_jobs",
    "list_runs",
    "predict",
    "promote",
    "register_data",
    "rollback",
    "rollback_endpoint",
    "score",
    "serve",
    "show_data",
    "show_job",
    "show_run",
    "spark",
    "submit_score",
    "submit_train",
    "train",
    "write_container",
]


def __getattr__(name: str) -> Any:
    if name in ("dask", "spark"):
        return import_module(f"mlproject.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'mlproject' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
