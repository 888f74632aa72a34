"""``mlproject env``: check, docker."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import LazyGroup, command

_HERE = "mlproject.cli.env"


@click.group(
    cls=LazyGroup,
    lazy={
        "check": (f"{_HERE}:check", "Compare this environment with the lock, a model, a run."),
        "docker": (f"{_HERE}:docker", "Write a Dockerfile of the environment that jobs have."),
    },
)
def env() -> None:
    """Keep the environment here the same as there."""


@command(workspace=True)
def check(
    reporter: Reporter,
    run_id: Annotated[
        str | None, Option("Run whose record and model are compared too.", metavar="ID")
    ] = None,
    model: Annotated[
        str | None, Option("Model whose requirements are compared too.", metavar="URI")
    ] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Compare this interpreter with conda.yaml, a model's requirements and a run's record.

    Ends with exit code 2 where a package is missing here, or of another version.
    """
    from mlproject.api import environment

    found = environment.check_environment(run_id=run_id, model=model, tracking=tracking)
    rows = [(item.package, item.here or "", item.expected, item.of) for item in found.differences]
    if rows:
        reporter.table("Differences", ("package", "here", "expected", "by the"), rows)
    error = found.error
    if error is not None:
        raise error
    counts = ", ".join(
        f"the {of} ({counted(count, 'package')})" for of, count in found.compared.items()
    )
    reporter.emit(f"This environment matches {counts}")
    return asdict(found)


@command()
def docker(
    reporter: Reporter,
    folder: Annotated[str, Argument("Folder to write to; by default this one.")] = ".",
    image: Annotated[
        str | None, Option("Base image.", metavar="IMAGE", unset="that of jobs")
    ] = None,
) -> dict[str, Any]:
    """Write a Dockerfile and a devcontainer.json that make the environment that jobs have."""
    from mlproject.api import environment

    paths = [str(path) for path in environment.write_container(folder, image=image)]
    for path in paths:
        reporter.emit(f"Written: {path}")
    return {"paths": paths}
