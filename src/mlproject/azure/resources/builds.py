"""Builds of images: runs of an experiment of the service's own."""

from __future__ import annotations

from typing import Any

from mlproject.azure.connection.context import Context
from mlproject.base import environ

_EXPERIMENT = "prepare_image"


class Builds:
    """The builds of one workspace."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def during(self, job: str) -> str | None:
        """Return the run of the newest build that was begun since a job was made.

        Whose job has asked for it is not told; while one waits for its image, it is most likely
        that one's. None where nothing was built since.
        """
        from mlflow.entities import ViewType

        from mlproject.azure.stores.tracking_store import TrackingStore

        with environ.defaults({environ.SUPPRESS_URLS: "true"}):  # which a store would set for good
            store: Any = TrackingStore(self._context)
        experiment = store.get_experiment_by_name(_EXPERIMENT)
        if experiment is None:
            return None
        newest = store.search_runs(
            [experiment.experiment_id],
            "",
            ViewType.ACTIVE_ONLY,
            max_results=1,
            order_by=["attributes.start_time DESC"],
        )
        if not newest or newest[0].info.start_time < store.get_run(job).info.start_time:
            return None
        return str(newest[0].info.run_id)
