"""``mlproject tracking``: show, use, env."""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal

import click

from mlproject.base import environ
from mlproject.base.console import Reporter
from mlproject.base.options import Argument, Option, Tracking
from mlproject.base.redaction import redacted
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.tracking"
_TARGET = Argument("Where runs and models are kept: local, azureml, or any MLflow URI.")
Shell = Annotated[
    Literal["sh", "fish", "powershell", "cmd"], Option("Shell that the lines are for.")
]
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
        "use": (f"{_HERE}:use", "Save where this project records runs."),
        "env": (f"{_HERE}:env", "Print shell exports, for mlflow run, mlflow ui and notebooks."),
    },
)
def tracking() -> None:
    """Show and choose where runs are recorded.

    The target is taken from the first of: --tracking; MLFLOW_TRACKING_URI; the choice saved by
    'tracking use'; a store in this folder (./mlruns, then ./mlflow.db); local.
    """


@command(workspace=True)
def show(reporter: Reporter, tracking: Tracking = None) -> dict[str, Any]:
    """Show where runs are recorded, and why there."""
    from mlproject.tracking.target import resolve

    target = resolve(tracking)
    reporter.emit(f"{target.described} (from {target.origin})")
    return {"uri": target.printable, "target": target.name, "origin": target.origin}


@command(workspace=True)
def use(reporter: Reporter, target: Annotated[str, _TARGET]) -> dict[str, Any]:
    """Save TARGET (local, azureml, or any MLflow URI) as this project's choice, if it answers."""
    from mlproject.tracking import choice

    with reporter.step(f"Checking {redacted(target)}"):
        saved = choice.save(target)
    described = f" ({saved.target.described})" if saved.target is not None else ""
    reporter.emit(f"Saved in {saved.path}: {target}{described}")
    if saved.notice is not None:
        reporter.warn(f"It cannot be used yet. {saved.notice}")
    uri = saved.target.printable if saved.target is not None else None
    given = environ.get(environ.TRACKING_URI)
    if given and redacted(given) != uri:
        reporter.warn(
            f"{environ.TRACKING_URI} is set in this shell, and wins: unset it, or "
            f'eval "$(mlproject tracking env {target})"'
        )
    return {"uri": uri, "target": target, "path": str(saved.path)}


@command(workspace=True)
def env(
    reporter: Reporter, target: Annotated[str | None, _TARGET] = None, shell: Shell = "sh"
) -> dict[str, Any]:
    """Print shell exports for TARGET, or for the target that is in force here.

    \b
    Example:
      eval "$(mlproject tracking env)" && mlflow ui
    """
    from mlproject.tracking.target import resolve

    variables = resolve(target).environment
    lines = [EXPORTS[shell](name, value) for name, value in variables.items()]
    reporter.emit("\n".join(lines))
    return {"environment": variables}
