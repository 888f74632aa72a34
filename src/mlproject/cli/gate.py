"""``mlproject models promote`` and ``compare``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mlproject.base.console import Reporter
from mlproject.cli.frame import INTEGER, command
from mlproject.cli.models import connected, short, with_tracking
from mlproject.cli.workspace import in_workspace

if TYPE_CHECKING:
    from mlproject.gate.comparison import Comparison

_RULES = (
    "metric",
    "improvement",
    "confidence",
    "resamples",
    "seed",
    "floor",
    "slice_by",
    "slice_tolerance",
    "slice_rows",
    "time_factor",
)


class _Number(click.ParamType[float | None]):
    """A number, or an empty text that counts as not given."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        if value is None or value == "":
            return None
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number", param, ctx)


def with_rules(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the gate's rules as options, and where the rows and the trust come from."""
    number = _Number()
    options = [
        click.option(
            "--data", metavar="SOURCE", help="Rows to compare on; by default the held-out ones."
        ),
        click.option("--metric", metavar="NAME", help="What decides; the recipe's first metric."),
        click.option(
            "--improvement",
            type=number,
            metavar="X",
            help="The lower end of the interval of the improvement must be above this; 0.",
        ),
        click.option("--confidence", type=number, metavar="X", help="Of the interval; 0.95."),
        click.option("--resamples", type=INTEGER, metavar="N", help="Of the bootstrap; 2000."),
        click.option("--seed", type=INTEGER, metavar="N", help="Of the resamples; 0."),
        click.option(
            "--floor",
            type=number,
            metavar="X",
            help="The quality to reach; at most, where less of the metric is better.",
        ),
        click.option(
            "--slice-by",
            metavar="COLUMN[,COLUMN…]",
            help="No loss in any slice by these columns.",
        ),
        click.option(
            "--slice-tolerance",
            type=number,
            metavar="X",
            help="How much worse a slice may be, in the metric's units; 0.",
        ),
        click.option(
            "--slice-rows", type=INTEGER, metavar="N", help="Smaller slices are not judged; 30."
        ),
        click.option(
            "--time-factor",
            type=number,
            metavar="X",
            help="How many times the champion's time a row is allowed; 2.",
        ),
        click.option(
            "--trust",
            multiple=True,
            metavar="pickle|sha256:HEX",
            help="Load pickled models, or one exact model, which can run code. Repeatable.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("name")
@click.option("--version", metavar="N", help="The version to promote; the latest by default.")
@click.option("--to", "alias", metavar="ALIAS", help="The alias to move; champion by default.")
@with_rules
@with_tracking
@command
@in_workspace
def promote(
    reporter: Reporter,
    name: str,
    version: str | None,
    alias: str | None,
    tracking: str | None,
    **options: Any,
) -> dict[str, Any]:
    """Move an alias of NAME to a version, if it is better than the champion on the same rows.

    Exit code 6 and an unchanged alias when the gate says no.

    \b
    Examples:
      mlproject models promote diabetes
      mlproject models promote diabetes --version 7 --to champion --slice-by sex --floor 60
    """
    from mlproject.gate import promotion

    with _gate(reporter, tracking, options) as gate:
        move = promotion.promote(
            gate.session.client, name, version, alias or promotion.CHAMPION, gate.judge
        )
    if move.record is None:
        reporter.say(f"'{move.alias}' of '{name}' names version {move.after} already")
    else:
        was = f"it was {move.before}" if move.before is not None else "the first"
        reporter.say(
            f"'{move.alias}' of '{name}' names version {move.after} now ({was}); "
            f"recorded in run {move.record}"
        )
    return move.as_dict()


@click.command()
@click.argument("name")
@click.option(
    "--versions", "pair", required=True, metavar="N,N", help="Two versions, or @ALIAS for one."
)
@with_rules
@with_tracking
@command
@in_workspace
def compare(
    reporter: Reporter, name: str, pair: str | None, tracking: str | None, **options: Any
) -> dict[str, Any]:
    """Compare two versions of NAME on the rows that the second was not trained on."""
    from mlproject.base.errors import ConfigurationError
    from mlproject.registry import versions

    wanted = [text.strip() for text in (pair or "").split(",") if text.strip()]
    if len(wanted) != 2:
        raise ConfigurationError(f"'{pair}' names no two versions", "Give --versions 6,7")
    with _gate(reporter, tracking, options) as gate:
        first, second = (versions.find(gate.session.client, name, text) for text in wanted)
        found = gate.compare(first, second)
    _print(reporter, name, (first, second), found)
    assert found.interval is not None  # noqa: S101 - two versions were compared
    return {
        "name": name,
        "versions": [first.number, second.number],
        "interval": found.interval.as_dict(),
        "slices": [part.as_dict() for part in found.slices],
        "signature": list(found.signature_problems),
        "seconds_a_row": found.seconds_a_row,
        "bytes": list(found.bytes),
        "metrics": [first.metrics, second.metrics],
        "rows": found.rows,
    }


@contextmanager
def _gate(reporter: Reporter, tracking: str | None, options: dict[str, Any]) -> Iterator[Any]:
    """Yield the gate with what was asked."""
    from mlproject.gate import rules
    from mlproject.models import trust
    from training.rules import Rules

    given = {name: options[name] for name in _RULES}
    columns = given["slice_by"]
    given["slice_by"] = [part.strip() for part in columns.split(",")] if columns else None
    rules.merged(Rules(), given)  # what is out of range is told before anything is read
    policy = trust.in_force(options["trust"])
    with connected(tracking) as session:
        from mlproject.gate.judging import Gate

        yield Gate(session, policy, options["data"], given, reporter)


def _print(reporter: Reporter, name: str, pair: tuple[Any, Any], found: Comparison) -> None:
    first, second = pair
    names = list(dict.fromkeys([*first.metrics, *second.metrics]))
    rows = [(f"{key}, recorded", *(short(item.metrics.get(key)) for item in pair)) for key in names]
    interval = found.interval
    assert interval is not None  # noqa: S101 - two versions were compared
    rows += [
        (
            f"{interval.metric}, on the same rows",
            f"{interval.champion:.6g}",
            f"{interval.challenger:.6g}",
        ),
        (
            f"improvement, {100 * interval.confidence:g} % interval",
            "",
            f"{interval.improvement:.4g} ({interval.low:.4g} to {interval.high:.4g})",
        ),
        ("size", *(f"{size / 1024:,.1f} kB" for size in found.bytes)),
    ]
    if found.seconds_a_row is not None:
        rows.append(
            ("prediction a row", *(f"{seconds * 1e6:.3g} µs" for seconds in found.seconds_a_row))
        )
    rows.append(("signature", "", "; ".join(found.signature_problems) or "compatible"))
    rows += [
        (
            f"{part.column} = {part.value} ({part.rows} rows)",
            f"{part.champion:.6g}",
            f"{part.challenger:.6g}{' WORSE' if part.worse else ''}",
        )
        for part in found.slices
    ]
    title = f"{name}: {found.rows}"
    reporter.table(title, ("", f"version {first.number}", f"version {second.number}"), rows)
