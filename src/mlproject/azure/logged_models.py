"""MLflow 3's calls on logged models, answered from the runs that the models came from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlflow.entities import LoggedModelStatus, Metric, Param, Run, RunData, RunStatus, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.search_utils import SearchLoggedModelsUtils
from mlflow.utils.validation import _validate_logged_model_name

from mlproject.azure import model_tags
from mlproject.azure.failures import AzureMLException

if TYPE_CHECKING:
    from mlflow.entities import (
        LoggedModel,
        LoggedModelInput,
        LoggedModelOutput,
        LoggedModelParameter,
        LoggedModelTag,
    )

_DEFAULT_NAME = "model"
_DEFAULT_RESULTS = 100
_LINKING_SECONDS = 10.0
_LOGGING_SECONDS = 60.0
# The one condition that says which run to read, instead of all that have models.
_RUN_ATTRIBUTE = "source_run_id"


@dataclass
class _Logging:
    """A model on its way through MLflow's ``Model.log``, in one thread.

    Nothing says that it has ended when it is interrupted: it is believed for a short time only.
    """

    model_id: str
    run_id: str
    since: float = field(default_factory=time.monotonic)
    read: set[str] = field(default_factory=set)
    linked: set[tuple[Any, ...]] = field(default_factory=set)

    def links(self, run_id: str) -> bool:
        """Whether MLflow is linking the metrics of a run now."""
        return self.run_id == run_id and time.monotonic() - self.since < _LINKING_SECONDS

    def holds(self, model_id: str) -> bool:
        """Whether MLflow is writing a model's files now."""
        return self.model_id == model_id and time.monotonic() - self.since < _LOGGING_SECONDS


