"""The environment of a deployment, made on this machine: once for each list of requirements."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from platformdirs import user_cache_path

from mlproject.base.errors import ModelError
from mlproject.base.files import locked

_COMPLETE = "complete"
_LAST_LINES = 3


def made(requirements: Sequence[str], python: str) -> Path:
    """Return the interpreter of an environment, which is made where it is not there.

    Raises
    ------
    ModelError
        When it cannot be made; with the last lines of what the installer says.
    """
    digest = hashlib.sha256("\n".join([python, *requirements]).encode()).hexdigest()[:16]
    top = user_cache_path("mlproject") / "environments"
    top.mkdir(parents=True, exist_ok=True)
    folder = top / digest
    place = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    with locked(top / f"{digest}.lock", f"{folder} is being made", "Wait for the other command"):
        if not (folder / _COMPLETE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            for command in _commands(folder, python, folder / place, requirements):
                _run(command)
            (folder / _COMPLETE).touch()
    return folder / place


def _commands(
    folder: Path, python: str, interpreter: Path, requirements: Sequence[str]
) -> list[list[str]]:
    uv = _uv()
    if uv is not None:
        return [
            [*uv, "venv", "--quiet", "--python", python, str(folder)],
            [*uv, "pip", "install", "--quiet", "--python", str(interpreter), *requirements],
        ]
    if python != f"{sys.version_info.major}.{sys.version_info.minor}":
        raise ModelError(
            f"The model needs Python {python}, and this is {sys.version.split()[0]}",
            "Install uv, which brings any Python: pip install uv",
        )
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [[sys.executable, "-m", "venv", str(folder)], [*pip, *requirements]]


def _uv() -> list[str] | None:
    """Return how uv is called: as a package of this interpreter, or as a program."""
    from importlib.util import find_spec

    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    return [found] if found else None


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise ModelError(
            f"The environment of the model cannot be made: {' / '.join(lines[-_LAST_LINES:])}",
            "Fix the model's requirements.txt; or try it here: --preflight here",
        )
