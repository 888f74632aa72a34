"""MLflow's calls on experiments."""

from __future__ import annotations

from typing import Any

from mlflow.entities import Experiment, ExperimentTag
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.validation import _validate_experiment_name, _validate_experiment_tag

from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import AzureMLException, NotOffered, create, if_offered
from mlproject.azure.connection.uris import our_uri
from mlproject.azure.stores import bookkeeping, long_tags


class Experiments(RestStore):
    """The part of a tracking store that is about experiments."""

    # What the store it is part of has.
    context: Context

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Any = None
    ) -> str:
        """Make an experiment, exactly once: it carries the request that made it."""
        _validate_experiment_name(name)
        for tag in tags or []:
            _validate_experiment_tag(tag.key, tag.value)
        request = bookkeeping.new_request()
        carried = [*long_tags.written(tags or []), ExperimentTag(bookkeeping.REQUEST, request)]

        def send() -> str:
            return str(RestStore.create_experiment(self, name, artifact_location, carried))

        def find() -> str | None:
            experiment = RestStore.get_experiment_by_name(self, name)
            mine = experiment is not None and experiment.tags.get(bookkeeping.REQUEST) == request
            return str(experiment.experiment_id) if mine else None

        return create(send, find)

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self._experiment_for_user(RestStore.get_experiment(self, experiment_id))

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        experiment = RestStore.get_experiment_by_name(self, experiment_name)
        return self._experiment_for_user(experiment) if experiment is not None else None

    def search_experiments(self, *arguments: Any, **options: Any) -> Any:
        page = RestStore.search_experiments(self, *arguments, **options)
        for experiment in page:
            self._experiment_for_user(experiment)
        return page

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        if_offered(
            lambda: RestStore.rename_experiment(self, experiment_id, new_name),
            "Azure ML cannot rename experiments: record in a new one",
        )

    def set_experiment_tag(self, experiment_id: str, tag: ExperimentTag) -> None:
        _validate_experiment_tag(tag.key, tag.value)
        long_tags.replace(
            tag,
            RestStore.get_experiment(self, experiment_id).tags,
            lambda item: RestStore.set_experiment_tag(self, experiment_id, item),
            lambda key: self._remove_experiment_tag(experiment_id, key),
        )

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        tags = RestStore.get_experiment(self, experiment_id).tags
        if key not in long_tags.read(tags):
            raise AzureMLException(
                f"No tag with name: {key} in experiment with id {experiment_id}",
                error_code=RESOURCE_DOES_NOT_EXIST,
            )
        long_tags.delete(key, tags, lambda key: self._remove_experiment_tag(experiment_id, key))

    def _remove_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag; where the service cannot, its value is gone and it is not shown."""
        try:
            RestStore.delete_experiment_tag(self, experiment_id, key)
        except NotOffered:
            mark = ExperimentTag(key, long_tags.DELETED)
            RestStore.set_experiment_tag(self, experiment_id, mark)

    def _experiment_for_user(self, experiment: Experiment) -> Experiment:
        experiment._artifact_location = our_uri(
            str(experiment.artifact_location or ""), self.context.workspace
        )
        experiment._tags = long_tags.read(experiment.tags)
        return experiment
