"""A logged model of MLflow 3 as the workspace keeps it.

A tag has what it is (name, folder, status), one for each model. What else belongs to it (its
metrics, what is set later, and all that is too long for the tag) stands in notes. A model of a run
is kept by the run: its files are among the run's artifacts, in a folder of its name, where the
Studio and MLflow 2 look for them. A model without a run is kept by its experiment, its files in an
upload of their own. The id says who keeps it, ``m-RUN-SUFFIX`` or ``m-experiment.ID-SUFFIX``.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter

from mlproject.azure.stores import points
from mlproject.azure.stores.bookkeeping import LONGEST_VALUE, PREFIX

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Metric

# Set on each run that has models, so that a search finds it, and on those with notes on models.
MARK, NOTES = f"{PREFIX}models", f"{PREFIX}notes"
_MODEL, _DELETED = f"{PREFIX}model.", ".deleted"
_OUTPUT, _INPUT = f"{PREFIX}output.", f"{PREFIX}input."
_EXPERIMENT = "experiment."
SUFFIX = "{suffix}"
# MLflow's own names.
Status = Literal["UNSPECIFIED", "PENDING", "READY", "FAILED"]


@dataclass(frozen=True)
class ModelId:
    """An id of a model, taken apart: ``keeper`` is the run or the experiment that keeps it."""

    keeper: str
    suffix: str
    of_experiment: bool = False

    @classmethod
    def new(cls, keeper: str, *, of_experiment: bool) -> ModelId:
        return cls(keeper, uuid.uuid4().hex[:12], of_experiment)

    @classmethod
    def parsed(cls, text: str) -> ModelId | None:
        """Return the parts of an id; None for one of another kind."""
        keeper, dash, suffix = text.removeprefix("m-").rpartition("-")
        if not (text.startswith("m-") and dash and keeper and suffix):
            return None
        name = keeper.removeprefix(_EXPERIMENT)
        return cls(name, suffix, name != keeper)

    def __str__(self) -> str:
        return f"m-{_EXPERIMENT if self.of_experiment else ''}{self.keeper}-{self.suffix}"


@dataclass(frozen=True)
class Record:
    """What the tag of a model says; ``folder`` is below what keeps it."""

    name: str
    folder: str
    created: int
    status: Status = "PENDING"
    updated: int = 0
    type: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parsed(cls, text: str) -> Record | None:
        """Return what a tag says; None for what somebody else wrote."""
        try:
            return _RECORD.validate_json(text)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        content = {name: value for name, value in vars(self).items() if value}
        return json.dumps(content, separators=(",", ":"))

    @property
    def short(self) -> Record:
        """The record without what a note has to keep, where the tag would be or become too long."""
        whole = len(self.finished(self.status).text) <= LONGEST_VALUE
        return self if whole else replace(self, params={}, tags={})

    def finished(self, status: Status) -> Record:
        return replace(self, status=status, updated=now())


_RECORD = TypeAdapter(Record)


@dataclass(frozen=True)
class ModelMetric:
    """One value of a metric of a model, with the run that logged it, and its dataset."""

    key: str
    value: float
    timestamp: int
    step: int
    run_id: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True)
class ModelNote:
    """What was added to a model later; a tag that is None was deleted."""

    model: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str | None] = field(default_factory=dict)
    metrics: list[ModelMetric] = field(default_factory=list)


NOTE = TypeAdapter(ModelNote)


@dataclass(frozen=True)
class Keeper:
    """A run or an experiment with the tags that are ours, as the service has it.

    ``root`` is the artifact URI that the folder of a model is below; ``SUFFIX`` in it is the id's.
    """

    name: str
    experiment_id: str
    tags: Mapping[str, str]
    root: str
    of_experiment: bool = False

    def records(self, *, deleted: bool = False) -> dict[ModelId, Record]:
        """Return what is known of each model, by its id; of those deleted too where wanted."""
        found = {}
        for key, text in self.tags.items():
            suffix = key.removeprefix(_MODEL)
            if suffix == key or "." in suffix:
                continue
            model_id, record = ModelId(self.name, suffix, self.of_experiment), Record.parsed(text)
            if record is not None and (deleted or _deletion(model_id) not in self.tags):
                found[model_id] = record
        return found

    @property
    def has_notes(self) -> bool:
        return NOTES in self.tags

    def model(self, model_id: ModelId, record: Record, notes: Iterable[ModelNote]) -> LoggedModel:
        """Return a model as MLflow knows it, with what the notes on it say."""
        from mlflow.entities import LoggedModel, LoggedModelStatus, Metric

        params, tags = dict(record.params), dict[str, str | None](record.tags)
        metrics: list[ModelMetric] = []
        for note in notes:
            if note.model != model_id.suffix:
                continue
            params |= note.params
            tags |= note.tags
            metrics += note.metrics
        root = self.root.replace(SUFFIX, model_id.suffix)
        return LoggedModel(
            experiment_id=self.experiment_id,
            model_id=str(model_id),
            name=record.name,
            artifact_location=f"{root.rstrip('/')}/{record.folder}",
            creation_timestamp=record.created,
            last_updated_timestamp=record.updated or record.created,
            model_type=record.type,
            source_run_id=None if self.of_experiment else self.name,
            status=LoggedModelStatus(record.status),
            tags={key: value for key, value in tags.items() if value is not None},
            params=params,
            metrics=[Metric(**vars(item), model_id=str(model_id)) for item in points.once(metrics)],
        )


def of_record(model_id: ModelId, record: Record) -> dict[str, str]:
    """Return the tags by which a model is kept."""
    return {f"{_MODEL}{model_id.suffix}": record.text} | (
        {} if model_id.of_experiment else {MARK: "1"}
    )


def of_deletion(model_id: ModelId) -> dict[str, str]:
    """Return the tag that hides a model; the service cannot delete its files."""
    return {_deletion(model_id): str(now())}


def of_output(model_id: str, step: int) -> dict[str, str]:
    return {f"{_OUTPUT}{model_id}": str(step)}


def of_input(model_id: str) -> dict[str, str]:
    return {f"{_INPUT}{model_id}": "1"}


def inputs(tags: Mapping[str, str]) -> list[str]:
    """Return the ids of the models that a run took."""
    return [key.removeprefix(_INPUT) for key in tags if key.startswith(_INPUT)]


def outputs(run: Keeper) -> dict[str, int]:
    """Return the models that a run made, those deleted since too, each with its step."""
    steps = {str(model_id): 0 for model_id in run.records(deleted=True)}
    for key, value in run.tags.items():
        if key.startswith(_OUTPUT) and value.lstrip("-").isdigit():
            steps[key.removeprefix(_OUTPUT)] = int(value)
    return steps


def of_metric(metric: Metric, run_id: str) -> ModelMetric:
    """Return a metric as a note has it."""
    value = points.number(float(metric.value))
    point = str(metric.key), value, int(metric.timestamp), int(metric.step)
    return ModelMetric(*point, run_id, metric.dataset_name, metric.dataset_digest)


def now() -> int:
    """Return the time as MLflow writes it, in milliseconds since the epoch."""
    return int(time.time() * 1000)


def _deletion(model_id: ModelId) -> str:
    return f"{_MODEL}{model_id.suffix}{_DELETED}"
