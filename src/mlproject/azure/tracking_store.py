"""The tracking store of the scheme ``azureml3``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from azureml.mlflow._store.tracking.store import AzureMLRestStore
from mlflow.entities import (
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
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.tracking.rest_store import RestStore

from mlproject.azure import bookkeeping, lacking, model_tags, rejected_batches, validation
from mlproject.azure.calls import Calls, pages
from mlproject.azure.context import Context
from mlproject.azure.experiments import Experiments
from mlproject.azure.failures import create
from mlproject.azure.files import Files
from mlproject.azure.logged_models import LoggedModels
from mlproject.azure.overflow import Overflow
from mlproject.azure.rejected_batches import Batch
from mlproject.azure.uris import folder_of, our_uri
from mlproject.base import environ

_PARENT_TAG = "mlflow.parentRunId"
_PAGE = 1000


class TrackingStore(LoggedModels, Experiments, lacking.Lacking, AzureMLRestStore):  # type: ignore[misc]
    """Runs of a workspace, as MLflow 3 expects them."""

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
        with lacking.in_words(endpoint or path):
            return self._calls.call(api, method, endpoint or path, json_body, answer)

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
        validation.check(tags=tags)
        request = bookkeeping.new_request()
        # What is too long for the service would have it refuse the whole run.
        long = [tag for tag in tags if len(str(tag.value)) > bookkeeping.LONGEST_VALUE]
        carried = [tag for tag in tags if tag not in long]
        carried.append(RunTag(bookkeeping.REQUEST, request))

        def send() -> Any:
            return RestStore.create_run(self, experiment_id, user_id, start_time, carried, run_name)

        def find() -> Run | None:
            condition = f"tags.`{bookkeeping.REQUEST}` = '{request}'"
            return next(self.pages_with_tags([experiment_id], condition), None)

        run: Run = create(send, find)
        if any(tag.key == _PARENT_TAG for tag in tags):
            self._children.add(str(run.info.run_id))
        if long:
            self.log_batch(str(run.info.run_id), [], [], long)
            return self.get_run(str(run.info.run_id))
        return self._run_for_user(self.remember(self._run_with_our_uri(run)))

    def get_run(self, run_id: str) -> Run:
        """Return a run, with what the service rejected of it."""
        return self._run_for_user(self.remember(self.run_with_tags(run_id)))

    def update_run_info(
        self, run_id: str, run_status: Any, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Rename a run or end it. A job's own run is ended by the job."""
        info: RunInfo = AzureMLRestStore.update_run_info(
            self, run_id, run_status, end_time, run_name
        )
        if run_status is not None and RunStatus.is_terminated(run_status):
            self._print_link(run_id, run_name or info.run_name)
        info._artifact_uri = self._our_uri(info.artifact_uri)
        return info

    def _search_runs(self, *arguments: Any, **options: Any) -> tuple[list[Run], str | None]:
        runs, token = RestStore._search_runs(self, *arguments, **options)
        return [self._run_for_user(self._run_with_our_uri(run)) for run in runs], token

    def run_with_tags(self, run_id: str) -> Run:
        """Return a run with the tags that are ours."""
        return self._run_with_our_uri(RestStore.get_run(self, run_id))

    def pages_with_tags(self, experiment_ids: Sequence[str], condition: str) -> Iterator[Run]:
        """Return the runs that meet a condition, with the tags that are ours, page by page."""

        def read(token: str | None) -> tuple[list[Run], str | None]:
            runs, token = RestStore._search_runs(
                self, list(experiment_ids), condition, ViewType.ACTIVE_ONLY, _PAGE, None, token
            )
            return [self._run_with_our_uri(run) for run in runs], token

        return pages(read)

    def write_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.log_batch(run_id, [], [], _run_tags(tags))

    # What a run holds

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> None:
        """Write a batch. What the service rejects of it is kept in an artifact, and named."""
        validation.check(metrics, params, tags)
        batch = Batch(
            [_metric_for_service(item) for item in metrics if not self.is_linked(run_id, item)],
            params,
            [*tags, *self.tags_of_metrics(run_id, metrics)],
        )
        if not batch:
            return

        def write(part: Batch) -> None:
            RestStore.log_batch(self, run_id, part.metrics, part.params, part.tags)

        try:
            write(batch)
        except MlflowException as error:
            if not rejected_batches.is_rejection(error):
                raise
            run = self.run_with_tags(run_id)
            overflow = self._overflow(run)
            kept = overflow.read().params
            rejected = rejected_batches.salvage(write, batch, run, kept, error)
            if rejected:
                overflow.keep(rejected, lambda tags: write(Batch(tags=_run_tags(tags))))

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList[Metric]:
        linked = self.metrics_to_link(run_id, metric_key)
        if linked is not None:
            return PagedList(linked, None)
        history: PagedList[Metric] = RestStore.get_metric_history(
            self, run_id, metric_key, max_results, page_token
        )
        self.remember_history(run_id, history)
        return history

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self.log_batch(run_id, [metric], [], [])

    def log_param(self, run_id: str, param: Param) -> None:
        self.log_batch(run_id, [], [param], [])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self.log_batch(run_id, [], [], [tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag, also one that the service has rejected."""
        try:
            RestStore.delete_tag(self, run_id, key)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            if key not in self._overflow(self.run_with_tags(run_id)).read().tags:
                raise
            self.write_tags(run_id, {f"{bookkeeping.DELETED}{key}": "1"})

    def log_batch_async(self, *arguments: Any, **options: Any) -> Any:
        """Write a batch in the background, by MLflow's own queue: each goes through ``log_batch``.

        The service's asynchronous call is polled every five seconds.
        """
        return RestStore.log_batch_async(self, *arguments, **options)

    def log_inputs(
        self, run_id: str, datasets: Any = None, models: Sequence[LoggedModelInput] | None = None
    ) -> None:
        """Name what a run took: datasets where the service keeps them, models in tags."""
        if datasets:
            RestStore.log_inputs(self, run_id, datasets, None)
        if models:
            self.log_model_inputs(run_id, models)

    # From the service's answers to MLflow's entities

    def _our_uri(self, uri: object) -> str:
        return our_uri(str(uri or ""), self.context.workspace)

    def _run_with_our_uri(self, run: Run) -> Run:
        run.info._artifact_uri = self._our_uri(run.info.artifact_uri)
        return run

    def _run_for_user(self, run: Run) -> Run:
        """Return a run without the tags that are ours, and with what they say."""
        tags = run.data.tags
        rejected = self._overflow(run).read()
        # What the service has is newer: it was taken after all.
        metrics = [Metric(**item) for item in rejected.metrics]
        metrics += [Metric.from_proto(item) for item in run.data.to_proto().metrics]
        params = rejected.params | run.data.params
        data = RunData(
            metrics=metrics,
            params=[Param(key, value) for key, value in params.items()],
            tags=_run_tags(bookkeeping.shown(rejected.tags | tags)),
        )
        datasets = run.inputs.dataset_inputs if run.inputs else []
        inputs = RunInputs(datasets, [LoggedModelInput(name) for name in model_tags.inputs(tags)])
        steps = model_tags.outputs(str(run.info.run_id), tags)
        outputs = RunOutputs([LoggedModelOutput(name, step) for name, step in steps.items()])
        return Run(run.info, data, inputs, outputs)

    def _overflow(self, run: Run) -> Overflow:
        return Overflow(run, self._files)

    def _files(self, run: Run) -> Files:
        return Files(self.context, folder_of(str(run.info.artifact_uri)))

    def _print_link(self, run_id: str, name: str | None) -> None:
        if not self._links or run_id in self._children:
            return
        link = self.context.workspace.link(run_id, self.context.credential.tenant)
        sys.stdout.write(f"View run {name or run_id} at: {link}\n")


def _run_tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, value) for key, value in tags.items()]


def _metric_for_service(metric: Metric) -> Metric:
    """Return a metric without MLflow 3's additions, which the service does not know."""
    return Metric(metric.key, metric.value, metric.timestamp, metric.step)
