"""The tracking store of the scheme ``azureml3``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from azureml.mlflow._store.tracking.store import AzureMLRestStore
from mlflow.entities import (
    Experiment,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.environment_variables import MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED
from mlflow.protos.service_pb2 import (
    CreateExperiment,
    CreateRun,
    DeleteExperiment,
    DeleteRun,
    DeleteTag,
    RestoreExperiment,
    RestoreRun,
)
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking.rest_store import RestStore

from mlproject.azure import bookkeeping, model_tags, overflow, rejected_batches
from mlproject.azure.calls import Calls, create, settle
from mlproject.azure.context import Context
from mlproject.azure.failures import AzureMLException, NotOffered
from mlproject.azure.files import Files
from mlproject.azure.logged_models import LoggedModels
from mlproject.azure.places import folder_of, ours
from mlproject.base import environ

_PARENT_TAG = "mlflow.parentRunId"
_PAGE = 1000
# Calls that may not be repeated blindly, with what the service says the second time.
_NOT_AGAIN = {
    DeleteTag: ("RESOURCE_DOES_NOT_EXIST",),
    DeleteRun: ("INVALID_PARAMETER_VALUE", "INVALID_STATE"),
    RestoreRun: ("INVALID_PARAMETER_VALUE", "INVALID_STATE"),
    DeleteExperiment: ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE"),
    RestoreExperiment: ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "INVALID_STATE"),
}
_MAKING = (CreateExperiment, CreateRun)


class TrackingStore(LoggedModels, AzureMLRestStore):  # type: ignore[misc]
    """Runs of a workspace, as MLflow 3 expects them.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        LoggedModels.__init__(self)
        AzureMLRestStore.__init__(self, context.service)
        self.context = context
        self._calls = Calls(context)
        self._children: set[str] = set()
        # MLflow would print addresses of pages that do not exist; ours are the Studio's. The
        # variable of ours says, to other stores and processes too, who has silenced MLflow.
        if not MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.get():
            MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT.set(True)
            os.environ[environ.STUDIO_LINKS] = "true"
        self._links = environ.get(environ.STUDIO_LINKS) is not None

    def _call_endpoint(
        self,
        api: Any,
        json_body: str | None = None,
        endpoint: str | None = None,
        retry_timeout_seconds: float | None = None,
        response_proto: Any = None,
    ) -> Any:
        known = self._V3_METHOD_TO_INFO if api in self._V3_APIS else self._METHOD_TO_INFO
        path, method = known[api]
        answer = response_proto or api.Response()

        def send() -> Any:
            once = api in _MAKING or api in _NOT_AGAIN
            return self._calls.call(endpoint or path, method, json_body, answer, once=once)

        if api in _NOT_AGAIN:
            return settle(send, *_NOT_AGAIN[api]) or answer
        return send()

    # Experiments

    def create_experiment(
        self, name: str, artifact_location: str | None = None, tags: Any = None
    ) -> str:
        """Make an experiment; one that was made although the answer got lost is not an error."""

        def send() -> str:
            return str(RestStore.create_experiment(self, name, artifact_location, tags))

        def find() -> str | None:
            found = self.get_experiment_by_name(name)
            return str(found.experiment_id) if found is not None else None

        return create(send, find)

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment."""
        return self._located(RestStore.get_experiment(self, experiment_id))

    def get_experiment_by_name(self, experiment_name: str) -> Experiment | None:
        """Return an experiment, or None."""
        found = RestStore.get_experiment_by_name(self, experiment_name)
        return self._located(found) if found is not None else None

    def search_experiments(self, *arguments: Any, **options: Any) -> Any:
        """Return the experiments that meet a condition."""
        found = RestStore.search_experiments(self, *arguments, **options)
        for item in found:
            self._located(item)
        return found

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Say that the service cannot, unless it can by now."""
        try:
            RestStore.rename_experiment(self, experiment_id, new_name)
        except NotOffered as error:
            raise AzureMLException(
                "Azure ML cannot rename experiments: record in a new one",
                error_code=NOT_IMPLEMENTED,
            ) from error

    def _located(self, experiment: Experiment) -> Experiment:
        location = str(experiment.artifact_location or "")
        experiment._artifact_location = ours(location, self.context.workspace)
        return experiment

    # Runs

    def create_run(
        self,
        experiment_id: str,
        user_id: str,
        start_time: int | None,
        tags: Sequence[RunTag],
        run_name: str | None,
    ) -> Run:
        """Make a run, exactly once: it carries the request that made it."""
        request = bookkeeping.new_request()
        # What is too long for the service would have it refuse the whole run.
        long = [tag for tag in tags if len(str(tag.value)) > bookkeeping.LONGEST_VALUE]
        carried = [tag for tag in tags if tag not in long]
        carried.append(RunTag(bookkeeping.REQUEST, request))

        def send() -> Run:
            made: Run = RestStore.create_run(
                self, experiment_id, user_id, start_time, carried, run_name
            )
            return made

        def find() -> Run | None:
            condition = f"tags.`{bookkeeping.REQUEST}` = '{request}'"
            return next(self.pages_with_tags([experiment_id], condition), None)

        run = create(send, find)
        if any(tag.key == _PARENT_TAG for tag in tags):
            self._children.add(str(run.info.run_id))
        if long:
            self.log_batch(str(run.info.run_id), [], [], long)
            return self.get_run(str(run.info.run_id))
        return self._dressed(self.remember(self._placed(run)))

    def get_run(self, run_id: str) -> Run:
        """Return a run, with what the service refused of it."""
        return self._dressed(self.remember(self.run_with_tags(run_id)))

    def update_run_info(
        self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Rename a run or end it. A job's own run is ended by the job."""
        info = AzureMLRestStore.update_run_info(self, run_id, run_status, end_time, run_name)
        if run_status is not None and RunStatus.is_terminated(run_status):
            self._print_link(run_id, run_name or info.run_name)
        return _info(info, ours(str(info.artifact_uri or ""), self.context.workspace))

    def _search_runs(self, *arguments: Any, **options: Any) -> tuple[list[Run], str | None]:
        runs, token = RestStore._search_runs(self, *arguments, **options)
        return [self._dressed(self._placed(run)) for run in runs], token

    def run_with_tags(self, run_id: str) -> Run:
        """Return a run with the tags that are ours."""
        return self._placed(RestStore.get_run(self, run_id))

    def pages_with_tags(self, experiment_ids: Sequence[str], condition: str) -> Iterator[Run]:
        """Yield the runs that meet a condition, with the tags that are ours."""
        token: str | None = None
        while True:
            runs, token = RestStore._search_runs(
                self, list(experiment_ids), condition, ViewType.ACTIVE_ONLY, _PAGE, None, token
            )
            yield from (self._placed(run) for run in runs)
            if not token:
                return

    def write_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags in one request."""
        self.log_batch(run_id, [], [], [RunTag(key, value) for key, value in tags.items()])

    # What a run holds

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> None:
        """Write a batch. What the service refuses of it is kept in an artifact, and named."""
        tags = [*tags, *self.tags_of_metrics(run_id, metrics)]
        metrics = [_plain(metric) for metric in metrics if not self.is_linked(run_id, metric)]
        if not (metrics or params or tags):
            return

        def write(*parts: Sequence[Any]) -> None:
            RestStore.log_batch(self, run_id, *parts)

        try:
            write(metrics, params, tags)
        except MlflowException as error:
            if not rejected_batches.is_refusal(error):
                raise
            run = self.run_with_tags(run_id)
            known = bool(overflow.names(run.data.tags))
            kept = overflow.read(self._files(run), run.data.tags).params if known else {}
            refused = rejected_batches.salvage(write, run, kept, metrics, params, tags, error)
            if refused:
                overflow.keep(
                    self._files(run),
                    run_id,
                    refused,
                    lambda key, value: write([], [], [RunTag(key, value)]),
                    known,
                )

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList[Metric]:
        """Return every value of a metric."""
        linked = self.metrics_to_link(run_id, metric_key)
        if linked is not None:
            return PagedList(linked, None)
        found: PagedList[Metric] = RestStore.get_metric_history(
            self, run_id, metric_key, max_results, page_token
        )
        self.remember_history(run_id, found)
        return found

    def log_metric(self, run_id: str, metric: Metric) -> None:
        """Write one metric."""
        self.log_batch(run_id, [metric], [], [])

    def log_param(self, run_id: str, param: Param) -> None:
        """Write one parameter."""
        self.log_batch(run_id, [], [param], [])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        """Write one tag."""
        self.log_batch(run_id, [], [], [tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag, also one that the service has refused."""
        try:
            RestStore.delete_tag(self, run_id, key)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            run = self.run_with_tags(run_id)
            tags = run.data.tags
            if not overflow.names(tags) or key not in overflow.read(self._files(run), tags).tags:
                raise
            self.write_tags(run_id, {f"{bookkeeping.DELETED}{key}": "1"})

    def log_batch_async(self, *arguments: Any, **options: Any) -> Any:
        """Write a batch in the background, by MLflow's own queue: each goes through ``log_batch``.

        The service's asynchronous call is polled every five seconds.
        """
        return RestStore.log_batch_async(self, *arguments, **options)

    def log_inputs(
        self,
        run_id: str,
        datasets: Any = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Name what a run took: datasets where the service keeps them, models in tags."""
        if datasets:
            RestStore.log_inputs(self, run_id, datasets, None)
        if models:
            self.log_model_inputs(run_id, models)

    # From the service's answers to MLflow's entities

    def _placed(self, run: Run) -> Run:
        uri = ours(str(run.info.artifact_uri or ""), self.context.workspace)
        return Run(_info(run.info, uri), run.data, run.inputs, run.outputs)

    def _dressed(self, run: Run) -> Run:
        """Return a run without the tags that are ours, and with what they say."""
        tags, run_id = run.data.tags, str(run.info.run_id)
        more = overflow.Refused()
        if overflow.names(tags):
            more = overflow.read(self._files(run), tags)
        # What the service has is newer: it was taken after all.
        metrics = [Metric(**item) for item in more.metrics]
        metrics += [Metric.from_proto(item) for item in run.data.to_proto().metrics]
        params = more.params | run.data.params
        shown = {k: v for k, v in (more.tags | tags).items() if not bookkeeping.hidden(k)}
        data = RunData(
            metrics=metrics,
            params=[Param(key, value) for key, value in params.items()],
            tags=[RunTag(key, value) for key, value in shown.items()],
        )
        given = run.inputs.dataset_inputs if run.inputs else []
        inputs = RunInputs(given, [LoggedModelInput(name) for name in model_tags.inputs(tags)])
        made = model_tags.outputs(run_id, tags)
        outputs = RunOutputs([LoggedModelOutput(name, step) for name, step in made.items()])
        return Run(run.info, data, inputs, outputs)

    def _files(self, run: Run) -> Files:
        return Files(self.context, folder_of(str(run.info.artifact_uri)))

    def _print_link(self, run_id: str, name: str | None) -> None:
        if not self._links or run_id in self._children:
            return
        link = self.context.workspace.link(run_id, self.context.credential.tenant)
        sys.stdout.write(f"View run {name or run_id} at: {link}\n")


def _plain(metric: Metric) -> Metric:
    """Return a metric without MLflow 3's additions, which the service does not know."""
    return Metric(metric.key, metric.value, metric.timestamp, metric.step)


def _info(info: RunInfo, artifact_uri: str) -> RunInfo:
    return RunInfo(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        user_id=info.user_id or "",
        status=info.status,
        start_time=info.start_time,
        end_time=info.end_time,
        lifecycle_stage=info.lifecycle_stage,
        artifact_uri=artifact_uri,
        run_name=info.run_name,
    )
