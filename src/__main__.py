"""``python src COMMAND``: the command line from a bare checkout, as MLproject calls it.

Python puts this folder on ``sys.path`` by itself, so an environment that holds the third-party
packages only is enough. MLflow looks for plugins in what is installed, though, and the checkout is
not: it announces its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from typing import Any

from mlproject.base.version import __version__
from mlproject.cli.main import main

FILES = {
    "METADATA": f"Metadata-Version: 2.1\nName: mlproject-azureml\nVersion: {__version__}\n",
    "entry_points.txt": """
[mlflow.tracking_store]
azureml3 = mlproject.azure.plugins:tracking_store

[mlflow.model_registry_store]
azureml3 = mlproject.azure.plugins:registry_store

[mlflow.artifact_repository]
azureml3 = mlproject.azure.plugins:artifacts

[mlflow.project_backend]
azureml3 = mlproject.cli.project_backend:AzureML3Backend
""",
}


class Checkout(Distribution):
    """The project, as it would be installed."""

    def read_text(self, filename: str) -> str | None:
        return FILES.get(filename)

    def locate_file(self, path: Any) -> Any:
        return Path(__file__).parent / path


class Finder(DistributionFinder):
    """Finds the checkout after all that is installed; of two with a name the first one counts."""

    def find_distributions(self, context: Any = None) -> Iterator[Distribution]:
        if context is None or context.name in (None, "mlproject-azureml"):
            yield Checkout()

    def find_spec(self, *_: Any) -> None:
        """Find no modules: those are on ``sys.path``."""


if __name__ == "__main__":
    sys.meta_path.append(Finder())
    main()
