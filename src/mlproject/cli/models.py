"""``mlproject models``: register, promote, rollback, list, show, history, compare."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import click

from mlproject.base.console import Reporter
from mlproject.base.options import Argument, Option, Tracking
from mlproject.cli.frame import LazyGroup, command

if TYPE_CHECKING:
    from mlproject.registry.versions import Version
    from mlproject.tracking.session import Session

_HERE = "mlproject.cli.models"
_GATE = "mlproject.cli.gate"
_Name = Annotated[str, Argument("Name of the registered model.")]


@click.group(
    cls=LazyGroup,
    lazy={
        "register": (f"{_HERE}:register", "Register the best model of a run."),
        "promote": (f"{_GATE}:promote", "Move an alias to a version that passes the gate."),
        "rollback": (f"{_HERE}:rollback", "Move an alias back to where it was before."),
        "list": (f"{_HERE}:list_models", "List the registered models."),
        "show": (f"{_HERE}:show", "Show the versions of a registered model."),
        "history": (f"{_HERE}:history", "Show the history of its aliases."),
        "compare": (f"{_GATE}:compare", "Compare two versions on the same rows."),
    },
)
def models() -> None:
    """Register models, promote them through a gate, and roll back."""


@contextmanager
def connected(tracking: str | None) -> Iterator[Session]:
    from mlproject.tracking import session
    from mlproject.tracking.target import resolve

    with session.opened(resolve(tracking)) as opened:
        yield opened


@command(workspace=True)
def register(
    reporter: Reporter,
    run_id: Annotated[str, Option("Run whose best model is registered.", metavar="ID")],
    name: Annotated[str, Option("Name of the registered model.", metavar="NAME")],
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Register the best model of a run; a run that is registered already keeps its version."""
    from mlproject.registry import versions

    versions.check_name(name)
    with connected(tracking) as session:
        from mlproject.models import finding

        source = finding.find(f"runs:/{run_id}", session)
        model = source.uri.removeprefix(f"runs:/{run_id}/")
        version = versions.register(session.client, run_id, model, name)
    rows = [("version", str(version.number)), ("uri", version.uri), ("run", run_id)]
    rows += [(key, f"{value:.6g}") for key, value in sorted(version.metrics.items())]
    reporter.table(f"{name}: registered", ("", ""), rows)
    return _shown(version)


@command(workspace=True)
def rollback(
    reporter: Reporter,
    name: _Name,
    alias: Annotated[str, Option("Alias to move back.", metavar="ALIAS")] = "champion",
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Move an alias of NAME back to the version that it named before; this is recorded, too."""
    from mlproject.gate import promotion

    with connected(tracking) as session:
        move = promotion.rollback(session.client, name, alias)
    reporter.emit(
        f"'{move.alias}' of '{name}' names version {move.after} again (it was {move.before}); "
        f"recorded in run {move.record}"
    )
    return move.as_dict()


@command("list", workspace=True)
def list_models(reporter: Reporter, tracking: Tracking = None) -> dict[str, Any]:
    """List the registered models with their aliases."""
    from mlproject.registry import versions

    found: list[dict[str, Any]] = []
    with connected(tracking) as session:
        for model in versions.all_models(session.client):
            known = versions.all_versions(session.client, str(model.name))
            aliases = {alias: item.number for item in known for alias in item.aliases}
            latest = known[-1].number if known else None
            found.append({"name": str(model.name), "latest": latest, "aliases": aliases})
    rows = [
        (
            str(item["name"]),
            str(item["latest"] or "none"),
            ", ".join(f"{alias}: {number}" for alias, number in item["aliases"].items()),
        )
        for item in found
    ]
    reporter.table("Registered models", ("name", "latest version", "aliases"), rows)
    return {"models": found}


@command(workspace=True)
def show(reporter: Reporter, name: _Name, tracking: Tracking = None) -> dict[str, Any]:
    """Show the versions of NAME: aliases, metrics, run and data."""
    from mlproject.registry import versions

    with connected(tracking) as session:
        found = versions.all_versions(session.client, name)
    names = sorted({key for item in found for key in item.metrics})
    rows = [
        (
            str(item.number),
            ", ".join(item.aliases),
            when(item.created),
            item.tags.get("mlproject.recipe", ""),
            *(short(item.metrics.get(key)) for key in names),
            item.run_id or "",
        )
        for item in reversed(found)
    ]
    heads = ("version", "aliases", "registered", "recipe", *names, "run")
    reporter.table(name, heads, rows)
    return {"name": name, "versions": [_shown(item) for item in found]}


@command(workspace=True)
def history(
    reporter: Reporter,
    name: _Name,
    alias: Annotated[str | None, Option("Show this alias only.", metavar="ALIAS")] = None,
    tracking: Tracking = None,
) -> dict[str, Any]:
    """Show every promotion, refusal and rollback of NAME, oldest first."""
    from mlproject.registry import ledger, versions

    with connected(tracking) as session:
        versions.all_versions(session.client, name)  # a name that is not there is told
        found = ledger.entries(session.client, name, alias)
    rows = [
        (
            when(item.when),
            item.action if item.done or item.action == ledger.REFUSED else f"{item.action} failed",
            item.alias,
            str(item.before or ""),
            str(item.after or ""),
            item.who or "",
            (item.commit or "")[:10],
            item.why or (f"override: {item.override}" if item.override else ""),
            item.run_id,
        )
        for item in found
    ]
    heads = ("when", "what", "alias", "from", "to", "who", "commit", "why", "run")
    reporter.table(f"{name}: history", heads, rows)
    return {"name": name, "history": [dataclasses.asdict(item) for item in found]}


def when(millis: int) -> str:
    """Return a time as a person reads it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis / 1000))


def _shown(version: Version) -> dict[str, Any]:
    return {
        "name": version.name,
        "version": str(version.number),
        "uri": version.uri,
        "run_id": version.run_id,
        "aliases": list(version.aliases),
        "metrics": dict(sorted(version.metrics.items())),
        "tags": version.tags,
    }


def short(value: float | None) -> str:
    return f"{value:.6g}" if value is not None else ""
