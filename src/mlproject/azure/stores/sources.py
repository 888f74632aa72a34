"""Where the files of a new model version are: a logged model's, or a folder that is uploaded."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.utils.uri import append_to_uri_path

from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import AzureMLException
from mlproject.azure.connection.files import Files, files_in
from mlproject.azure.connection.uris import upload
from mlproject.azure.stores.model_records import ModelId
from mlproject.azure.stores.tracking_store import TrackingStore
from mlproject.azure.stores.versions import Versions

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

_ORIGIN = "LocalUpload"


def logged_model(context: Context, model_id: str) -> LoggedModel:
    if ModelId.parsed(model_id) is None:
        raise AzureMLException(
            f"'models:/{model_id}' is not a logged model of this workspace",
            error_code=RESOURCE_DOES_NOT_EXIST,
        )
    return TrackingStore(context).get_logged_model(model_id)


def newest_of_name(context: Context, source: str, run_id: str) -> tuple[str, str | None] | None:
    """Return the files of a run's newest logged model of a name, and its id.

    That is what ``runs:/ID/NAME`` loads. A source that is no logged model stays as it is. None for
    a run that the workspace does not have, as it is another server's, or is gone.
    """
    try:
        run = TrackingStore(context).keeper_of_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    root = run.root.rstrip("/")
    named = [
        (record.created, f"{root}/{record.folder}", str(model_id))
        for model_id, record in run.records().items()
        if source.rstrip("/") in (f"{root}/{record.folder}", f"{root}/{record.name}")
    ]
    if not named:
        return source, None
    _, location, model_id = max(named)
    return location, model_id


def name_version(context: Context, model_id: str, name: str, version: str) -> None:
    """Name a version in the tags of the logged model that it comes from, as MLflow's server does.

    Raises nothing for a model of another server.
    """
    try:
        number: Any = int(version)  # which MLflow's server writes
        TrackingStore(context).set_model_versions_tags(name, number, model_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def uploaded(context: Context, source: str, run_id: str | None) -> str:
    """Upload a folder with a model, which belongs to no run, and return where it is."""
    folder = Path(url2pathname(urlsplit(source).path))
    if run_id is not None or not (folder / "MLmodel").is_file():
        raise MlflowException.invalid_parameter_value(
            f"The folder {folder} cannot be registered: it should hold an MLmodel file, "
            "and belong to no run"
        )
    container = f"{time.strftime('%y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
    target = upload(context.workspace, _ORIGIN, container, folder.name)
    Versions(Files(context, target)).put(files_in(folder, folder.name))
    root = f"{context.workspace.uri}/artifacts/{_ORIGIN}/{container}"
    return str(append_to_uri_path(root, folder.name))
