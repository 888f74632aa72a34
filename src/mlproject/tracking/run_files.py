"""Small files among the artifacts of a run, read as text."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlproject.tracking.failures import as_tracking_error

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class RunFiles:
    """What stands at the root of a run's artifacts.

    Attributes
    ----------
    listed : list of str
        Files and folders.
    texts : dict of str to str
        The contents of those that were asked for and are there.
    """

    listed: list[str]
    texts: dict[str, str]


def read(client: MlflowClient, run_id: str, wanted: Collection[str]) -> RunFiles:
    """Return what is there, and the contents of the files that are wanted."""
    with (
        TemporaryDirectory(prefix="mlproject-") as folder,
        as_tracking_error(f"The artifacts of the run {run_id} cannot be read"),
    ):
        listed = sorted(str(item.path) for item in client.list_artifacts(run_id))
        paths = {
            name: Path(client.download_artifacts(run_id, name, folder))
            for name in wanted
            if name in listed
        }
        texts = {
            name: path.read_text(encoding="utf-8", errors="replace")
            for name, path in paths.items()
            if path.is_file()
        }
    return RunFiles(listed, texts)
