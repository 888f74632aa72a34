"""Listing runs of a workspace takes a request a page, however many runs there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlproject


def test_a_list_of_fifty_runs_takes_three_searches(
    store: Any, asked: Callable[[], list[str]]
) -> None:
    for number in range(50):
        with store.start_run(run_name=f"run {number}") as run:
            store.log_metric("loss", number)
    experiment = store.get_experiment(run.info.experiment_id).name
    asked()

    found = mlproject.list_runs(experiment, metric="loss", most=50, tracking="azureml")

    assert [item.name for item in found] == [f"run {number}" for number in range(50)]
    searches = ["POST experiments/search", "POST experiments/search", "POST runs/search"]
    assert [item for item in asked() if "experiments/" in item or "runs/" in item] == searches
