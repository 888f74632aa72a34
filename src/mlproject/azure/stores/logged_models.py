"""MLflow 3's calls on logged models, answered from what keeps them: a run or an experiment.

Nothing is remembered between two calls but what never changes, so that they may come in any order,
from any number of threads and processes.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from mlflow.entities import LoggedModelStatus, Metric, Run, RunTag
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList
from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS
from mlflow.utils.name_utils import _generate_random_name
from mlflow.utils.search_utils import SearchLoggedModelsUtils
from mlflow.utils.validation import _validate_logged_model_name

from mlproject.azure.connection.failures import AzureMLException
from mlproject.azure.stores import model_records as records
from mlproject.azure.stores.journal import Journal
from mlproject.azure.stores.model_records import Keeper, ModelId, ModelMetric, ModelNote, Record

if TYPE_CHECKING:
    from mlflow.entities import (
        LoggedModel,
        LoggedModelInput,
        LoggedModelOutput,
        LoggedModelParameter,
        LoggedModelTag,
    )

NAME = "models"
_DEFAULT_RESULTS, _MOST_SNAPSHOTS = 100, 20
# The one condition that says which run to read, instead of all that have models.
_RUN_ATTRIBUTE = "source_run_id"


class _Snapshots:
    """Results of searches that are being read page by page; one that is gone is searched again."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, list[LoggedModel]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> list[LoggedModel] | None:
        with self._lock:
            return self._models.get(name)

    def add(self, models: list[LoggedModel]) -> str:
        name = uuid.uuid4().hex
        with self._lock:
            self._models[name] = models
            if len(self._models) > _MOST_SNAPSHOTS:
                self._models.popitem(last=False)
        return name


_SNAPSHOTS = _Snapshots()


