"""``mlproject models promote`` and ``compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlproject.base.console import Reporter
from mlproject.base.errors import GateError
from mlproject.cli.frame import command
from mlproject.cli.models import short
from mlproject.gate.request import CompareRequest, PromoteRequest

if TYPE_CHECKING:
    from mlproject.gate.comparison import Comparison
    from mlproject.gate.verdict import Verdict


@command(workspace=True)
def promote(reporter: Reporter, request: PromoteRequest) -> dict[str, Any]:
    """Move an alias of NAME to a version, if it is better than the champion on the same rows.

    Exit code 6 and an unchanged alias when the gate says no.

    \b
    Examples:
      mlproject models promote diabetes
      mlproject models promote diabetes --version 7 --to champion --slice-by sex --floor 60
    """
    from mlproject import api

    options = {name: value for name, value in vars(request).items() if name != "rules"}
    try:
        decision = api.promote(**options, **request.rules, progress=not reporter.quiet)
    except GateError as error:
        if error.result is not None:
            _print_checks(reporter, f"{request.name}: not promoted", error.result)
        raise
    names = f"'{decision.alias}' of '{decision.name}' names version {decision.after}"
    if decision.verdict is None:
        reporter.emit(f"{names} already")
    else:
        was = f"it was {decision.before}" if decision.before is not None else "the first"
        title = f"{names} now ({was}); recorded in run {decision.record}"
        _print_checks(reporter, title, decision.verdict)
    return decision.as_dict()


@command(workspace=True)
def compare(reporter: Reporter, request: CompareRequest) -> dict[str, Any]:
    """Compare two versions of NAME on the rows that the second was not trained on."""
    from mlproject.gate import entry

    first, second, comparison = entry.compare(request, reporter)
    _print(reporter, request.name, (first, second), comparison)
    assert comparison.interval is not None  # noqa: S101 - two versions were compared
    return {
        "name": request.name,
        "versions": [first.number, second.number],
        "interval": comparison.interval.as_dict(),
        "slices": [part.as_dict() for part in comparison.slices],
        "signature": list(comparison.signature_problems),
        "seconds_a_row": comparison.seconds_a_row,
        "bytes": list(comparison.bytes),
        "metrics": [first.metrics, second.metrics],
        "rows": comparison.rows,
    }


def _print_checks(reporter: Reporter, title: str, verdict: Verdict) -> None:
    rows = [
        (check.name, "passed" if check.passed else "FAILED", check.what) for check in verdict.checks
    ]
    reporter.table(title, ("", "", ""), rows)


def _print(reporter: Reporter, name: str, pair: tuple[Any, Any], comparison: Comparison) -> None:
    first, second = pair
    names = list(dict.fromkeys([*first.metrics, *second.metrics]))
    rows = [(f"{key}, recorded", *(short(item.metrics.get(key)) for item in pair)) for key in names]
    interval = comparison.interval
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
        ("size", *(f"{size / 1024:,.1f} kB" for size in comparison.bytes)),
    ]
    if comparison.seconds_a_row is not None:
        rows.append(
            (
                "prediction a row",
                *(f"{seconds * 1e6:.3g} µs" for seconds in comparison.seconds_a_row),
            )
        )
    rows.append(("signature", "", "; ".join(comparison.signature_problems) or "compatible"))
    rows += [
        (
            f"{part.column} = {part.value} ({part.rows} rows)",
            f"{part.champion:.6g}",
            f"{part.challenger:.6g}{' WORSE' if part.worse else ''}",
        )
        for part in comparison.slices
    ]
    title = f"{name}: {comparison.rows}"
    reporter.table(title, ("", f"version {first.number}", f"version {second.number}"), rows)
