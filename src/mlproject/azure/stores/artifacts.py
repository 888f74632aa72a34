"""The artifact repository of the scheme ``azureml3``."""

from __future__ import annotations

import posixpath
from concurrent.futures import as_completed
from pathlib import Path

from azureml.mlflow._store.artifact.artifact_repo import AzureMLflowArtifactRepository
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED, RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.utils.file_utils import ArtifactProgressBar, create_tmp_dir

from mlproject.azure.connection import context
from mlproject.azure.connection.failures import AzureMLException
from mlproject.azure.connection.files import Files, files_in
from mlproject.azure.connection.uris import folder_of
from mlproject.azure.stores.versions import Versions


class Artifacts(AzureMLflowArtifactRepository):  # type: ignore[misc]
    """Files of a run, or of an upload, from a folder on; all paths are relative to that folder."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        # Microsoft's constructor takes the workspace from MLflow's current tracking URI, which
        # need not be the one of these artifacts.
        ArtifactRepository.__init__(
            self, artifact_uri, tracking_uri=tracking_uri, registry_uri=registry_uri
        )
        try:
            self._folder = folder_of(artifact_uri)
        except ValueError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error
        # MLflow's clients name their tracking URI, and add the files of logged models themselves.
        self._leaves_models = tracking_uri is not None
        self._context = context.of(artifact_uri)
        self._files = Files(self._context, self._folder)
        self._versions = Versions(self._files)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        path = Path(local_file)
        if not path.is_file():
            raise MlflowException.invalid_parameter_value(f"There is no file {local_file}")
        self._versions.put([(path, self._whole(posixpath.join(artifact_path or "", path.name)))])

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        files = files_in(Path(local_dir), artifact_path or "")
        self._versions.put([(file, self._whole(path)) for file, path in files])

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly in a folder; nothing for a file. Sizes are not known.

        MLflow adds the files of a run's logged models to what its other artifacts are. Here they
        are artifacts, too; so a listing that leads into a model's folder leaves them to it.
        """
        if self._leaves_models and self._is_in_logged_model(path):
            return []
        prefix = (path or "").strip("/")
        names: dict[str, bool] = {}
        for below in self._below(prefix):
            name, slash, _ = below.partition("/")
            names[name] = bool(slash)
        return [
            FileInfo(posixpath.join(prefix, name), is_dir, None)
            for name, is_dir in sorted(names.items())
        ]

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        raise AzureMLException(
            f"Azure ML cannot delete artifacts, and so not '{artifact_path or ''}' of the "
            f"{self._folder.label}",
            error_code=NOT_IMPLEMENTED,
        )

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Download a file or a folder; nothing to download is an error.

        MLflow's own way lists folder by folder, and here each listing is whole.
        """
        folder = Path(dst_path).absolute() if dst_path else Path(create_tmp_dir())
        if not folder.is_dir():
            raise AzureMLException(
                f"There is no folder {folder} to download to", error_code=RESOURCE_DOES_NOT_EXIST
            )
        prefix = (artifact_path or "").strip("/")
        stored = {posixpath.join(prefix, path): at for path, at in self._below(prefix).items()}
        if prefix and not stored:
            stored = {prefix: self._versions.at(self._whole(prefix))}
        tasks = [
            self.thread_pool.submit(self._versions.get, at, Path(self._destination(path, folder)))
            for path, at in stored.items()
        ]
        with ArtifactProgressBar.files(desc="Downloading artifacts", total=len(tasks)) as bar:
            for _ in as_completed(tasks):
                bar.update()
        for task in tasks:
            task.result()
        return self._destination(prefix, folder) if prefix else str(folder)

    def _download_file(self, remote_file_path: str, local_path: str, **_: object) -> None:
        self._versions.get(self._versions.at(self._whole(remote_file_path)), Path(local_path))

    def _destination(self, path: str, folder: Path) -> str:
        """Return where a path goes, with its folder made; one that leads out is an error."""
        return str(self._create_download_destination(path, str(folder)))

    def _is_in_logged_model(self, path: str | None) -> bool:
        name = (path or "").strip("/").partition("/")[0]
        folder = self._whole(name)
        if not name or self._folder.run_id is None:
            return False
        from mlproject.azure.stores.tracking_store import TrackingStore

        keeper = TrackingStore(self._context).keeper_of_run(self._folder.run_id)
        return folder in {record.folder for record in keeper.records().values()}

    def _whole(self, path: str) -> str:
        if self._folder.is_above:
            path = path.strip("/").removeprefix("artifacts")
        return posixpath.join(self._folder.path, path.replace("\\", "/").strip("/")).strip("/")

    def _below(self, path: str) -> dict[str, list[str]]:
        """Return where what is in a folder is stored, by its path from there on."""
        whole = self._whole(path)
        start = len(f"{whole}/") if whole else 0
        return {shown[start:]: at for shown, at in self._versions.below(whole).items()}
