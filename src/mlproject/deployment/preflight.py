"""The work of the container, done on this machine before anything is made in the workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mlproject.base import environ
from mlproject.base.errors import ModelError
from mlproject.deployment import environments
from mlproject.deployment.package import Package

_ASKING = Path(__file__).with_name("asking.py")
_LAST_LINES = 3
_PATIENCE = 300
# What a container does not have of the environment here.
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def answer(package: Package, *, built: bool) -> Any:
    """Return what the score script answers to the input example.

    Raises
    ------
    ModelError
        When it does not, or rejects a row.
    """
    interpreter = sys.executable
    if built:
        interpreter = str(environments.made(package.requirements, package.python))
    with tempfile.TemporaryDirectory(prefix="mlproject-") as scratch:
        folder = Path(scratch)
        script = package.lay_out(folder / "code")
        body = folder / "request.json"
        body.write_bytes(package.body)
        kept = {name: text for name, text in os.environ.items() if name not in _LEFT_OUT}
        told = package.variables | {environ.AZUREML_MODEL_DIR: str(package.folder.absolute())}
        try:
            done = subprocess.run(
                [interpreter, str(_ASKING), str(script), str(body)],
                cwd=folder,
                env=kept | told,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _failed(package, f"it takes longer than {_PATIENCE} s") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise _failed(package, " / ".join(lines[-_LAST_LINES:]))
    result = json.loads(done.stdout.strip().rpartition("\n")[2])
    return checked(package.model.uri, result["status"], result["content"], "here")


def checked(name: str, status: int, content: Any, where: str) -> Any:
    """Return predictions; ModelError for an answer that is none."""
    if status == 200 and isinstance(content, list):
        return content
    said = content.get("message") if isinstance(content, dict) else None
    rejects = content.get("rejects") if isinstance(content, dict) else None
    if said is None and rejects:
        first = rejects[0]
        column = f", column '{first['column']}'" if first["column"] is not None else ""
        said = f"row {first['row']}{column}: {first['reason']}"
    raise ModelError(
        f"The model {name} does not score its own input example {where} ({status}): "
        f"{said or content}"
    )


def _failed(package: Package, why: str) -> ModelError:
    return ModelError(
        f"The model {package.model.uri} does not answer in its own environment: {why}",
        "Nothing was made in the workspace. Fix the model's requirements, and log it again",
    )
