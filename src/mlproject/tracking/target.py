"""Which tracking server: from what the user typed to an MLflow URI.

A target is ``local`` (the FileStore in ./mlruns), ``azureml`` (the workspace of the nearest
config.json), or any MLflow URI. Nothing here imports MLflow.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlproject.base import consent, environ, settings
from mlproject.base.errors import ConfigurationError
from mlproject.base.files import expanded
from mlproject.base.hosts import is_loopback
from mlproject.base.redaction import redacted
from mlproject.base.suggestions import did_you_mean
from mlproject.tracking import azureml

LOCAL = "local"
SQLITE = "sqlite:///"
AZUREML = "azureml"
# The schemes that MLflow itself registers (mlflow.tracking._tracking_service.utils).
_BUILT_IN_SCHEMES = frozenset(
    ["file", "http", "https", "sqlite", "mysql", "postgresql", "mssql", "databricks", "uc"]
)
_PLUGIN_GROUP = "mlflow.tracking_store"
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")


@dataclass(frozen=True)
class Target:
    """A tracking target, resolved.

    Attributes
    ----------
    name : str
        What was asked for: ``local``, ``azureml`` or the URI.
    origin : str
        Who asked: the option, the variable, the settings file, the folder, or the default.
    """

    uri: str
    name: str
    origin: str

    @property
    def is_file_store(self) -> bool:
        return self.uri.startswith("file:")

    @property
    def local_path(self) -> Path | None:
        """The folder or the database on this machine; None of a server."""
        if self.uri.startswith(SQLITE):
            return Path(self.uri[len(SQLITE) :].partition("?")[0])  # options of the driver
        parts = urlsplit(self.uri)
        local = self.is_file_store and not parts.netloc
        return Path(url2pathname(parts.path)) if local else None

    def check_there(self) -> None:
        """Raise ConfigurationError for a store that is not there, which MLflow would make."""
        path = self.local_path
        if path is not None and not path.exists():
            raise ConfigurationError(
                f"There are no runs to show: {path} does not exist",
                "Train a model first, or name another store with --tracking",
            )

    @property
    def environment(self) -> dict[str, str]:
        """The variables that make any MLflow program follow this target."""
        variables = {environ.TRACKING_URI: self.uri}
        if self.is_file_store:
            variables[environ.ALLOW_FILE_STORE] = "true"
        return variables

    @property
    def printable(self) -> str:
        """The URI without user, password and query."""
        return redacted(self.uri)

    @property
    def is_known(self) -> bool:
        """Whether what is recorded stays on this machine, or goes to Azure ML itself."""
        if self.name == AZUREML:
            return azureml.is_service(self.uri)
        return self.uri.startswith(("file:", SQLITE)) or is_loopback(self.uri)

    @property
    def described(self) -> str:
        """What a message calls it: a workspace by its name, anything else by its URI."""
        return azureml.described(self.uri) if self.name == AZUREML else self.printable


def resolve(option: str | None = None, folder: Path | None = None) -> Target:
    """Return the target, from the first of the five places that names one.

    ``--tracking``; ``MLFLOW_TRACKING_URI``; the project's saved choice; a store that is already
    in the folder (./mlruns, then ./mlflow.db); ``local``. Relative stores are looked for in
    ``folder``, by default the current one.
    """
    here = folder or Path.cwd()
    if option:
        return from_text(option, "--tracking", here)
    from_environment = environ.get(environ.TRACKING_URI)
    if from_environment:
        return from_text(from_environment, environ.TRACKING_URI, here)
    saved = settings.find(here)
    if saved is not None:
        text = settings.read(saved).tracking
        if text:
            target = from_text(text, str(saved), saved.parent)
            if not target.is_known:
                consent.check(saved, settings.wish_of("tracking", text))
            return target
    if holds_experiments(here / "mlruns"):
        return Target((here / "mlruns").resolve().as_uri(), LOCAL, "the folder mlruns")
    if (here / "mlflow.db").is_file():
        return Target(_sqlite_uri(here / "mlflow.db"), "sqlite", "the file mlflow.db")
    return Target((here / "mlruns").resolve().as_uri(), LOCAL, "the default")


def from_text(text: str, origin: str, folder: Path) -> Target:
    """Return the target that a text names; relative places are relative to ``folder``."""
    if text.lower() == LOCAL:
        return Target((folder / "mlruns").resolve().as_uri(), LOCAL, origin)
    if text.lower() == AZUREML:
        return Target(azureml.workspace_uri(folder), AZUREML, origin)
    scheme = _scheme(text)
    if scheme is None:
        _refuse_misspelled_name(text, origin, folder)
        return Target((folder / text).resolve().as_uri(), text, origin)
    if scheme == "file":
        return Target(_absolute_file_uri(text, folder), text, origin)
    if scheme == "sqlite":
        return Target(_absolute_sqlite_uri(text, folder), text, origin)
    if scheme in azureml.SCHEMES:
        return Target(azureml.checked_uri(text, origin), AZUREML, origin)
    dialect = scheme.partition("+")[0]
    plugins = {entry.name for entry in importlib.metadata.entry_points(group=_PLUGIN_GROUP)}
    known = _BUILT_IN_SCHEMES | plugins
    if dialect not in known and scheme not in known:
        hint = did_you_mean(scheme, known | {LOCAL, AZUREML}, noun="kinds")
        raise ConfigurationError(
            f"No tracking server has the scheme '{scheme}' ({origin}: {redacted(text)})", hint
        )
    return Target(text, text, origin)


def check_storable(text: str) -> None:
    """Raise ConfigurationError for a target with a secret: the settings file is for everybody."""
    if redacted(text) != text and not text.startswith(("file:", "sqlite:")):
        raise ConfigurationError(
            f"The address {redacted(text)} was given with a user, a password or a query",
            f"Set {environ.TRACKING_URI} instead: they would stand in {settings.FILE_NAME}",
        )


def origin_folder() -> Path:
    """Return the folder that a saved target is relative to."""
    saved = settings.find()
    return saved.parent if saved is not None else Path.cwd()


def holds_experiments(folder: Path) -> bool:
    """Return whether a folder is a FileStore that has been used."""
    return folder.is_dir() and any(folder.glob("*/meta.yaml"))


def _scheme(text: str) -> str | None:
    if text.split(":")[0] in ("databricks", "uc"):
        return text.split(":")[0]
    match = _SCHEME.match(text)
    return match.group(1).lower() if match else None


def _refuse_misspelled_name(text: str, origin: str, folder: Path) -> None:
    """Refuse a bare word that is neither a target nor a folder: most often a typing mistake."""
    if os.sep in text or "/" in text or (folder / text).is_dir():
        return
    hint = did_you_mean(text, [LOCAL, AZUREML], noun="targets")
    raise ConfigurationError(
        f"No tracking target '{text}' ({origin})",
        f"{hint.rstrip('.')}{'' if hint.endswith('?') else '.'} "
        f"Or give a folder as ./{text}, or an MLflow URI",
    )


def _absolute_file_uri(uri: str, folder: Path) -> str:
    parts = urlsplit(uri)
    if parts.netloc:  # file://host/path, which MLflow itself refuses or understands
        return uri
    path = expanded(url2pathname(parts.path))
    return (folder / path).resolve().as_uri()


def _absolute_sqlite_uri(uri: str, folder: Path) -> str:
    if not uri.startswith(SQLITE) or uri == SQLITE or uri.startswith(f"{SQLITE}:memory:"):
        raise ConfigurationError(
            f"'{uri}' names no database file", "Write sqlite:///mlflow.db, or an absolute path"
        )
    path = folder / uri[len(SQLITE) :]
    if path.is_dir() or not path.parent.is_dir():
        what = (
            "is a folder" if path.is_dir() else f"is in a folder that does not exist: {path.parent}"
        )
        raise ConfigurationError(
            f"The database {path} {what}", "Name a file in a folder that exists"
        )
    return _sqlite_uri(path)


def _sqlite_uri(path: Path) -> str:
    return f"{SQLITE}{path.resolve().as_posix()}"
