"""``mlproject tracking``: show, use, env."""

from __future__ import annotations

import shlex
from typing import Any

import click

from mlproject.base import environ
from mlproject.base.console import Reporter
from mlproject.base.redaction import redacted
from mlproject.cli.frame import LazyGroup, command
from mlproject.cli.workspace import in_workspace

_HERE = "mlproject.cli.tracking"
EXPORTS = {
    "sh": lambda name, value: f"export {name}={shlex.quote(value)}",
    "fish": lambda name, value: f"set -gx {name} {shlex.quote(value)}",
    "powershell": lambda name, value: "$env:{} = '{}'".format(name, value.replace("'", "''")),
    "cmd": lambda name, value: f'set "{name}={value}"',
}


@click.group(
    cls=LazyGroup,
    lazy={
        "show": (f"{_HERE}:show", "Show where runs are recorded, and why there."),
        "use": (f"{_HERE}:use", "Save where this project records."),
        "env": (f"{_HERE}:env", "Print shell exports, for mlflow run, mlflow ui and notebooks."),
    },
)
def tracking() -> None:
    """Show and choose where runs are recorded.

    The target is taken from the first of: --tracking; MLFLOW_TRACKING_URI; the choice saved by
    'tracking use'; a store in this folder (./mlruns, then ./mlflow.db); local.
    """


@click.command()
@click.option("--tracking", "option", metavar="TARGET", help="Ask as if this were given.")
@command
@in_workspace
def show(reporter: Reporter, option: str | None) -> dict[str, Any]:
    """Show where runs are recorded, and why there."""
    from mlproject.tracking.target import resolve

    target = resolve(option)
    reporter.say(f"{target.described} (from {target.origin})")
    return {"uri": target.printable, "target": target.name, "origin": target.origin}


@click.command()
@click.argument("target")
@command
@in_workspace
def use(reporter: Reporter, target: str) -> dict[str, Any]:
    """Save TARGET (local, azureml, or any MLflow URI) as this project's choice."""
    from mlproject.base import settings
    from mlproject.tracking.target import check_storable, from_text, origin_folder

    check_storable(target)
    resolved = from_text(target, "TARGET", origin_folder())
    path = settings.write_tracking(target)
    reporter.say(f"Saved in {path}: {target} ({resolved.described})")
    given = environ.get(environ.TRACKING_URI)
    if given and redacted(given) != resolved.printable:
        reporter.warn(
            f"{environ.TRACKING_URI} is set in this shell, and wins: unset it, or "
            f'eval "$(mlproject tracking env {target})"'
        )
    return {"uri": resolved.printable, "target": target, "path": str(path)}


@click.command()
@click.argument("target", required=False)
@click.option(
    "--shell",
    type=click.Choice(sorted(EXPORTS)),
    default="sh",
    show_default=True,
    help="The shell that reads the lines.",
)
@command
@in_workspace
def env(reporter: Reporter, target: str | None, shell: str) -> dict[str, Any]:
    """Print shell exports for TARGET, or for the target that is in force here.

    \b
    Example:
      eval "$(mlproject tracking env)" && mlflow ui
    """
    from mlproject.tracking.target import resolve

    variables = resolve(target).environment
    lines = [EXPORTS[shell](name, value) for name, value in variables.items()]
    reporter.emit("\n".join(lines) + "\n")
    return {"environment": variables}
