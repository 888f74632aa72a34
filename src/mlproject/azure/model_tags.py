"""A logged model of MLflow 3 as tags of the run that it came from.

The files stand among the run's artifacts, in a folder of the model's name, where the Studio and
MLflow 2 look for them. The id of the model holds the id of its run, ``m-RUN-SUFFIX``, so that
no search is needed to find either. Parameters that the run has itself are not written again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlproject.azure import bookkeeping
from mlproject.azure.bookkeeping import PREFIX

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, LoggedModelParameter, LoggedModelTag, Metric, Run

# Set on each run that has models, so that a search finds it.
MARK = f"{PREFIX}models"
_MODEL = f"{PREFIX}model."
_OUTPUT = f"{PREFIX}output."
_INPUT = f"{PREFIX}input."


def run_of(model_id: str) -> str | None:
    """Return the run that a model's id names; None for an id of another kind."""
    run_id, dash, suffix = model_id.removeprefix("m-").rpartition("-")
    if not (model_id.startswith("m-") and dash and run_id and suffix):
        return None
    return run_id


def of_new(
    run: Run,
    name: str,
    model_type: str | None,
    params: Sequence[LoggedModelParameter],
    tags: Sequence[LoggedModelTag],
) -> tuple[str, dict[str, str]]:
    """Return the id of a new model of a run, which is pending, and its tags.

    Artifacts cannot be overwritten, so that a second model of a name needs a folder of its own.
    """
    suffix = uuid.uuid4().hex[:8]
    model_id = f"m-{run.info.run_id}-{suffix}"
    folders = {record["folder"] for record in _records(run.data.tags).values()}
    known = run.data.params
    record = {
        "name": name,
        "folder": name if name not in folders else f"{name}-{suffix}",
        "type": model_type,
        "created": _now(),
        "params": {item.key: item.value for item in params if known.get(item.key) != item.value},
    }
    written = bookkeeping.written(_name(model_id), record)
    return model_id, {MARK: "1"} | written | of_tags(model_id, tags)


def of_status(model_id: str, status: str) -> dict[str, str]:
    return {f"{_name(model_id)}.status": f"{status} {_now()}"}


def of_deletion(model_id: str) -> dict[str, str]:
    """Return the tag that hides a model; the service cannot delete its files."""
    return {f"{_name(model_id)}.deleted": str(_now())}


def of_metrics(model_id: str, metrics: Sequence[Metric]) -> dict[str, str]:
    content = {"metrics": [[item.key, item.value, item.timestamp, item.step] for item in metrics]}
    return bookkeeping.written(f"{_name(model_id)}.metrics.{uuid.uuid4().hex[:8]}", content)


def of_tags(model_id: str, tags: Iterable[LoggedModelTag]) -> dict[str, str]:
    return _items_as_tags(model_id, "tag", tags)


def of_params(model_id: str, params: Iterable[LoggedModelParameter]) -> dict[str, str]:
    """Return the tags for parameters that a model gets later."""
    return _items_as_tags(model_id, "param", params)


def tag_name(model_id: str, key: str) -> str:
    """Return the name of the run's tag that holds a model's tag."""
    return f"{_name(model_id)}.tag.{key}"


def of_output(model_id: str, step: int) -> dict[str, str]:
    return {f"{_OUTPUT}{model_id}": str(step)}


def of_input(model_id: str) -> dict[str, str]:
    return {f"{_INPUT}{model_id}": "1"}


def inputs(tags: Mapping[str, str]) -> list[str]:
    """Return the ids of the models that a run took."""
    return list(_below(_INPUT, tags))


def outputs(run_id: str, tags: Mapping[str, str]) -> dict[str, int]:
    """Return the models that a run made, with the step at which it did."""
    steps = {
        model_id: 0
        for model_id in _records(tags, run_id)
        if f"{_name(model_id)}.deleted" not in tags
    }
    for model_id, value in _below(_OUTPUT, tags).items():
        if value.lstrip("-").isdigit():
            steps[model_id] = int(value)
    return steps


