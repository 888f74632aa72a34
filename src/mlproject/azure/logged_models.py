"""MLflow 3's calls on logged models, answered from the runs that the models came from."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlflow.entities import LoggedModelStatus, Metric, RunStatus, RunTag
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
        Run,
    )

_DEFAULT_NAME = "model"
_DEFAULT_RESULTS = 100
# The one condition that says which run to read, instead of all that have models.
_RUN_ATTRIBUTE = "source_run_id"


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
        # The model that each thread is inside ``Model.log`` with, and the run of which MLflow is
        # about to link the metrics.
        self._logging: dict[int, str] = {}
        self._linking: dict[int, str] = {}
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
        model_id = model_tags.new_id(source_run_id)
        known = run.data.params
        own = {item.key: item.value for item in params or [] if known.get(item.key) != item.value}
        folder = model_tags.folder_for(name, model_id, run.data.tags)
        written = model_tags.of_new(model_id, name, folder, model_type, own, list(tags or []))
        self.write_tags(source_run_id, written)
        made = self.remember(_with_tags(run, written))
        model = next(m for m in model_tags.models(made) if m.model_id == model_id)
        self._pending[model_id] = model
        return model

    def metrics_to_link(self, run_id: str, key: str) -> list[Metric] | None:
        """Return what MLflow asks for while it links a run's metrics with a model; else None.

        Between ``log_outputs`` and ``log_batch`` it asks for the history of every metric, to write
        it again for the model. A model's metrics are its run's here, so that nothing has to be read
        or written.
        """
        run = self._seen.get(run_id)
        if run is None or self._linking.get(threading.get_ident()) != run_id:
            return None
        made = model_tags.outputs(run_id, run.data.tags)
        return [
            Metric(m.key, m.value, m.timestamp, m.step, model_id=next(reversed(made)))
            for m in run.data.to_proto().metrics
            if m.key == key and made
        ]

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        """Return a model by its id."""
        pending = self._pending.get(model_id)
        if pending is not None and self._logging.get(threading.get_ident()) == model_id:
            return pending  # made a moment ago, and nobody else knows of it
        run_id = model_tags.run_of(model_id)
        if run_id is None:
            raise _missing(model_id)
        try:
            run = self.run_with_tags(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise _missing(model_id) from error
        for model in model_tags.models(run, deleted=allow_deleted):
            if model.model_id == model_id:
                return model
        raise _missing(model_id)

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Give a model its final status."""
        run_id = _run_id(model_id)
        self._linking.pop(threading.get_ident(), None)
        just_logged = self._logging.pop(threading.get_ident(), None) == model_id
        written = model_tags.of_status(model_id, status.value)
        self.write_tags(run_id, written)
        if run_id in self._carriers:
            self._carriers.discard(run_id)
            self.update_run_info(run_id, RunStatus.FINISHED, None, None)
        pending = self._pending.pop(model_id, None)
        if pending is None or not just_logged:
            return self.get_logged_model(model_id)
        pending.status = status
        return pending

    def set_logged_model_tags(self, model_id: str, tags: Sequence[LoggedModelTag]) -> None:
        """Set tags of a model."""
        self._forget(model_id)
        self.write_tags(_run_id(model_id), model_tags.of_tags(model_id, tags))

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag of a model."""
        self._forget(model_id)
        self.delete_tag(_run_id(model_id), model_tags.tag_name(model_id, key))

    def log_logged_model_params(
        self, model_id: str, params: Sequence[LoggedModelParameter]
    ) -> None:
        """Give a model further parameters."""
        self._forget(model_id)
        written = model_tags.of_params(model_id, {item.key: item.value for item in params})
        self.write_tags(_run_id(model_id), written)

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
                self._logging[threading.get_ident()] = item.model_id
                self._linking[threading.get_ident()] = run_id
            if item.step or model_tags.run_of(item.model_id) != run_id:
                written |= model_tags.of_output(str(item.model_id), int(item.step))
        if written:
            self.write_tags(run_id, written)

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        """Name models as what a run took."""
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
            runs = self._run_in(experiment_ids, run_id)
        else:
            runs = self.pages_with_tags(experiment_ids, f"tags.`{model_tags.MARK}` = '1'")
        found = [model for run in runs for model in model_tags.models(run)]
        found = SearchLoggedModelsUtils.filter_logged_models(found, filter_string, datasets)
        found = SearchLoggedModelsUtils.sort(found, order_by)
        page, token = SearchLoggedModelsUtils.paginate(
            found, page_token, max_results or _DEFAULT_RESULTS
        )
        return PagedList(page, token)

    def _forget(self, model_id: str) -> None:
        """Read a model anew the next time: something of it changes."""
        self._pending.pop(model_id, None)
        for thread in [key for key, value in self._logging.items() if value == model_id]:
            del self._logging[thread]

    def _run_in(self, experiment_ids: Sequence[str], run_id: str) -> list[Run]:
        try:
            run = self.run_with_tags(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return []
        return [run] if str(run.info.experiment_id) in experiment_ids else []


def _only_run(filter_string: str | None) -> str | None:
    """Return the run that a filter asks for, when it asks for the models of one."""
    if not filter_string:
        return None
    for clause in SearchLoggedModelsUtils.parse_search_filter(filter_string):
        if clause.get("key") == _RUN_ATTRIBUTE and clause.get("comparator") == "=":
            return str(clause["value"])
    return None


def _with_tags(run: Run, tags: Mapping[str, str]) -> Run:
    """Return a run as it is once tags have been set."""
    from mlflow.entities import Metric, Param, Run, RunData

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
