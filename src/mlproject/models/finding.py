"""Which model: from what the user typed to a folder with an MLmodel file in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlproject.base import environ
from mlproject.base.errors import ConfigurationError, ModelError, TrackingError
from mlproject.base.redaction import redacted
from mlproject.base.suggestions import did_you_mean
from mlproject.data.source import is_url
from mlproject.registry import versions
from mlproject.tracking import target as targets
from mlproject.tracking.failures import as_tracking_error, few_retries
from mlproject.tracking.session import Session
from mlproject.tracking.target import Target

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_BEST = "best_estimator"


@dataclass(frozen=True)
class Located:
    """A model that was found.

    Attributes
    ----------
    uri : str
        The model as it may be written down.
    place : str
        Where its files are: a local folder, or any URI that MLflow can download.
    run_id, experiment_id, model_id, version : str or None
        Where it comes from, as far as the store knows.
    """

    uri: str
    place: str
    run_id: str | None = None
    experiment_id: str | None = None
    model_id: str | None = None
    version: str | None = None


def locate(run_id: str | None, model: str | None, session: Session) -> Located:
    """Return the model that one of ``--run-id`` and ``--model`` names.

    Raises
    ------
    ConfigurationError
        When the URI is of no known form.
    TrackingError
        When the store has no such run, model, version or alias, or does not answer.
    ModelError
        When the run has no model, or several.
    """
    if run_id is not None:
        return _of_run(session, run_id, None)
    assert model is not None  # noqa: S101 - one of the two is given
    if model.startswith("runs:/"):
        found, _, name = model.removeprefix("runs:/").strip("/").partition("/")
        return _of_run(session, found, name or None)
    if model.startswith("models:/"):
        return _registered(session.client, model)
    if is_url(model):
        return Located(redacted(model), model)
    path = Path(url2pathname(urlsplit(model).path) if model.startswith("file:") else model)
    if not path.expanduser().is_dir():
        raise ModelError(
            f"No folder {model}",
            "A model is a folder, runs:/ID/NAME, models:/NAME/VERSION or @ALIAS",
        )
    return Located(str(path.expanduser().absolute()), str(path.expanduser().absolute()))


@contextmanager
def fetched(located: Located) -> Iterator[Path]:
    """Yield the model's folder on this machine; a download lasts as long as the block."""
    scheme = urlsplit(located.place).scheme
    if scheme in ("", "file") or len(scheme) == 1:
        yield Path(
            url2pathname(urlsplit(located.place).path) if scheme == "file" else located.place
        )
        return
    import mlflow

    with TemporaryDirectory(prefix="mlproject-") as folder:
        with as_tracking_error(f"The model {located.uri} cannot be downloaded"):
            path = mlflow.artifacts.download_artifacts(located.place, dst_path=folder)
        yield Path(path)


def _of_run(session: Session, run_id: str, name: str | None) -> Located:
    client, run = session.client, _run(session, run_id)
    if run.info.lifecycle_stage == "deleted":
        raise TrackingError(
            f"The run {run_id} was deleted",
            f"Restore it with 'mlflow runs restore --run-id {run_id}'",
        )
    with as_tracking_error(f"The models of run {run_id} cannot be listed"):
        found = _outputs(client, run) + _artifacts(client, run)
    names = [item.uri.removeprefix(f"runs:/{run_id}/") for item in found]
    if name is not None:
        if name in names:
            return found[names.index(name)]
        raise ModelError(
            f"The run {run_id} has no model '{name}'",
            did_you_mean(name, names, noun="models") if names else None,
        )
    if len(found) > 1 and names.count(_BEST) == 1:
        return found[names.index(_BEST)]
    if len(found) > 1:
        listed = ", ".join(f"runs:/{run_id}/{item}" for item in names)
        raise ModelError(f"The run {run_id} has several models", f"Give one with --model: {listed}")
    if not found:
        parent = run.data.tags.get("mlflow.parentRunId")
        hint = f"It is a child of run {parent}: try --run-id {parent}" if parent else None
        raise ModelError(f"The run {run_id} has no model", hint)
    return found[0]


def _outputs(client: MlflowClient, run: Run) -> list[Located]:
    """Return the models that the run itself names as its outputs."""
    outputs = run.outputs.model_outputs if run.outputs else []
    found: dict[str, Located] = {}
    for model_id in dict.fromkeys(item.model_id for item in outputs):
        model = client.get_logged_model(model_id)
        uri = f"runs:/{run.info.run_id}/{model.name}"
        found[uri] = Located(
            uri,
            str(model.artifact_location),
            str(run.info.run_id),
            str(run.info.experiment_id),
            model_id,
        )
    return list(found.values())


def _artifacts(client: MlflowClient, run: Run) -> list[Located]:
    """Return the models that stand among the run's artifacts, as MLflow 2 stored them."""
    history = run.data.tags.get("mlflow.log-model.history")
    if not history or (run.outputs and run.outputs.model_outputs):
        return []
    found = []
    for path in dict.fromkeys(item["artifact_path"] for item in json.loads(history)):
        if any(
            item.path.endswith("MLmodel") for item in client.list_artifacts(run.info.run_id, path)
        ):
            place = f"{str(run.info.artifact_uri).rstrip('/')}/{path}"
            uri = f"runs:/{run.info.run_id}/{path}"
            found.append(Located(uri, place, str(run.info.run_id), str(run.info.experiment_id)))
    return found


def _run(session: Session, run_id: str) -> Run:
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
    found = []
    if targets.holds_experiments(here / "mlruns"):
        found.append(targets.from_text(targets.LOCAL, "the folder mlruns", here))
    if (here / "mlflow.db").is_file():
        found.append(targets.from_text("sqlite:///mlflow.db", "the file mlflow.db", here))
    usual = targets.resolve()
    return found + [usual] * (usual.uri not in {item.uri for item in found})


def _has_run(store: Target, run_id: str) -> bool:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    os.environ.setdefault(environ.ALLOW_FILE_STORE, "true")
    try:
        with few_retries(), as_tracking_error("not there"):
            MlflowClient(tracking_uri=store.uri).get_run(run_id)
    except (MlflowException, TrackingError):
        return False
    return True


def _registered(client: MlflowClient, uri: str) -> Located:
    """Return a registered version, or a logged model by its own id."""
    name, version, alias = _parts(uri)
    if version is None and alias is None:
        with as_tracking_error(f"There is no model {uri}"):
            model = client.get_logged_model(name)
            place, run_id = str(model.artifact_location), model.source_run_id
            return Located(uri, place, run_id, str(model.experiment_id), name)
    wanted = f"@{alias}" if alias is not None else version
    found = versions.find(client, name, None if wanted == "latest" else wanted)
    number = str(found.number)
    with as_tracking_error(f"The files of {uri} cannot be found"):
        place = str(client.get_model_version_download_uri(name, number))
    if place.startswith("models:/"):  # a logged model
        place = str(client.get_logged_model(place.removeprefix("models:/")).artifact_location)
    elif place.startswith("runs:/"):
        run_id, _, path = place.removeprefix("runs:/").partition("/")
        place = f"{str(client.get_run(run_id).info.artifact_uri).rstrip('/')}/{path}"
    run_id = found.run_id
    experiment_id = None
    if run_id:
        with as_tracking_error(f"The run of {uri} cannot be read"):
            experiment_id = str(client.get_run(run_id).info.experiment_id)
    return Located(uri, place, run_id, experiment_id, found.model_id, number)


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
