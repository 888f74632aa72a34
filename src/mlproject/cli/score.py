"""``mlproject score``, also ``python -m inference``."""

from __future__ import annotations

from typing import NoReturn

import click

from mlproject import __version__
from mlproject.cli.frame import command
from mlproject.console import Reporter
from mlproject.errors import ConfigurationError


@click.command(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "ignore_unknown_options": True,
        "allow_extra_args": True,
    }
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@command
def score(reporter: Reporter, arguments: tuple[str, ...]) -> NoReturn:
    """Score a file with a trained model. Not part of this version."""
    raise ConfigurationError(
        f"Version {__version__} trains but does not score yet",
        "Load a trained model with mlflow.sklearn.load_model('runs:/RUN_ID/best_estimator')",
    )
