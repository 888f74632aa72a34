"""Which workspace: the nearest config.json, or the environment of a running Azure ML job."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlproject.azure.connection.uris import SCHEME, SERVICE_SCHEME
from mlproject.base import environ
from mlproject.base.errors import TrackingError, reason

FILE_NAME = "config.json"
# Where azureml-core's Workspace.from_config looks, in each folder from here upwards.
_FOLDERS = ("", ".azureml", "aml_config")
_KEYS = ("subscription_id", "resource_group", "workspace_name")


@dataclass(frozen=True)
class Names:
    """What config.json, at ``path``, says: the names of a workspace."""

    subscription: str
    group: str
    name: str
    path: Path


def in_job() -> bool:
    return environ.get(environ.AZUREML_RUN_ID) is not None


def job_uri() -> str | None:
    """Return the tracking URI of the job that this process is part of; None outside of jobs."""
    uri = environ.get(environ.TRACKING_URI)
    if not in_job() or uri is None or not uri.startswith((f"{SERVICE_SCHEME}:", f"{SCHEME}:")):
        return None
    return f"{SCHEME}:{uri.partition(':')[2]}"


def find(folder: Path) -> Names:
    """Return the workspace of the nearest config.json, as azureml-core looks for it.

    ``MLPROJECT_WORKSPACE`` names the file, or a folder to look in, instead.
    """
    chosen = environ.get(environ.WORKSPACE)
    if chosen is None:
        here = folder.resolve()
        path = next((path for one in (here, *here.parents) if (path := _in(one))), None)
        if path is None:
            raise TrackingError(
                f"No {FILE_NAME} of an Azure ML workspace in {folder} or above it",
                "Download it from the workspace's page in the Azure portal, or give "
                "--workspace PATH",
            )
        return _read(path)
    path = Path(chosen).expanduser()
    if path.is_dir():
        inside = _in(path)
        if inside is None:
            raise TrackingError(f"No {FILE_NAME} in the folder {path}", "Give --workspace PATH")
        path = inside
    return _read(path)


def _in(folder: Path) -> Path | None:
    """Return a folder's config.json; one of another program is none."""
    for name in _FOLDERS:
        path = folder / name / FILE_NAME
        if path.is_file() and (name or _is_of_workspace(path)):
            return path
    return None


def _is_of_workspace(path: Path) -> bool:
    """Whether a plain config.json, a name that many programs use, can be meant for Azure ML."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True  # a broken one is told, not passed over
    return isinstance(content, dict) and any(key in content for key in _KEYS)


def _read(path: Path) -> Names:
    if not path.exists():
        raise TrackingError(
            f"There is no file {path}", f"Give --workspace PATH, or unset {environ.WORKSPACE}"
        )
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise TrackingError(
            f"{path} cannot be read: {reason(error)}",
            "Download it again from the workspace's page in the Azure portal",
        ) from error
    # The portal once wrote the whole resource id under the key "Scope".
    if isinstance(content, dict) and isinstance(content.get("Scope"), str):
        parts = content["Scope"].strip("/").split("/")
        if len(parts) == 8:
            content = dict(zip(_KEYS, (parts[1], parts[3], parts[7]), strict=True))
    named = content if isinstance(content, dict) else {}
    missing = [key for key in _KEYS if not (named.get(key) and isinstance(named[key], str))]
    if missing:
        raise TrackingError(
            f"{path} does not name a workspace: it lacks {', '.join(missing)}",
            f"It should hold the texts {', '.join(_KEYS)}",
        )
    subscription, group, name = (named[key].strip() for key in _KEYS)
    return Names(subscription, group, name, path)


def use(path: str | None, *, interactive: bool = False) -> None:
    """Have this process, and those it starts, take a workspace's file and ask the user to sign in.

    None leaves the choice as it is; ``interactive`` allows a browser or a device code.
    """
    if path:
        os.environ[environ.WORKSPACE] = str(Path(path).expanduser().absolute())
    if interactive:
        os.environ[environ.INTERACTIVE] = "true"
