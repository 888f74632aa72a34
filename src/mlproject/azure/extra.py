"""The extra ``azureml``: Microsoft's packages, which the plugins extend."""

from __future__ import annotations

from importlib.util import find_spec

HINT = "Install the extra 'azureml': pip install -e '.[azureml]' in the checkout"


def installed() -> bool:
    """Return whether Microsoft's packages are there."""
    return all(
        find_spec(name) is not None for name in ("azureml", "azureml.mlflow", "azureml.core")
    )
