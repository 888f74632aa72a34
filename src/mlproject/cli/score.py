"""``mlproject score``, also ``python -m inference``."""

from __future__ import annotations

import dataclasses
from typing import Any

from inference.outputs import output_paths
from inference.request import ScoreRequest, ScoreResult, blamed, drifted
from mlproject.base.console import Reporter
from mlproject.base.errors import DataError, GateError
from mlproject.cli.frame import command


@command(workspace=True)
def score(reporter: Reporter, request: ScoreRequest) -> dict[str, Any]:
    """Score a file with a trained model. Every row is in the output or among the rejects.

    \b
    Examples:
      python -m inference --run-id ID --input new.csv --output scored.parquet
      python -m inference --model models:/prices@champion --input 'lake/*.parquet' --output s.csv
    """
    output_paths(request)  # before anything heavy is imported
    from mlproject import api

    options = {name: value for name, value in vars(request).items() if name != "run_id"}
    options["model"] = request.model or f"runs:/{request.run_id}"
    try:
        result = api.score(**options, progress=not reporter.quiet)
    except (DataError, GateError) as error:
        if error.result is not None:
            summarise(error.result, reporter)
        raise
    summarise(result, reporter)
    return dataclasses.asdict(result)


def summarise(result: ScoreResult, reporter: Reporter) -> None:
    version = ""
    if result.model_version and result.model_uri.startswith("models:/"):
        version = f" (version {result.model_version})"
    most = ""
    if result.most_rejected is not None:
        most = f" ({result.most_rejected['rows']:,} for {blamed(result.most_rejected)})"
    rows = [
        ("model", result.model_uri + version),
        ("rows in", f"{result.rows_in:,}"),
        ("rows out", f"{result.rows_out:,}"),
        ("rows rejected", f"{result.rows_rejected:,}{most}"),
        ("output", result.output),
        ("manifest", result.manifest),
    ]
    if result.rejects:
        rows.insert(5, ("rejects", result.rejects))
    if result.rows_resumed:
        rows.insert(4, ("rows scored before", f"{result.rows_resumed:,}"))
    if result.drift is not None:
        rows.append(("drift", drifted(result.drift, result.drift["differing"])))
    if result.scoring_run_id:
        rows.append(("recorded as", result.scoring_run_id))
    if result.rows_in and result.rows_resumed == result.rows_in and not result.rows_per_second:
        reporter.table("Scored before", ("", ""), rows)
        return
    speed = f"scoring at {result.rows_per_second:,.0f} rows/s"
    memory = f", peak memory {result.peak_rss_mb:,.0f} MB" if result.peak_rss_mb is not None else ""
    reporter.table(f"Done in {result.seconds:.1f} s, {speed}{memory}", ("", ""), rows)
