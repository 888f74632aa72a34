"""Which model: from what the user typed to a folder with an MLmodel file in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlproject.base import environ
from mlproject.base.errors import (
    ConfigurationError,
    MlprojectError,
    ModelError,
    TrackingError,
    reason,
)
from mlproject.base.files import expanded
from mlproject.base.redaction import redacted, redacted_text
from mlproject.base.suggestions import did_you_mean
from mlproject.data.source import is_url, without_file_scheme
from mlproject.registry import versions
from mlproject.tracking import target as targets
from mlproject.tracking.failures import as_tracking_error, few_retries
from mlproject.tracking.session import Session
from mlproject.tracking.target import Target

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_BEST = "best_estimator"
# Longer than the letter of a drive.
_RUN_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


@dataclass(frozen=True)
class ModelSource:
    """Where a model comes from.

    Attributes
    ----------
    uri : str
        The model as it may be written down.
    location : str
        Where its files are: a local folder, or any URI that MLflow can download.
    run_id, experiment_id, model_id, version : str or None
        As far as the store knows.
    """

    uri: str
    location: str
    run_id: str | None = None
    experiment_id: str | None = None
    model_id: str | None = None
    version: str | None = None


def find(reference: str, session: Session) -> ModelSource:
    """Return where the model is that a reference names; see :func:`opening.open_model`."""
    if reference.startswith("runs:/"):
        run_id, _, name = reference.removeprefix("runs:/").strip("/").partition("/")
        return _of_run(session, run_id, name or None)
    if reference.startswith("models:/"):
        return _registered(session.client, reference)
    if "://" in reference and is_url(reference):
        return ModelSource(redacted(reference), reference)
    path = expanded(without_file_scheme(reference))
    try:
        is_folder = path.is_dir()
    except OSError:  # such as a name that is too long
        is_folder = False
    if not is_folder:
        hint = "A model is a folder, runs:/ID/NAME, models:/NAME/VERSION or @ALIAS"
        if _RUN_ID.fullmatch(reference):
            hint = f"If that is the id of a run, give --run-id {reference}"
        raise ModelError(f"No folder {reference}", hint)
    return ModelSource(str(path.absolute()), str(path.absolute()))


@contextmanager
def fetched(source: ModelSource) -> Iterator[Path]:
    """Yield the model's folder on this machine; a download lasts as long as the block."""
    scheme = _SCHEME.match(source.location)
    if scheme is None or scheme[1].lower() == "file":
        yield Path(without_file_scheme(source.location))
        return
    import mlflow

    with TemporaryDirectory(prefix="mlproject-") as folder:
        what = f"The model {source.uri} cannot be downloaded"
        try:
            with as_tracking_error(what):
                path = mlflow.artifacts.download_artifacts(source.location, dst_path=folder)
        except MlprojectError:
            raise
        except Exception as error:  # MLflow takes addresses apart that are none of its own
            raise ModelError(
                f"{what}: MLflow does not understand its address ({redacted_text(reason(error))})",
                "Give runs:/ID/NAME, models:/NAME/VERSION, or a folder",
            ) from error
        yield Path(path)


def _of_run(session: Session, run_id: str, name: str | None) -> ModelSource:
    client, run = session.client, run_of(session, run_id)
    if run.info.lifecycle_stage == "deleted":
        raise TrackingError(
            f"The run {run_id} was deleted",
            f"Restore it with 'mlflow runs restore --run-id {run_id}'",
        )
    models = models_of(client, run)
    if name is not None:
        if name in models:
            return models[name]
        raise ModelError(
            f"The run {run_id} has no model '{name}'",
            did_you_mean(name, models, noun="models") if models else None,
        )
    if not models:
        parent = run.data.tags.get("mlflow.parentRunId")
        hint = f"It is a child of run {parent}: try --run-id {parent}" if parent else None
        raise ModelError(f"The run {run_id} has no model", hint)
    if len(models) > 1 and _BEST not in models:
        listed = ", ".join(f"runs:/{run_id}/{item}" for item in models)
        raise ModelError(f"The run {run_id} has several models", f"Give one with --model: {listed}")
    return models[_BEST] if len(models) > 1 else next(iter(models.values()))


def models_of(client: MlflowClient, run: Run) -> dict[str, ModelSource]:
    """Return the models that a run has made, by name."""
    with as_tracking_error(f"The models of run {run.info.run_id} cannot be listed"):
        return _outputs(client, run) or _artifacts(client, run)


