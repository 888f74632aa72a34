"""The manifest beside an output: what scored what, with hashes. It has no times, and no secrets."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlproject import __version__
from mlproject.data.source import SourceFile, combined
from mlproject.data.table import recorded
from mlproject.models.artifact import Artifact
from mlproject.models.finding import Located

_PACKAGES = ("mlflow", "scikit-learn", "numpy", "pandas", "pyarrow", "skops")


def path_of(output: Path) -> Path:
    """Return where an output's manifest stands."""
    return output.with_name(f"{output.name}.manifest.json")


def model(located: Located, artifact: Artifact) -> dict[str, Any]:
    """Return the part on the model."""
    return {
        "uri": located.uri,
        "run_id": located.run_id or artifact.run_id,
        "model_id": located.model_id or artifact.model_id,
        "version": located.version,
        "sha256": artifact.sha256,
        "format": artifact.format,
        "signature": {name: _parsed(text) for name, text in artifact.signature.items()},
    }


def _parsed(text: Any) -> Any:
    """Return what MLmodel keeps as text of JSON."""
    with suppress(TypeError, ValueError):
        return json.loads(text)
    return text


def source(text: str, files: Sequence[SourceFile], digests: Sequence[str]) -> dict[str, Any]:
    """Return the part on the input."""
    names = [item.name for item in files]
    listed = [{"name": n, "sha256": d} for n, d in zip(names, digests, strict=True)]
    return {"source": recorded(text), "sha256": combined(names, digests), "files": listed}


def versions() -> dict[str, str]:
    """Return the versions of what took part."""
    found = {name: version(name) for name in _PACKAGES}
    return {"mlproject": __version__, "python": platform.python_version()} | found


def read(output: Path) -> dict[str, Any] | None:
    """Return an output's manifest, or None without a readable one."""
    try:
        content = json.loads(path_of(output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def dump(content: Mapping[str, Any]) -> str:
    """Return a manifest's text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