class LoggedModels:
    """The part of a tracking store that MLflow 3 asks about models."""

    # What the store it is part of has.
    keeper_of_run: Callable[[str], Keeper]
    keeper_of_experiment: Callable[[str], Keeper]
    runs_with: Callable[[Sequence[str], str], Iterator[Run]]
    as_keeper: Callable[[Run], Keeper]
    write_tags: Callable[[str, Mapping[str, str]], None]
    write_experiment_tags: Callable[[str, Mapping[str, str]], None]
    journal_of_model: Callable[[ModelId], Journal]

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Sequence[LoggedModelTag] | None = None,
        params: Sequence[LoggedModelParameter] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a model of a run, or of an experiment where it has no run.

        The folder of its name is the first one's: others see that it is taken. So a model takes it,
        looks who else did, and goes to a folder of its own if there is anybody.
        """
        _validate_logged_model_name(name)
        name = name or _generate_random_name()
        of_experiment = source_run_id is None
        model_id = ModelId.new(source_run_id or experiment_id, of_experiment=of_experiment)
        record = Record(
            name,
            name,
            records.now(),
            type=model_type,
            params={item.key: str(item.value) for item in params or []},
            tags={item.key: str(item.value) for item in tags or []},
        )
        if record.short != record:
            self._note(ModelNote(model_id.suffix, dict(record.params), dict(record.tags)), model_id)
            record = record.short
        self._write(model_id, records.of_record(model_id, record))
        keeper = self._keeper(model_id)
        others = keeper.records(deleted=True)
        others.pop(model_id, None)
        if not of_experiment and name in {other.folder for other in others.values()}:
            record = replace(record, folder=f"{name}-{model_id.suffix}")
            self._write(model_id, records.of_record(model_id, record))
        return self._model(keeper, model_id, record)

    def get_logged_model(self, model_id: str, allow_deleted: bool = False) -> LoggedModel:
        return self._model(*self._found(model_id, deleted=allow_deleted))

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        keeper, parsed, record = self._found(model_id)
        record = record.finished(LoggedModelStatus(status).value)
        self._write(parsed, records.of_record(parsed, record))
        return self._model(keeper, parsed, record)

    def set_logged_model_tags(self, model_id: str, tags: Sequence[LoggedModelTag]) -> None:
        _, parsed, _ = self._found(model_id)
        new = dict[str, str | None]({item.key: str(item.value) for item in tags})
        if MLFLOW_MODEL_VERSIONS in new:
            new[MLFLOW_MODEL_VERSIONS] = _versions_once(str(new[MLFLOW_MODEL_VERSIONS]))
        self._note(ModelNote(parsed.suffix, tags=new), parsed)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        keeper, parsed, record = self._found(model_id)
        if key not in self._model(keeper, parsed, record).tags:
            raise AzureMLException(
                f"No tag with key '{key}' in the logged model '{model_id}'",
                error_code=RESOURCE_DOES_NOT_EXIST,
            )
        self._note(ModelNote(parsed.suffix, tags={key: None}), parsed)

    def log_logged_model_params(
        self, model_id: str, params: Sequence[LoggedModelParameter]
    ) -> None:
        _, parsed, _ = self._found(model_id)
        new = {item.key: str(item.value) for item in params}
        self._note(ModelNote(parsed.suffix, params=new), parsed)

    def delete_logged_model(self, model_id: str) -> None:
        """Hide a model; its files stay, as the service cannot delete artifacts."""
        _, parsed, _ = self._found(model_id, deleted=True)
        self._write(parsed, records.of_deletion(parsed))

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Name models as what a run made; its own are known without that."""
        written: dict[str, str] = {}
        for item in models:
            parsed = ModelId.parsed(item.model_id)
            if item.step or parsed is None or parsed.of_experiment or parsed.keeper != run_id:
                written |= records.of_output(str(item.model_id), int(item.step))
        if written:
            self.write_tags(run_id, written)

    def log_model_inputs(self, run_id: str, models: Sequence[LoggedModelInput]) -> None:
        written: dict[str, str] = {}
        for item in models:
            written |= records.of_input(item.model_id)
        if written:
            self.write_tags(run_id, written)

    def tags_of_metrics(self, run_id: str, metrics: Sequence[Metric]) -> list[RunTag]:
        """Return the tag that is to be written with metrics of models, which spares a request."""
        parsed = (ModelId.parsed(metric.model_id) for metric in metrics if metric.model_id)
        own = any(item and not item.of_experiment and item.keeper == run_id for item in parsed)
        return [RunTag(records.NOTES, "1")] if own else []

    def log_model_metrics(self, run_id: str, metrics: Sequence[Metric]) -> None:
        """Give metrics that a run has to the models that they are of."""
        models: dict[str, list[ModelMetric]] = {}
        for metric in metrics:
            if metric.model_id is not None:
                models.setdefault(str(metric.model_id), []).append(
                    records.of_metric(metric, run_id)
                )
        for model_id, own in models.items():
            parsed = ModelId.parsed(model_id)
            if parsed is None:
                raise _missing(model_id)
            note = ModelNote(parsed.suffix, metrics=own)
            self._note(note, parsed, tagged=parsed.keeper == run_id)

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
        snapshot, _, offset = (page_token or "").partition(":")
        models = _SNAPSHOTS.get(snapshot)
        if models is None:
            keepers = self._keepers(experiment_ids, filter_string)
            models = [model for keeper in keepers for model in self._models(keeper)]
            models = SearchLoggedModelsUtils.filter_logged_models(models, filter_string, datasets)
            models = SearchLoggedModelsUtils.sort(models, order_by)
        page, token = SearchLoggedModelsUtils.paginate(
            models, offset or None, max_results or _DEFAULT_RESULTS
        )
        if token:
            text = token.decode() if isinstance(token, bytes) else str(token)
            token = f"{snapshot or _SNAPSHOTS.add(models)}:{text}"
        return PagedList(page, token)

    def _keepers(self, experiment_ids: list[str], filter_string: str | None) -> Iterable[Keeper]:
        """Return what keeps models: one run where the condition names one, or all."""
        run_id = _only_run(filter_string)
        if run_id is None:
            for run in self.runs_with(experiment_ids, f"tags.`{records.MARK}` = '1'"):
                yield self.as_keeper(run)
            yield from map(self.keeper_of_experiment, experiment_ids)
            return
        try:
            keeper = self.keeper_of_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return
        if keeper.experiment_id in experiment_ids:
            yield keeper

    def _found(self, model_id: str, *, deleted: bool = False) -> tuple[Keeper, ModelId, Record]:
        parsed = ModelId.parsed(model_id)
        try:
            keeper = self._keeper(parsed) if parsed else None
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            keeper = None
        record = keeper.records(deleted=deleted).get(parsed) if keeper and parsed else None
        if keeper is None or parsed is None or record is None:
            raise _missing(model_id)
        return keeper, parsed, record

    def _keeper(self, model_id: ModelId) -> Keeper:
        read = self.keeper_of_experiment if model_id.of_experiment else self.keeper_of_run
        return read(model_id.keeper)

    def _write(self, model_id: ModelId, tags: Mapping[str, str]) -> None:
        write = self.write_experiment_tags if model_id.of_experiment else self.write_tags
        write(model_id.keeper, tags)

    def _model(self, keeper: Keeper, model_id: ModelId, record: Record) -> LoggedModel:
        return keeper.model(model_id, record, self._notes(keeper, model_id))

    def _models(self, keeper: Keeper) -> list[LoggedModel]:
        """Return all models that a run or an experiment keeps."""
        found = keeper.records()
        if keeper.of_experiment:  # each with a journal of its own
            return [self._model(keeper, *item) for item in found.items()]
        notes = self._notes(keeper, next(iter(found))) if found else []
        return [keeper.model(model_id, record, notes) for model_id, record in found.items()]

    def _notes(self, keeper: Keeper, model_id: ModelId) -> list[ModelNote]:
        """Return the notes on a model, among those on others of its run."""
        if not keeper.has_notes:
            return []
        return self.journal_of_model(model_id).notes_as(records.NOTE)

    def _note(self, note: ModelNote, model_id: ModelId, *, tagged: bool = False) -> None:
        """Add a note on a model. The tag comes first: nobody would look for a note without."""
        journal = self.journal_of_model(model_id)
        if not tagged and not journal.is_known:
            self._write(model_id, {records.NOTES: "1"})
        journal.add({name: value for name, value in asdict(note).items() if value})


def _only_run(filter_string: str | None) -> str | None:
    """Return the run that a filter asks for, when it asks for the models of one."""
    if not filter_string:
        return None
    for clause in SearchLoggedModelsUtils.parse_search_filter(filter_string):
        if clause.get("key") == _RUN_ATTRIBUTE and clause.get("comparator") == "=":
            return str(clause["value"])
    return None


def _versions_once(text: str) -> str:
    """Return the versions that come from a model, each once.

    ``register_model`` adds the version, as a text, to those that the store has named, as numbers.
    """
    try:
        versions = {(item["name"], int(item["version"])): None for item in json.loads(text)}
    except (KeyError, TypeError, ValueError):  # what somebody else wrote stays as it is
        return text
    return json.dumps([{"name": name, "version": number} for name, number in versions])


def _missing(model_id: str) -> MlflowException:
    return AzureMLException(
        f"The logged model '{model_id}' was not found in this workspace",
        error_code=RESOURCE_DOES_NOT_EXIST,
    )
