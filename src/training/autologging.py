"""MLflow's own autologging, with the pieces switched off that cost too much or lose data.

Off, and replaced: models (two, each with a subprocess that infers requirements: ``model``),
child runs (the best few only, four requests each: ``children``), the dataset (hashed from its first
10,000 rows, with the source "code": ``contents``). On: parameters, tags, training metrics, best
parameters and score, ``cv_results.csv``, the estimator's diagram and the classifier's plots.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

from mlproject.base.console import quiet_loggers

_SKLEARN = "sklearn"


@contextmanager
def autologged() -> Iterator[None]:
    """Have MLflow log the fits inside the block to the active run.

    Its warnings are silenced: what it drops is found when the run is completed, and written.
    """
    import mlflow.sklearn

    with switched_off(), quiet_loggers("mlflow.sklearn"):
        mlflow.sklearn.autolog(
            log_models=False,
            log_datasets=False,
            log_post_training_metrics=False,
            max_tuning_runs=0,
            silent=True,
        )
        try:
            yield
        finally:
            mlflow.sklearn.autolog(disable=True, silent=True)  # takes its wrappers off scikit-learn


@contextmanager
def switched_off() -> Iterator[None]:
    """Log nothing by itself inside the block; the caller's own choice holds again after it."""
    import mlflow.sklearn
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS

    before = dict(AUTOLOGGING_INTEGRATIONS[_SKLEARN])
    enabled = bool(before) and not before["disable"]
    if enabled:
        mlflow.sklearn.autolog(disable=True, silent=True)
    try:
        yield
    finally:
        try:
            if enabled:
                known = inspect.signature(mlflow.sklearn.autolog).parameters
                with quiet_loggers("mlflow.sklearn"):
                    mlflow.sklearn.autolog(**{k: v for k, v in before.items() if k in known})
        finally:  # with what mlflow.autolog() has added
            AUTOLOGGING_INTEGRATIONS[_SKLEARN] = before
