"""The manifest beside an output: what scored what, with hashes. It has no times, and no secrets."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from inference import drift
from inference.job import Job
from inference.outputs import OutputPaths
from inference.tally import Tally, Written
from mlproject.base.version import __version__
from mlproject.data.source import combined
from mlproject.data.table import recorded
from mlproject.models.loaded import LoadedModel

_PACKAGES = ("mlflow", "scikit-learn", "numpy", "pandas", "pyarrow", "skops")


def of(
    job: Job, tally: Tally, output: Mapping[str, Any], rejects: Mapping[str, Any] | None
) -> dict[str, Any]:
    return job.settings | {
        "manifest_version": 1,
        "rows_in": tally.rows_in,
        "rows_out": tally.rows_out,
        "rows_rejected": tally.rows_rejected,
        "most_rejected": tally.most_rejected,
        "drift": drift.summary(job.profile, tally),
        "model": _model(job.model),
        "input": source(job),
        "output": {"format": job.paths.format, "columns": tally.columns, **output},
        "rejects": rejects,
        "versions": versions(),
    }


def of_parts(path: str, parts: Sequence[Written]) -> dict[str, Any]:
    """Return what the manifest says of parts that stay."""
    digest = combined([part.name for part in parts], [part.sha256 for part in parts])
    return {"path": path, "sha256": digest, "parts": [asdict(part) for part in parts]}


def source(job: Job) -> dict[str, Any]:
    """Return the part on the input, once it is hashed."""
    names, digests = [item.name for item in job.items], job.digests()
    listed = [{"name": n, "sha256": d} for n, d in zip(names, digests, strict=True)]
    text = recorded(str(job.request.input))
    return {"source": text, "sha256": combined(names, digests), "files": listed}


def versions() -> dict[str, str]:
    packages = {name: version(name) for name in _PACKAGES}
    return {"mlproject": __version__, "python": platform.python_version()} | packages


def read(paths: OutputPaths) -> dict[str, Any] | None:
    try:
        content = json.loads(paths.manifest.store.read(paths.manifest.name))
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