class LoggedModels:
    """The part of a tracking store that MLflow 3 asks about models."""

    # What the store it is part of has.
    run_with_tags: Callable[[str], Run]
    pages_with_tags: Callable[[Sequence[str], str], Iterator[Run]]
    write_tags: Callable[[str, Mapping[str, str]], None]
    create_run: Callable[..., Run]
    update_run_info: Callable[..., Any]
    delete_tag: Callable[[str, str], None]

    def __init__(self) -> None:
        # Models that this store has made and not finished.
        self._pending: dict[str, LoggedModel] = {}
        # What each thread is logging by ``Model.log``, for as long as that can take.
        self._logging: dict[int, _Logging] = {}
        # What a run was last seen with; MLflow reads it just before it makes a model of it.
        self._seen: dict[str, Run] = {}
        # Runs that were made for the files of a model without one.
        self._carriers: set[str] = set()

    def remember(self, run: Run) -> Run:
        """Keep a run as it was just read, with the tags that are ours."""
        self._seen = {str(run.info.run_id): run}
        return run

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[LoggedModelTag] | None = None,
        params: Sequence[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a model of a run; one without a run gets a run of its own, for its files."""
        _validate_logged_model_name(name)
        name = name or _DEFAULT_NAME
        if source_run_id is None:
            carrier = self.create_run(experiment_id, "", None, [], name)
            source_run_id = str(carrier.info.run_id)
            self._carriers.add(source_run_id)
        run = self._seen.get(source_run_id) or self.run_with_tags(source_run_id)
        model_id, written = model_tags.of_new(run, name, model_type, params or [], tags or [])
        self.write_tags(source_run_id, written)
        run = self.remember(_run_with_tags(run, written))
        model = next(m for m in model_tags.models(run) if m.model_id == model_id)
        self._pending[model_id] = model
        return model

    def metrics_to_link(self, run_id: str, key: str) -> list[Metric] | None:
        """Return a metric's history where MLflow asks for it to link it with a new model.

        Between ``log_outputs`` and ``log_batch`` it asks for the history of every metric of the
        run, once. It has just read the run; a metric that is at step 0 there was never at another.
        None where the service has to be asked.
        """
        logging, run = self._logging.get(threading.get_ident()), self._seen.get(run_id)
        if run is None or logging is None or not logging.links(run_id) or key in logging.read:
            return None
        logging.read.add(key)
        history = [Metric.from_proto(m) for m in run.data.to_proto().metrics if m.key == key]
        if any(metric.step for metric in history):
            return None
        logging.linked |= {_point(metric) for metric in history}
        return history

    def remember_history(self, run_id: str, history: Iterable[Metric]) -> None:
        """Keep what MLflow is about to write again for a model."""
        logging = self._logging.get(threading.get_ident())
        if logging is not None and logging.links(run_id):
            logging.linked |= {_point(metric) for metric in history}

    def tags_of_metrics(self, run_id: str, metrics: Sequence[Metric]) -> list[RunTag]:
        """Return the tags that give metrics to their models; write those of other runs."""
        models: dict[str, list[Metric]] = {}
        for metric in metrics:
            if metric.model_id is not None and model_tags.run_of(metric.model_id) is not None:
                models.setdefault(str(metric.model_id), []).append(metric)
        of_run: dict[str, str] = {}
        for model_id, own in models.items():
            written = model_tags.of_metrics(model_id, own)
            if model_tags.run_of(model_id) == run_id:
                of_run |= written
            else:
                self.write_tags(_run_id(model_id), written)
        return [RunTag(key, value) for key, value in of_run.items()]

    def is_linked(self, run_id: str, metric: Metric) -> bool:
        """Whether a metric is only linked with a model: the run has it already."""
        logging = self._logging.get(threading.get_ident())
        linking = logging is not None and logging.links(run_id)
        return bool(linking and metric.model_id and logging and _point(metric) in logging.linked)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        pending, logging = self._pending.get(model_id), self._logging.get(threading.get_ident())
        if pending is not None and logging is not None and logging.holds(model_id):
            return pending  # made a moment ago, and nobody else knows of it
        run = self._known_run(_run_id(model_id))
        for model in model_tags.models(run, deleted=allow_deleted) if run is not None else ():
            if model.model_id == model_id:
                return model
        raise _missing(model_id)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        run_id = _run_id(model_id)
        logging = self._logging.pop(threading.get_ident(), None)
        just_logged = logging is not None and logging.holds(model_id)
        self.write_tags(run_id, model_tags.of_status(model_id, status.value))
        if run_id in self._carriers:
            self._carriers.discard(run_id)
            self.update_run_info(run_id, RunStatus.FINISHED, None, None)
        pending = self._pending.pop(model_id, None)
        if pending is None or not just_logged:
            return self.get_logged_model(model_id)
        pending.status = status
        return pending

    def set_logged_model_tags(self, model_id: str, tags: Sequence[LoggedModelTag]) -> None:
        self._forget(model_id)
        self.write_tags(_run_id(model_id), model_tags.of_tags(model_id, tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        self._forget(model_id)
        self.delete_tag(_run_id(model_id), model_tags.tag_name(model_id, key))

    def log_logged_model_params(
        self, model_id: str, params: Sequence[LoggedModelParameter]
    ) -> None:
        self._forget(model_id)
        self.write_tags(_run_id(model_id), model_tags.of_params(model_id, params))

    def delete_logged_model(self, model_id: str) -> None:
        """Hide a model; its files stay, as the service cannot delete artifacts."""
        self.get_logged_model(model_id)
        self._forget(model_id)
        self.write_tags(_run_id(model_id), model_tags.of_deletion(model_id))

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Name models as what a run made; its own are known without that."""
        written: dict[str, str] = {}
        for item in models:
            if item.model_id in self._pending:
                self._logging[threading.get_ident()] = _Logging(str(item.model_id), run_id)
            if item.step or model_tags.run_of(item.model_id) != run_id:
                written |= model_tags.of_output(str(item.model_id), int(item.step))
        if written:
            self.write_tags(run_id, written)

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        written: dict[str, str] = {}
        for item in models:
            written |= model_tags.of_input(item.model_id)
        if written:
            self.write_tags(run_id, written)

    def search_logged_models(
        self,
        experiment_ids: list[str],
        filter_string: str | None = None,
        datasets: list[dict[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: list[dict[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Return the models of experiments that meet a condition, newest first."""
        run_id = _only_run(filter_string)
        runs: Iterable[Run]
        if run_id is not None:
            run = self._known_run(run_id)
            runs = [run] if run is not None and run.info.experiment_id in experiment_ids else []
        else:
            runs = self.pages_with_tags(experiment_ids, f"tags.`{model_tags.MARK}` = '1'")
        models = [model for run in runs for model in model_tags.models(run)]
        models = SearchLoggedModelsUtils.filter_logged_models(models, filter_string, datasets)
        models = SearchLoggedModelsUtils.sort(models, order_by)
        page, token = SearchLoggedModelsUtils.paginate(
            models, page_token, max_results or _DEFAULT_RESULTS
        )
        return PagedList(page, token)

    def _forget(self, model_id: str) -> None:
        """Read a model anew the next time: something of it changes."""
        self._pending.pop(model_id, None)
        for thread, logging in list(self._logging.items()):
            if logging.model_id == model_id:
                del self._logging[thread]

    def _known_run(self, run_id: str) -> Run | None:
        try:
            return self.run_with_tags(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None


def _only_run(filter_string: str | None) -> str | None:
    """Return the run that a filter asks for, when it asks for the models of one."""
    if not filter_string:
        return None
    for clause in SearchLoggedModelsUtils.parse_search_filter(filter_string):
        if clause.get("key") == _RUN_ATTRIBUTE and clause.get("comparator") == "=":
            return str(clause["value"])
    return None


def _point(metric: Metric) -> tuple[Any, ...]:
    return (metric.key, metric.value, metric.timestamp, metric.step)


def _run_with_tags(run: Run, tags: Mapping[str, str]) -> Run:
    """Return a run as it is once tags have been set."""
    data = RunData(
        metrics=[Metric.from_proto(item) for item in run.data.to_proto().metrics],
        params=[Param(key, value) for key, value in run.data.params.items()],
        tags=[RunTag(key, value) for key, value in {**run.data.tags, **tags}.items()],
    )
    return Run(run.info, data, run.inputs, run.outputs)


def _run_id(model_id: str) -> str:
    run_id = model_tags.run_of(model_id)
    if run_id is None:
        raise _missing(model_id)
    return run_id


def _missing(model_id: str) -> MlflowException:
    return AzureMLException(
        f"There is no logged model '{model_id}' in this workspace",
        error_code=RESOURCE_DOES_NOT_EXIST,
    )
