"""The group ``mlproject`` and its commands."""

from __future__ import annotations

import json
import os
import sys

import click

from mlproject.base import environ
from mlproject.base.errors import EXIT_DONE, EXIT_INTERRUPTED, one_line
from mlproject.base.version import __version__
from mlproject.cli.frame import (
    CONTEXT,
    INTERRUPTED,
    LazyGroup,
    collect_garbage_rarely,
    failure,
    interruptions,
    leave,
    open_standard_streams,
)

COMMANDS = {
    "train": ("mlproject.cli.train:train", "Train a recipe: a tracked search and its best model."),
    "score": (
        "mlproject.cli.score:score",
        "Score a file with a trained model; every row is accounted for.",
    ),
    "serve": ("mlproject.cli.serve:serve", "Serve a model over HTTP."),
    "models": (
        "mlproject.cli.models:models",
        "Register models, promote them through a gate, and roll back.",
    ),
    "data": ("mlproject.cli.data:data", "Register, find and download data of a workspace."),
    "recipes": ("mlproject.cli.recipes:recipes", "List, show and check recipes."),
    "submit": ("mlproject.cli.submit:submit", "Run a command as a job on a cluster of Azure ML."),
    "deploy": ("mlproject.cli.deploy:deploy", "Deploy a model to an endpoint of Azure ML."),
    "jobs": ("mlproject.cli.jobs:jobs", "List, show, follow and cancel jobs."),
    "runs": ("mlproject.cli.runs:runs", "List, show and compare runs."),
    "ui": ("mlproject.cli.ui:ui", "Open MLflow's own pages, or those of the Studio, at a run."),
    "env": ("mlproject.cli.env:env", "Keep the environment here the same as that of jobs."),
    "emulator": ("mlproject.cli.emulator:emulator", "Stand in for an Azure ML workspace."),
    "tracking": ("mlproject.cli.tracking:tracking", "Show and choose where runs are recorded."),
    "allow": ("mlproject.cli.allow:allow", "Allow what the settings of this project ask for."),
}

# The packages whose ``python -m`` stands for one command.
MODULES = {"train": "training", "score": "inference"}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="mlproject")
def cli() -> None:
    """Track, register and batch-score scikit-learn models with MLflow.

    Exit codes: 0 done, 1 unexpected, 2 usage or configuration, 3 data, 4 tracking server or
    registry, 5 model, 6 the gate or --max-drift said no, 130 interrupted.
    """


def main(command: str | None = None) -> None:
    """Run the command line, and end the process with its exit code.

    ``command`` is the one that ``python -m training`` or ``python -m inference`` stands for.
    """
    open_standard_streams()
    collect_garbage_rarely()
    interruptions.install()
    os.environ.setdefault(environ.OPENMP_WAITS, "passive")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not know every letter
            stream.reconfigure(errors="replace")
    name = "mlproject"
    target: click.Command = cli
    if command is not None:
        name = f"python -m {MODULES[command]}"
        found = cli.get_command(click.Context(cli), command)
        assert found is not None  # noqa: S101 - both commands stand in COMMANDS
        target = found
    try:
        code = target.main(prog_name=name, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        leave(EXIT_INTERRUPTED, INTERRUPTED)
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else name
        text = one_line(error.format_message())
        message = f"{text}{'' if text.endswith('?') else '.'} See '{path} --help'"
        if "--json" in sys.argv:
            click.echo(json.dumps(failure(error, error.exit_code, message)))
        leave(error.exit_code, message)
    interruptions.ending(told=True)
    sys.exit(code if isinstance(code, int) else EXIT_DONE)
