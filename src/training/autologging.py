"""MLflow's own autologging, with the pieces switched off that cost too much or lose data.

Off, and replaced: models (two, each with a subprocess that infers requirements: ``model``),
child runs (the best few only, four requests each: ``children``), the dataset (hashed from its first
10,000 rows, with the source "code": ``contents``). On: parameters, tags, training metrics, best
parameters and score, ``cv_results.csv``, the estimator's diagram and the classifier's plots; of
many classes neither plots nor the ROC AUC of the training rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from mlproject.base.console import quiet_loggers
from mlproject.tracking.failures import is_raised_by_store

_SKLEARN = "sklearn"


class Autologging:
    """MLflow's logging of the fits inside a block to the active run.

    MLflow makes a warning of whatever keeps it from writing, and goes on without what it had still
    to write. Here the warning is silent and the error is kept.
    """

    def __init__(self, *, many_classes: bool = False) -> None:
        self._many_classes = many_classes
        self.error: Exception | None = None
        """What a store raised, first, so that the run lacks some of what belongs into it."""

    @contextmanager
    def block(self) -> Iterator[None]:
        import mlflow.sklearn

        less = _nothing_of_pairs() if self._many_classes else nullcontext()
        with switched_off(), self._told(), less, quiet_loggers("mlflow.sklearn"):
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
                # Takes its wrappers off scikit-learn.
                mlflow.sklearn.autolog(disable=True, silent=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Be told of errors by the hook that MLflow has for it, for the block."""
        from mlflow.utils.autologging_utils.events import AutologgingEventLogger

        kept = self

        class Listener(AutologgingEventLogger):
            def log_patch_function_error(self, *arguments: Any) -> None:
                kept._keep(arguments[-1])

        before = AutologgingEventLogger._event_logger
        AutologgingEventLogger.set_logger(Listener())
        try:
            yield
        finally:
            AutologgingEventLogger.set_logger(before)

    def _keep(self, error: Exception) -> None:
        # What else ends its hook is of the data, or a defect of MLflow's; nothing would mend it.
        if self.error is None and is_raised_by_store(error):
            self.error = error


@contextmanager
def _nothing_of_pairs() -> Iterator[None]:
    """Keep MLflow from what it does for each pair of classes, for which it has no switch.

    Of two thousand classes that is a ROC curve for each of two million pairs, and a picture with a
    text in each of four million cells.
    """
    from mlflow.sklearn import utils

    before = utils._is_plotting_supported, utils._is_metric_supported
    utils._is_plotting_supported = lambda: False
    utils._is_metric_supported = lambda name: name != "roc_auc_score"
    try:
        yield
    finally:
        utils._is_plotting_supported, utils._is_metric_supported = before


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
