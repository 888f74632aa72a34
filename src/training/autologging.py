"""MLflow's own autologging, with the pieces switched off that cost too much or lose data.

Off, and replaced: models (two, each with a subprocess that infers requirements: ``model``),
child runs (the best few only, four requests each: ``children``), the dataset (hashed from its first
10,000 rows, with the source "code": ``record``). On: parameters, tags, training metrics, best
parameters and score, ``cv_results.csv``, the estimator's diagram and the classifier's plots.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def autologged() -> Iterator[None]:
    """Have MLflow log the fits inside the block to the active run.

    Its warnings are silenced: what it drops is found by ``completion`` and written.
    """
    import mlflow.sklearn

    logger = logging.getLogger("mlflow.sklearn")
    before = logger.level
    logger.setLevel(logging.ERROR)
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
        mlflow.sklearn.autolog(disable=True, silent=True)
        logger.setLevel(before)
