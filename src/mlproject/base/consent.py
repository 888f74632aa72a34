"""What a user has allowed settings files to ask for; kept outside the projects.

A settings file comes with a checkout or lies in a shared folder: whoever wrote it may not be who
runs a command there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mlproject.base.errors import ConfigurationError, reason
from mlproject.base.files import atomic_write
from mlproject.base.redaction import redacted_text

_FILE_NAME = "allowed.json"


def store() -> Path:
    """Return the file in which it is kept: in the user's own folder for settings."""
    from platformdirs import user_config_path

    return user_config_path("mlproject", appauthor=False) / _FILE_NAME


def is_given(path: Path, wish: str) -> bool:
    """Whether the user has allowed a file what it asks for."""
    return wish in _read().get(str(path.resolve()), ())


def give(path: Path, wishes: Iterable[str]) -> None:
    """Allow a file what it asks for, beside what it was allowed before."""
    content, place, key = _read(), store(), str(path.resolve())
    content[key] = sorted({*content.get(key, ()), *wishes})
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(place, json.dumps(content, indent=2).encode())
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be written: {reason(error)}") from error


def check(path: Path, wish: str) -> None:
    """Raise ConfigurationError unless the user has allowed a file what it asks for."""
    if not is_given(path, wish):
        raise ConfigurationError(
            f"{path} says '{redacted_text(wish)}', which you have not allowed",
            "Look at the file, and who wrote it; then run 'mlproject allow' in its folder",
        )


def _read() -> dict[str, list[str]]:
    place = store()
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"{place} cannot be read: {reason(error)}") from error
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ConfigurationError(
            f"{place} is damaged", "Remove it, and run 'mlproject allow' where it is needed"
        )
    return content
