"""The tracking store of the scheme ``azureml3``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from azureml.mlflow._store.tracking.store import AzureMLRestStore
from mlflow.entities import (
    ExperimentTag,
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

from mlproject.azure.connection.calls import Calls, pages
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import create
from mlproject.azure.connection.files import Files
from mlproject.azure.connection.uris import of_run, our_uri, upload
from mlproject.azure.stores import (
    bookkeeping,
    lacking,
    logged_models,
    overflow,
    rejected_batches,
    validation,
)
from mlproject.azure.stores import model_records as records
from mlproject.azure.stores.experiments import Experiments
from mlproject.azure.stores.journal import Journal
from mlproject.azure.stores.logged_models import LoggedModels
from mlproject.azure.stores.model_records import SUFFIX, Keeper, ModelId
from mlproject.azure.stores.overflow import Overflow, Point, RejectedItems
from mlproject.azure.stores.rejected_batches import Batch
from mlproject.base import environ
from mlproject.base.visible import visible

_PARENT_TAG = "mlflow.parentRunId"
_PAGE = 1000
_TOO_LONG = f"a tag can have at most {bookkeeping.LONGEST_VALUE} characters"
# Where the files of models without a run are.
_UPLOADS, _MODELS = "LocalUpload", "azureml3-"


class TrackingStore(LoggedModels, Experiments, lacking.Lacking, AzureMLRestStore):  # type: ignore[misc]
    """Runs of a workspace, as MLflow 3 expects them."""

    def __init__(self, context: Context) -> None:
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
        request = RunTag(bookkeeping.RUN, bookkeeping.new_request())
        short = [tag for tag in tags if not _is_long(tag)]
        left = [tag for tag in tags if _is_long(tag)]

        def make(carried: Sequence[RunTag]) -> Any:
            return RestStore.create_run(
                self, experiment_id, user_id, start_time, [request, *carried], run_name
            )

        def send() -> Any:
            try:
                return make(short)
            except MlflowException as error:
                if not short or not rejected_batches.is_rejection(error):
                    raise
            run = make([])  # for one bad tag the service rejects the whole run
            left[:0] = short
            return run

        def find() -> Run | None:
            condition = f"tags.`{bookkeeping.RUN}` = '{request.value}'"
            return next(self.runs_with([experiment_id], condition), None)

        run: Run = create(send, find)
        run_id = str(run.info.run_id)
        if any(tag.key == _PARENT_TAG for tag in tags):
            self._children.add(run_id)
        if left:
            self.log_batch(run_id, [], [], left)
            return self.get_run(run_id)
        return self._run_for_user(self._run_with_our_uri(run))

    def get_run(self, run_id: str) -> Run:
        """Return a run, with what the service rejected of it."""
        return self._run_for_user(self.run_with_tags(run_id))

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

    def runs_with(self, experiment_ids: Sequence[str], condition: str) -> Iterator[Run]:
        """Return the runs that meet a condition, deleted ones too, with the tags that are ours."""

        def read(token: str | None) -> tuple[list[Run], str | None]:
            runs, token = RestStore._search_runs(
                self, list(experiment_ids), condition, ViewType.ALL, _PAGE, None, token
            )
            return [self._run_with_our_uri(run) for run in runs], token

        return pages(read)

    def write_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.log_batch(run_id, [], [], _run_tags(tags))

    # What keeps logged models

    def keeper_of_run(self, run_id: str) -> Keeper:
        return self.as_keeper(self.run_with_tags(run_id))

    def as_keeper(self, run: Run) -> Keeper:
        tags = self._all_tags(run, self._overflow(run.info.run_id).read_if(run.data.tags))
        info = run.info
        return Keeper(str(info.run_id), str(info.experiment_id), tags, str(info.artifact_uri))

    def keeper_of_experiment(self, experiment_id: str) -> Keeper:
        experiment = RestStore.get_experiment(self, experiment_id)
        name = str(experiment.experiment_id)
        root = f"{self.context.workspace.uri}/artifacts/{_UPLOADS}/{_MODELS}{SUFFIX}"
        return Keeper(name, name, experiment.tags, root, of_experiment=True)

    def write_experiment_tags(self, experiment_id: str, tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            RestStore.set_experiment_tag(self, experiment_id, ExperimentTag(key, value))

    def journal_of_model(self, model_id: ModelId) -> Journal:
        workspace = self.context.workspace
        if model_id.of_experiment:
            folder = upload(workspace, _UPLOADS, f"{_MODELS}{model_id.suffix}", "")
        else:
            folder = of_run(workspace, model_id.keeper)
        return Journal(Files(self.context, folder), logged_models.NAME)

    # What a run holds

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric],
        params: Sequence[Param],
        tags: Sequence[RunTag],
    ) -> None:
        """Write a batch. What the service rejects of it is kept in the artifacts, and told."""
        validation.check(metrics, params, tags)
        batch = Batch(
            [_metric_for_service(item) for item in metrics if not _is_linked(run_id, item)],
            params,
            [tag for tag in tags if not _is_long(tag)] + self.tags_of_metrics(run_id, metrics),
        )
        rejected, error = self._written(run_id, batch) if batch else (RejectedItems(), None)
        for tag in filter(_is_long, tags):
            rejected.add_tag(tag, _TOO_LONG)
        if rejected:
            self._keep(run_id, rejected)
            for key in rejected.tags:
                self._delete_tag(run_id, key)  # the service's value of it is older
        self.log_model_metrics(run_id, metrics)
        if error is not None:
            raise error

    def get_metric_history(
        self,
        run_id: str,
        metric_key: str,
        max_results: int | None = None,
        page_token: str | None = None,
    ) -> PagedList[Metric]:
        history: PagedList[Metric] = RestStore.get_metric_history(
            self, run_id, metric_key, max_results, page_token
        )
        found = list(history)
        if not page_token:
            rejected = self._overflow(run_id).read().metrics
            # What was sent again after a lost answer may be rejected, and be there.
            there = {repr(Point.of(item)) for item in found}
            found += [
                Metric(**vars(item))
                for item in rejected
                if item.key == metric_key and repr(item) not in there
            ]
        for metric in found:
            metric._run_id = _Recorded(run_id)
        return PagedList(found, getattr(history, "token", None))

    def log_metric(self, run_id: str, metric: Metric) -> None:
        self.log_batch(run_id, [metric], [], [])

    def log_param(self, run_id: str, param: Param) -> None:
        self.log_batch(run_id, [], [param], [])

    def set_tag(self, run_id: str, tag: RunTag) -> None:
        self.log_batch(run_id, [], [], [tag])

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag, also one that the service has rejected."""
        error = self._delete_tag(run_id, key)
        overflow = self._overflow(run_id)
        if overflow.read().tags.get(key) is not None:
            overflow.delete_tag(key)
        elif error is not None:
            raise error

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
        rejected = self._overflow(str(run.info.run_id)).read_if(run.data.tags)
        metrics = [Metric(**vars(item)) for item in rejected.metrics]
        metrics += [Metric.from_proto(item) for item in run.data.to_proto().metrics]
        metrics.sort(key=lambda metric: (metric.step, metric.timestamp))  # the last one counts
        params = rejected.params | run.data.params
        tags = self._all_tags(run, rejected)
        data = RunData(
            metrics=metrics,
            params=[Param(key, value) for key, value in params.items()],
            tags=_run_tags(bookkeeping.shown(tags)),
        )
        info = run.info
        keeper = Keeper(str(info.run_id), str(info.experiment_id), tags, str(info.artifact_uri))
        datasets = run.inputs.dataset_inputs if run.inputs else []
        inputs = RunInputs(datasets, [LoggedModelInput(name) for name in records.inputs(tags)])
        steps = records.outputs(keeper)
        outputs = RunOutputs([LoggedModelOutput(name, step) for name, step in steps.items()])
        return Run(info, data, inputs, outputs)

    def _all_tags(self, run: Run, rejected: RejectedItems) -> dict[str, str]:
        """Return the tags of a run, ours too; what the service has of one is the newest."""
        kept = {key: value for key, value in rejected.tags.items() if value is not None}
        return kept | dict(run.data.tags)

    def _written(self, run_id: str, batch: Batch) -> tuple[RejectedItems, MlflowException | None]:
        """Write what the service takes of a batch; return the rest, and an error to raise."""

        def write(part: Batch) -> None:
            RestStore.log_batch(self, run_id, part.metrics, part.params, part.tags)

        try:
            write(batch)
        except MlflowException as error:
            if not rejected_batches.is_rejection(error):
                raise
            run = self.run_with_tags(run_id)
            kept = self._overflow(run_id).read_if(run.data.tags).params if batch.params else {}
            rejected = rejected_batches.salvage(write, batch, run, kept, error)
            changes = rejected_batches.changes_parameter(batch, run, kept)
            return rejected, error if changes else None
        return RejectedItems(), None

    def _keep(self, run_id: str, rejected: RejectedItems) -> None:
        def write(tags: Mapping[str, str]) -> None:
            RestStore.log_batch(self, run_id, [], [], _run_tags(tags))

        self._overflow(run_id).keep(rejected, write)

    def _delete_tag(self, run_id: str, key: str) -> MlflowException | None:
        """Delete what the service has of a tag; return its error where it has nothing."""
        try:
            RestStore.delete_tag(self, run_id, key)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return error
        return None

    def _overflow(self, run_id: str) -> Overflow:
        files = Files(self.context, of_run(self.context.workspace, run_id))
        return Overflow(run_id, Journal(files, overflow.NAME))

    def _print_link(self, run_id: str, name: str | None) -> None:
        if not self._links or run_id in self._children:
            return
        link = self.context.workspace.link(run_id, self.context.credential.tenant)
        sys.stdout.write(f"View run {visible(name or run_id)} at: {link}\n")


class _Recorded(str):
    """The id of a run, of a metric that was read from the run's history.

    MLflow reads the history of each metric and writes it again, for the model that it is logging:
    the copy carries this, and so says itself that the run has it.
    """


def _is_linked(run_id: str, metric: Metric) -> bool:
    """Whether a metric is only to be linked with a model: it was read from the run."""
    read = isinstance(metric.run_id, _Recorded) and metric.run_id == run_id
    return bool(read and metric.model_id)


def _is_long(tag: RunTag) -> bool:
    return len(str(tag.value)) > bookkeeping.LONGEST_VALUE


def _run_tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(key, value) for key, value in tags.items()]


def _metric_for_service(metric: Metric) -> Metric:
    """Return a metric without MLflow 3's additions, which the service does not know."""
    return Metric(metric.key, metric.value, metric.timestamp, metric.step)