def _outputs(client: MlflowClient, run: Run) -> dict[str, ModelSource]:
    """Return the models that the run itself names as its outputs, by name."""
    outputs = run.outputs.model_outputs if run.outputs else []
    models = {}
    for model_id in dict.fromkeys(item.model_id for item in outputs):
        model = client.get_logged_model(model_id)
        location = str(model.artifact_location)
        models[model.name] = _source(run, model.name, location, model_id)
    return models


def _artifacts(client: MlflowClient, run: Run) -> dict[str, ModelSource]:
    """Return the models that stand among the run's artifacts, as MLflow 2 stored them, by name."""
    history = json.loads(run.data.tags.get("mlflow.log-model.history") or "[]")
    models = {}
    for path in dict.fromkeys(item["artifact_path"] for item in history):
        files = client.list_artifacts(run.info.run_id, path)
        if any(item.path.endswith("MLmodel") for item in files):
            location = f"{str(run.info.artifact_uri).rstrip('/')}/{path}"
            models[path] = _source(run, path, location)
    return models


def _source(run: Run, name: str, location: str, model_id: str | None = None) -> ModelSource:
    run_id, experiment_id = str(run.info.run_id), str(run.info.experiment_id)
    return ModelSource(f"runs:/{run_id}/{name}", location, run_id, experiment_id, model_id)


def run_of(session: Session, run_id: str) -> Run:
    """Return a run; TrackingError where there is none, which says where it is instead."""
    from mlflow.exceptions import MlflowException

    with as_tracking_error(f"The run {run_id} cannot be read"):
        try:
            return session.client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
    target = session.target
    looked = [target.described]
    for other in _stores_here():
        if other.uri == target.uri:
            continue
        looked.append(other.described)
        if _has_run(other, run_id):
            raise TrackingError(
                f"There is no run {run_id} in {target.described}",
                f"It is in {other.described}: add --tracking {other.name}",
            )
    raise TrackingError(f"There is no run {run_id} in {' or '.join(looked)}")


def _stores_here() -> list[Target]:
    """Return the stores that a run may be in instead: this folder's, and the usual choice."""
    here = Path.cwd()
    stores = []
    if targets.holds_experiments(here / "mlruns"):
        stores.append(targets.from_text(targets.LOCAL, "the folder mlruns", here))
    if (here / "mlflow.db").is_file():
        stores.append(targets.from_text("sqlite:///mlflow.db", "the file mlflow.db", here))
    usual = targets.resolve()
    return stores + [usual] * (usual.uri not in {item.uri for item in stores})


def _has_run(store: Target, run_id: str) -> bool:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    os.environ.setdefault(environ.ALLOW_FILE_STORE, "true")
    try:
        with few_retries(), as_tracking_error("not there"):
            MlflowClient(tracking_uri=store.uri).get_run(run_id)
    except (MlflowException, MlprojectError):
        return False
    return True


def _registered(client: MlflowClient, uri: str) -> ModelSource:
    """Return a registered version, or a logged model by its own id."""
    name, version, alias = _parts(uri)
    if version is None and alias is None:
        with as_tracking_error(f"There is no model {uri}"):
            model = client.get_logged_model(name)
            location, run_id = str(model.artifact_location), model.source_run_id
            return ModelSource(uri, location, run_id, str(model.experiment_id), name)
    wanted = f"@{alias}" if alias is not None else version
    known = versions.find(client, name, None if wanted == "latest" else wanted)
    number, run_id, experiment_id = str(known.number), known.run_id, None
    with as_tracking_error(f"The files of {uri} cannot be found"):
        location = str(client.get_model_version_download_uri(name, number))
        if location.startswith("models:/"):  # a logged model
            model = client.get_logged_model(location.removeprefix("models:/"))
            location = str(model.artifact_location)
        elif location.startswith("runs:/"):
            stored_in, _, path = location.removeprefix("runs:/").partition("/")
            location = f"{str(client.get_run(stored_in).info.artifact_uri).rstrip('/')}/{path}"
    if run_id:
        with as_tracking_error(f"The run of {uri} cannot be read"):
            experiment_id = str(client.get_run(run_id).info.experiment_id)
    return ModelSource(uri, location, run_id, experiment_id, known.model_id, number)


def _parts(uri: str) -> tuple[str, str | None, str | None]:
    rest = uri.removeprefix("models:/").strip("/")
    name, at, alias = rest.partition("@")
    if at and name and alias:
        return name, None, alias
    name, slash, version = rest.partition("/")
    if slash and name and version and "/" not in version:
        return name, version, None
    if rest.startswith("m-") and not slash:
        return rest, None, None
    raise ConfigurationError(
        f"'{uri}' names no model", "Write models:/NAME/VERSION or models:/NAME@ALIAS"
    )
