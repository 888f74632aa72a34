"""The project's saved choices: ``.mlproject.yaml``, in this folder or the nearest one above it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mlproject.errors import ConfigurationError, reason
from mlproject.names import did_you_mean

FILE_NAME = ".mlproject.yaml"
_KNOWN = {"tracking"}
_TEMPLATE = """\
# Choices of this project. Written by `mlproject tracking use TARGET`; may be edited.
#
# tracking: where runs are recorded. `local` (the FileStore in ./mlruns), `azureml`
# (the workspace of the nearest config.json), or any MLflow URI.
tracking: {tracking}
"""


def find(start: Path | None = None) -> Path | None:
    """Return the settings file of the nearest folder, from ``start`` (or here) upwards."""
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    return None


def read_tracking(path: Path) -> str | None:
    """Return the saved tracking target, or None when the file names none.

    Raises
    ------
    ConfigurationError
        When the file is not what it should be.
    """
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
    return target or None


def write_tracking(target: str, start: Path | None = None) -> Path:
    """Save the tracking target, in one step, in the file that is there or in a new one here."""
    import yaml

    path = find(start) or (start or Path.cwd()) / FILE_NAME
    quoted = yaml.safe_dump(target, default_flow_style=True).partition("\n")[0]
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=FILE_NAME)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(_TEMPLATE.format(tracking=quoted))
    Path(temporary).replace(path)
    return path
