"""The artifact repository of the scheme ``azureml3``."""

from __future__ import annotations

import copy
import posixpath
from collections.abc import Iterator
from pathlib import Path

from azureml.mlflow._store.artifact.artifact_repo import AzureMLflowArtifactRepository
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repo import ArtifactRepository

from mlproject.azure import context, model_tags
from mlproject.azure.files import Files
from mlproject.azure.places import folder_of


class Artifacts(AzureMLflowArtifactRepository):  # type: ignore[misc]
    """Files of a run, or of an upload, from a folder on; all paths are relative to that folder.

    Parameters
    ----------
    artifact_uri : str
        Says which workspace, which run and which folder.
    tracking_uri, registry_uri : str, optional
        MLflow's; the artifact URI says all that is needed.
    """

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
        self._failures: list[MlflowException] | None = None
        self._context = context.of(artifact_uri)
        self._files = Files(self._context, self._folder)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Upload one file."""
        path = Path(local_file)
        if not path.is_file():
            raise MlflowException.invalid_parameter_value(f"There is no file {local_file}")
        self._files.put([(path, self._whole(posixpath.join(artifact_path or "", path.name)))])

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Upload every file of a folder."""
        folder = Path(local_dir)
        files = [
            (path, self._whole(posixpath.join(artifact_path or "", _relative(path, folder))))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        self._files.put(files)

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """Return what is directly in a folder; nothing for a file. Sizes are not known.

        MLflow adds the files of a run's logged models to what its other artifacts are. Here they
        are artifacts, too; so a listing that leads into a model's folder leaves them to it.
        """
        names: dict[str, bool] = {}
        if self._leaves_models and self._is_in_logged_model(path):
            return []
        for below in self._below(path):
            name, slash, _ = below.partition("/")
            names[name] = bool(slash)
        prefix = (path or "").strip("/")
        return [
            FileInfo(posixpath.join(prefix, name), is_dir, None)
            for name, is_dir in sorted(names.items())
        ]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Download a file or a folder; nothing to download is an error."""
        prefix = (artifact_path or "").strip("/")
        view, failures = copy.copy(self), list[MlflowException]()
        view._files = _Listed(self._files)
        view._leaves_models = False
        view._failures = failures
        whole = self._whole(prefix)
        there = whole in view._files.paths() or any(True for _ in view._below(prefix))
        if prefix and not there:
            raise self._files.missing(whole)
        try:
            return str(ArtifactRepository.download_artifacts(view, prefix, dst_path))
        except MlflowException as error:
            # MLflow's own message begins with the URI, and is cut before it says why.
            raise (failures[0] if failures else error) from error

    def _download_file(self, remote_file_path: str, local_path: str, **_: object) -> None:
        try:
            self._files.get(self._whole(remote_file_path), Path(local_path))
        except MlflowException as error:
            if self._failures is not None:
                self._failures.append(error)
            raise

    def _is_in_logged_model(self, path: str | None) -> bool:
        """Whether a path leads into the folder of a logged model of the run."""
        name = (path or "").strip("/").partition("/")[0]
        folder = self._whole(name)
        known = self._files.paths() if name and self._folder.run_id else []
        if f"{folder}/MLmodel" not in known:
            return False
        from mlproject.azure.tracking_store import TrackingStore

        run = TrackingStore(self._context).run_with_tags(str(self._folder.run_id))
        root = str(run.info.artifact_uri).rstrip("/")
        places = {model.artifact_location for model in model_tags.models(run)}
        return f"{root}/{folder}" in places

    def _whole(self, path: str) -> str:
        if self._folder.is_above:
            path = path.strip("/").removeprefix("artifacts")
        return posixpath.join(self._folder.path, path.replace("\\", "/").strip("/")).strip("/")

    def _below(self, path: str | None) -> Iterator[str]:
        """Yield the paths below a folder, relative to it: ``model`` is not above ``model_2``."""
        whole = self._whole(path or "")
        prefix = f"{whole}/" if whole else ""
        for item in self._files.paths():
            if item.startswith(prefix) and item != prefix:
                yield item.removeprefix(prefix)


class _Listed(Files):
    """Files whose listing is asked for once: a download goes through it folder by folder."""

    def __init__(self, files: Files) -> None:
        self.__dict__ = dict(files.__dict__)
        self._paths = files.paths()

    def paths(self) -> list[str]:
        return self._paths


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
