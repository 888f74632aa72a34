"""The data of a run as MLflow keeps it: source, SHA-256 of the whole content, rows, schema."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlproject.azure.workspace_data.data_uris import is_service_data
from mlproject.base.redaction import redacted
from mlproject.data import samples
from mlproject.data.remote import located
from mlproject.data.source import is_url
from mlproject.data.table import Table
from mlproject.tracking import names

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Run

# The source of data that a caller had in memory.
IN_MEMORY = "code"
_DIGEST_LENGTH = 36  # MLflow's limit
_SCHEMA_ROWS = 100
# Under which keys sources of MLflow say where the data is.
_PLACES = ("uri", "url", "path", names.SOURCE_NAME)


@dataclass(frozen=True)
class Dataset:
    """What is known of a run's data.

    Attributes
    ----------
    source : str
        As it may be written down; ``code`` for data that was in memory.
    sha256 : str
        Of the whole content.
    elements : int, optional
        Rows times columns.
    """

    source: str
    name: str
    sha256: str
    rows: int
    elements: int | None = None


def of_table(table: Table) -> Dataset:
    return Dataset(table.source, table.name, table.sha256, table.rows, int(table.frame.size))


def as_input(dataset: Dataset, context: str, X: Any = None) -> DatasetInput:
    """Return a data set as an input of a run.

    Parameters
    ----------
    context : str
        ``train``, ``eval`` or ``score``.
    X : DataFrame or array of shape (n_rows, n_features), optional
        The features, whose schema is recorded.
    """
    from mlflow.entities import Dataset as Entity
    from mlflow.entities import DatasetInput, InputTag

    kind, place = _source(dataset.source)
    profile = {"num_rows": dataset.rows, "num_elements": dataset.elements, "sha256": dataset.sha256}
    entity = Entity(
        name=dataset.name,
        digest=dataset.sha256[:_DIGEST_LENGTH],
        source_type=kind,
        source=json.dumps(place),
        schema=json.dumps(_schema(X)) if X is not None else None,
        profile=json.dumps({key: value for key, value in profile.items() if value is not None}),
    )
    return DatasetInput(entity, [InputTag(names.DATA_CONTEXT, context)])


@dataclass(frozen=True)
class RecordedDataset:
    """What a run of any program says of one of its data sets; None where it says nothing.

    Attributes
    ----------
    context : str
        ``train``, ``eval``, ``score``, or what else the program calls it.
    """

    context: str
    name: str
    source: str
    sha256: str | None
    digest: str | None
    rows: int | None


def recorded(run: Run) -> list[RecordedDataset]:
    """Return the data sets of a run."""
    found = [_recorded(item) for item in (run.inputs.dataset_inputs if run.inputs else [])]
    tags = run.data.tags
    if not found and names.DATA_SOURCE in tags:  # of a server that keeps no inputs
        source, rows = tags[names.DATA_SOURCE], tags.get(names.DATA_ROWS, "")
        sha256 = tags.get(names.DATA_SHA256)
        number = int(rows) if rows.isdecimal() else None
        found = [RecordedDataset("train", source, source, sha256, None, number)]
    return found


def _recorded(item: DatasetInput) -> RecordedDataset:
    entity, tags = item.dataset, {tag.key: tag.value for tag in item.tags}
    profile, place = _object(entity.profile), _object(entity.source)
    inner = _object(place.get("tags")) or place
    source = next((inner[key] for key in _PLACES if inner.get(key)), "")
    rows = profile.get("num_rows")
    return RecordedDataset(
        context=str(tags.get(names.DATA_CONTEXT) or "data"),
        name=str(entity.name or ""),
        source=redacted(str(source)),
        sha256=str(profile["sha256"]) if profile.get("sha256") else None,
        digest=entity.digest or None,
        rows=rows if isinstance(rows, int) else None,
    )


def _object(value: Any) -> dict[str, Any]:
    """Return a JSON object, or its text, as a dict; an empty one for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return value if isinstance(value, dict) else {}


def _schema(X: Any) -> dict[str, Any]:
    from mlflow.models import infer_signature

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*integer column")
        schema = infer_signature(X[:_SCHEMA_ROWS]).inputs
    if schema.is_tensor_spec():
        return {"mlflow_tensorspec": {"features": schema.to_json(), "targets": None}}
    return {"mlflow_colspec": schema.to_dict()}


def _source(source: str) -> tuple[str, dict[str, Any]]:
    """Return MLflow's source type and source."""
    if source == IN_MEMORY or samples.is_sample(source):
        return "code", {"tags": {names.SOURCE_NAME: source}}
    if not is_url(source):
        return "local", {"uri": source}
    scheme = source.partition(":")[0]
    if is_service_data(source):
        found = located(source)
        is_other = found.address != source and not found.is_mounted
        return scheme, {"uri": source} | ({"address": found.address} if is_other else {})
    return ("http", {"url": source}) if scheme in ("http", "https") else (scheme, {"uri": source})
