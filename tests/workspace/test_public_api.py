"""``import mlproject`` in a workspace."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sklearn.datasets import load_diabetes

import mlproject
from tests.test_public_api import own_search, tree
from tests.workspace.conftest import URI


def test_your_own_search_makes_the_run_that_train_makes(store: Any) -> None:
    before = dict(os.environ), store.get_tracking_uri()
    metrics = ["nrmse", "rmse", "mae", "r2"]
    own = mlproject.fit(
        own_search(),
        *load_diabetes(return_X_y=True, as_frame=True),
        experiment="own",
        metrics=metrics,
        seed=1337,
        tracking=URI,
    )
    trained = mlproject.train("diabetes-lassolars", experiment="own", tracking=URI)

    assert (dict(os.environ), store.get_tracking_uri()) == before
    assert own.metrics == pytest.approx(trained.metrics)
    assert tree(store.MlflowClient(), own) == tree(store.MlflowClient(), trained)
