"""``mlproject models promote`` and ``compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlproject.base.console import Reporter
from mlproject.base.counting import counted
from mlproject.base.errors import GateError
from mlproject.cli.frame import command
from mlproject.gate.request import CompareRequest, PromoteRequest

if TYPE_CHECKING:
    from mlproject.gate.comparison import Comparison
    from mlproject.gate.conclusion import Conclusion
    from mlproject.gate.seen import Seen
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

    parts = ("rules", "rows")
    options = {name: value for name, value in vars(request).items() if name not in parts}
    options |= vars(request.rows)
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
        if decision.record is None:
            title = f"{decision.name}: version {decision.after} passes; nothing was moved"
        _print_checks(reporter, title, decision.verdict)
    return decision.as_dict()


@command(workspace=True)
def compare(reporter: Reporter, request: CompareRequest) -> dict[str, Any]:
    """Compare two models on the same rows, which neither was trained on.

    Says which is better by the rules of a promotion, or that the rows cannot tell. Nothing is
    recorded.

    \b
    Examples:
      mlproject models compare diabetes --versions 1,2
      mlproject models compare models:/diabetes@champion runs:/ID --data new.csv
      mlproject models compare --predictions old.parquet,new.parquet --labels labels.csv --key id
    """
    from mlproject.gate import entry
    from mlproject.gate.conclusion import concluded

    models, comparison = entry.compare(request, reporter)
    conclusion = concluded(models, comparison)
    _print(reporter, models, comparison, conclusion)
    return {
        "models": list(models),
        "conclusion": conclusion.as_dict(),
        "signature": list(comparison.signature_problems),
        "bytes": list(comparison.bytes),
        **comparison.as_dict(),
    }


def _print_checks(reporter: Reporter, title: str, verdict: Verdict) -> None:
    rows = [
        (check.name, check.status if check.passed else "FAILED", check.what)
        for check in verdict.checks
    ]
    reporter.table(title, ("", "", ""), rows)


def _print(
    reporter: Reporter, models: tuple[str, str], comparison: Comparison, conclusion: Conclusion
) -> None:
    interval = comparison.interval
    assert interval is not None  # noqa: S101 - two models were compared
    rows: list[tuple[str, ...]] = [
        (interval.metric, f"{interval.champion:.6g}", f"{interval.challenger:.6g}"),
        (
            f"improvement, {100 * interval.confidence:g} % interval",
            "",
            f"{interval.improvement:.4g} ({interval.low:.4g} to {interval.high:.4g})",
        ),
        ("drawn", "", comparison.size.of_units if comparison.size is not None else ""),
    ]
    if comparison.seen:
        rows.append(("rows trained on", *(_count(item) for item in reversed(comparison.seen))))
    if comparison.bytes:
        rows.append(("size", *(f"{size / 1024:,.1f} kB" for size in comparison.bytes)))
    if comparison.seconds_a_row is not None:
        rows.append(
            (
                "prediction per row",
                *(f"{seconds * 1e6:.3g} µs" for seconds in comparison.seconds_a_row),
            )
        )
    if comparison.bytes:  # the models were asked, and not only what they have answered
        rows.append(("signature", "", "; ".join(comparison.signature_problems) or "compatible"))
    rows += [
        (
            f"{part.column} = {part.value} ({counted(part.rows, 'row')})",
            f"{part.champion:.6g}",
            f"{part.challenger:.6g}{' WORSE' if part.worse else ''}",
        )
        for part in comparison.slices
    ]
    reporter.table(comparison.rows, ("", *models), rows)
    reporter.emit(f"{conclusion.sentence}.")
    for check in conclusion.against:
        reporter.emit(f"A promotion would say no: {check.what} ({check.name}).")


def _count(seen: Seen) -> str:
    return "not known" if seen.rows is None else str(seen.rows)