def models(run: Run, *, deleted: bool = False) -> list[LoggedModel]:
    """Return the models of a run from all its tags, perhaps with those that were deleted."""
    tags = run.data.tags
    return [
        _model(run, model_id, record)
        for model_id, record in _records(tags, str(run.info.run_id)).items()
        if deleted or f"{_name(model_id)}.deleted" not in tags
    ]


def _model(run: Run, model_id: str, record: Mapping[str, object]) -> LoggedModel:
    from mlflow.entities import LoggedModel, LoggedModelStatus

    tags = run.data.tags
    name = _name(model_id)
    status, _, when = tags.get(f"{name}.status", "PENDING").partition(" ")
    created = int(str(record["created"]))
    own = record.get("params")
    params = dict(run.data.params) | (own if isinstance(own, dict) else {})
    params |= _items(name, "param", tags)
    return LoggedModel(
        experiment_id=str(run.info.experiment_id),
        model_id=model_id,
        name=str(record["name"]),
        artifact_location=f"{str(run.info.artifact_uri).rstrip('/')}/{record['folder']}",
        creation_timestamp=created,
        last_updated_timestamp=int(when or created),
        model_type=str(record["type"]) if record.get("type") else None,
        source_run_id=str(run.info.run_id),
        status=LoggedModelStatus(status),
        tags=_items(name, "tag", tags),
        params=params,
        metrics=_metrics(name, model_id, run),
    )


def _metrics(name: str, model_id: str, run: Run) -> list[Metric]:
    """Return the latest value of each metric that a model was given."""
    from mlflow.entities import Metric

    prefix, tags = f"{name}.metrics.", run.data.tags
    rows: list[list[Any]] = []
    for key in tags:
        if key.startswith(prefix) and key.endswith(".0"):
            rows += (bookkeeping.read(key.removesuffix(".0"), tags) or {}).get("metrics", [])
    latest = {row[0]: row for row in sorted(rows, key=lambda row: (row[3], row[2]))}
    run_id = str(run.info.run_id)
    return [
        Metric(key, value, timestamp, step, model_id=model_id, run_id=run_id)
        for key, value, timestamp, step in latest.values()
    ]


def _items_as_tags(
    model_id: str, kind: str, items: Iterable[LoggedModelTag | LoggedModelParameter]
) -> dict[str, str]:
    """Return the run's tags for tags or parameters of a model, in pieces where they are long."""
    name, written = f"{_name(model_id)}.{kind}", dict[str, str]()
    for item in items:
        value = str(item.value)
        if len(value) <= bookkeeping.LONGEST_VALUE:
            written[f"{name}.{item.key}"] = value
        else:
            written |= bookkeeping.written(f"{name}s.{uuid.uuid4().hex[:8]}", {item.key: value})
    return written


def _items(name: str, kind: str, tags: Mapping[str, str]) -> dict[str, str]:
    items: dict[str, str] = {}
    for key in tags:
        if key.startswith(f"{name}.{kind}s.") and key.endswith(".0"):
            items |= bookkeeping.read(key.removesuffix(".0"), tags) or {}
    return items | _below(f"{name}.{kind}.", tags)


def _records(tags: Mapping[str, str], run_id: str = "") -> dict[str, dict[str, object]]:
    """Return what was written of each model, by its id."""
    suffixes: Collection[str] = dict.fromkeys(
        key.removeprefix(_MODEL).removesuffix(".0")
        for key in tags
        if key.startswith(_MODEL) and key.endswith(".0") and key.count(".") == _MODEL.count(".") + 1
    )
    records = {}
    for suffix in suffixes:
        record = bookkeeping.read(f"{_MODEL}{suffix}", tags)
        if record is not None and "folder" in record and "created" in record:
            records[f"m-{run_id}-{suffix}"] = record
    return records


def _below(prefix: str, tags: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(prefix): v for k, v in tags.items() if k.startswith(prefix)}


def _name(model_id: str) -> str:
    return f"{_MODEL}{model_id.rpartition('-')[2]}"


def _now() -> int:
    return int(time.time() * 1000)
