"""The manifest beside an output: what scored what, with hashes. It has no times, and no secrets."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inference.job import Job
from inference.tally import Tally
from mlproject.base.version import __version__
from mlproject.data.source import combined
from mlproject.data.table import recorded
from mlproject.models.loaded import LoadedModel

_PACKAGES = ("mlflow", "scikit-learn", "numpy", "pandas", "pyarrow", "skops")


def path_of(output: Path) -> Path:
    return output.with_name(f"{output.name}.manifest.json")


def of(job: Job, tally: Tally) -> dict[str, Any]:
    paths, rejects = job.paths, job.paths.rejects
    return job.settings | {
        "manifest_version": 1,
        "rows_in": tally.rows_in,
        "rows_out": tally.rows_out,
        "rows_rejected": tally.rows_rejected,
        "most_rejected": tally.most_rejected,
        "model": _model(job.model),
        "input": source(job),
        "output": {
            "path": paths.output.name,
            "format": paths.format,
            "sha256": tally.output_sha256,
            "columns": tally.columns,
        },
        "rejects": {"path": rejects.name, "sha256": tally.rejects_sha256} if rejects else None,
        "versions": versions(),
    }


def source(job: Job) -> dict[str, Any]:
    """Return the part on the input, once it is hashed."""
    names, digests = [item.name for item in job.files], job.digests.result()
    listed = [{"name": n, "sha256": d} for n, d in zip(names, digests, strict=True)]
    text = recorded(str(job.request.input))
    return {"source": text, "sha256": combined(names, digests), "files": listed}


def versions() -> dict[str, str]:
    packages = {name: version(name) for name in _PACKAGES}
    return {"mlproject": __version__, "python": platform.python_version()} | packages


def read(output: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path_of(output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _model(model: LoadedModel) -> dict[str, Any]:
    return {
        "uri": model.uri,
        "run_id": model.run_id,
        "model_id": model.model_id,
        "version": model.version,
        "sha256": model.sha256,
        "format": model.format,
        "signature": {name: _parsed(text) for name, text in model.signature.items()},
    }


def _parsed(text: Any) -> Any:
    """Return what MLmodel keeps as text of JSON."""
    with suppress(TypeError, ValueError):
        return json.loads(text)
    return text
