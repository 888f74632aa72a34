"""The project's saved choices: ``.mlproject.yaml``, in this folder or one above in the project."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.files import atomic_write
from mlproject.base.suggestions import did_you_mean

FILE_NAME = ".mlproject.yaml"
_KNOWN = {"tracking", "trust", "jobs"}
# Of jobs, what could send their code or token elsewhere, or run code where they run.
_GUARDED = ("environment", "image", "env", "identity")
_TEMPLATE = """\
# Choices of this project. Written by `mlproject tracking use TARGET`; may be edited.
#
# tracking: where runs are recorded. `local` (the FileStore in ./mlruns), `azureml`
# (the workspace of the nearest config.json), or any MLflow URI.
# trust: which models may run code when they are loaded for scoring. `pickle` (every pickled
# model), or `sha256:…` for one exact model.
# jobs: what `mlproject submit` is asked where its options are left out: compute, environment,
# image, env (a mapping of environment variables), instance_count, instance_type, identity, timeout.
"""


@dataclass(frozen=True)
class Settings:
    """What a settings file says; each may be left out."""

    tracking: str | None = None
    trust: tuple[str, ...] = ()
    jobs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wishes(self) -> list[str]:
        """What it says, line by line, as consent is given to it."""
        tracking = [wish_of("tracking", self.tracking)] if self.tracking else []
        trust = (wish_of("trust", value) for value in self.trust)
        return [*tracking, *trust, *self.wishes_of_jobs(_GUARDED)]

    def wishes_of_jobs(self, lacking: Iterable[str]) -> list[str]:
        """Return what needs consent of the options of jobs that are lacking elsewhere."""
        return [
            wish_of(f"jobs.{name}", json.dumps(self.jobs[name], sort_keys=True, default=str))
            for name in _GUARDED
            if name in lacking and self.jobs.get(name)
        ]


def wish_of(key: str, value: str) -> str:
    return f"{key}: {value}"


def find(start: Path | None = None) -> Path | None:
    """Return the settings file of the nearest folder of the project, from ``start`` upwards.

    Raises
    ------
    ConfigurationError
        When others than the user can write it: what it says may be theirs.
    """
    for folder in _project((start or Path.cwd()).resolve()):
        path = folder / FILE_NAME
        if path.is_file():
            _check_own(path)
            return path
    return None


def _project(start: Path) -> Iterator[Path]:
    """Yield folders up to the root of the repository, or home; outside both, the folder alone."""
    folders = (start, *start.parents)
    try:
        home = Path.home().resolve()
    except RuntimeError:  # nobody's
        home = None
    for number, folder in enumerate(folders):
        if folder == home or (folder / ".git").exists():
            yield from folders[: number + 1]
            return
    yield start


def _check_own(path: Path) -> None:
    """Refuse a file of another user, or one that everybody may write."""
    if os.name == "nt":
        return
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"{path} belongs to another user, so it is not used",
            "Remove it, or replace it with a copy of your own once you have read it",
        )
    if status.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"{path} can be written by everybody, so it is not used", f"Run chmod o-w {path}"
        )


def read(path: Path) -> Settings:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {reason(error)}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} should hold 'tracking: TARGET'")
    for key in content:
        if key not in _KNOWN:
            hint = did_you_mean(str(key), _KNOWN, noun="keys")
            raise ConfigurationError(f"{path} has no key '{key}'", hint)
    target = content.get("tracking")
    if target is not None and not isinstance(target, str):
        raise ConfigurationError(f"'tracking' in {path} should be a text, not {target!r}")
    jobs = content.get("jobs") or {}
    if not isinstance(jobs, dict):
        raise ConfigurationError(f"'jobs' in {path} should hold 'compute: NAME' or the like")
    return Settings(target or None, _trust(content.get("trust"), path), jobs)


def write_tracking(target: str, start: Path | None = None) -> Path:
    """Save the tracking target, in the file that is there or in a new one here."""
    import yaml

    found = find(start)
    path = found or (start or Path.cwd()) / FILE_NAME
    settings = replace(read(found) if found else Settings(), tracking=target)
    content: dict[str, Any] = {}
    if settings.tracking:
        content["tracking"] = settings.tracking
    if settings.trust:
        content["trust"] = list(settings.trust)
    if settings.jobs:
        content["jobs"] = dict(settings.jobs)
    text = _TEMPLATE + (yaml.safe_dump(content) if content else "")
    atomic_write(path, text.encode())
    return path


def _trust(value: Any, path: Path) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value or []
    if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
        raise ConfigurationError(f"'trust' in {path} should be a list of texts, not {value!r}")
    return tuple(values)
