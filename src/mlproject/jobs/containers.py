"""The environment of jobs as a container: on the same image, from the same conda.yaml."""

from __future__ import annotations

import json
from pathlib import Path

from mlproject.azure.resources.environments import IMAGE
from mlproject.base.files import atomic_write
from mlproject.jobs import code

_DOCKERFILE = """\
# The environment of jobs: their base image, and conda.yaml. Written by `mlproject env docker`.
FROM {image}
COPY conda.yaml /tmp/environment/conda.yaml
RUN conda env create --prefix /opt/environment --file /tmp/environment/conda.yaml && \\
    conda clean --all --yes
ENV PATH=/opt/environment/bin:$PATH
WORKDIR /workspace
"""
_DEVCONTAINER = {
    "name": "mlproject",
    "build": {"dockerfile": "../Dockerfile", "context": ".."},
    "workspaceMount": "source=${localWorkspaceFolder},target=/workspace,type=bind",
    "workspaceFolder": "/workspace",
    "customizations": {
        "vscode": {
            "extensions": ["ms-python.python"],
            "settings": {"python.defaultInterpreterPath": "/opt/environment/bin/python"},
        }
    },
}


def write(folder: Path, image: str | None) -> list[Path]:
    """Write both files, and the conda.yaml that they need where there is none."""
    files = {
        "Dockerfile": _DOCKERFILE.format(image=image or IMAGE),
        ".devcontainer/devcontainer.json": json.dumps(_DEVCONTAINER, indent=2) + "\n",
    }
    if not (folder / code.CONDA_FILE).is_file():
        files[code.CONDA_FILE] = code.conda_of(folder)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, text.encode())
    return [folder / name for name in files]
