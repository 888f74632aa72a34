"""``mlproject score``, also ``python -m inference``."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from mlproject.base.console import Reporter
from mlproject.cli.frame import BOOLEAN, INTEGER, OrUnset, check_jobs, command
from mlproject.cli.workspace import in_workspace


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--run-id", metavar="ID", help="The run whose best model scores.")
@click.option(
    "--model",
    metavar="URI",
    help="runs:/ID/NAME, models:/NAME/VERSION, models:/NAME@ALIAS, or a folder.",
)
@click.option(
    "--input",
    metavar="SOURCE",
    help="File, glob, folder or URL of CSV, Parquet or JSON Lines (also .gz).",
)
@click.option("--output", metavar="FILE", help="What to write: .csv, .parquet or .jsonl.")
@click.option(
    "--method",
    type=OrUnset(click.Choice(["predict", "predict_proba"])),
    default="predict",
    show_default=True,
    help="predict_proba adds a column for each class.",
)
@click.option(
    "--keep",
    metavar="all|none|COL,COL",
    default="all",
    show_default=True,
    help="The input columns that are copied to the output.",
)
@click.option(
    "--on-error",
    type=OrUnset(click.Choice(["fail", "reject"])),
    default="fail",
    show_default=True,
    help="What a row does that cannot be scored: end the run, or go to the rejects.",
)
@click.option(
    "--rejects",
    metavar="FILE",
    help="Where rejected rows go; OUTPUT.rejects.csv by default.",
)
@click.option(
    "--batch-rows",
    type=INTEGER,
    metavar="N",
    help="Rows scored together, rounded up; the result does not depend on it.",
)
@click.option(
    "--jobs", type=INTEGER, metavar="N", help="Batches at a time; 1 by default, -1 for all cores."
)
@click.option(
    "--engine",
    type=OrUnset(click.Choice(["local", "dask", "spark"])),
    default="local",
    show_default=True,
    help="Where batches are scored.",
)
@click.option(
    "--resume",
    is_flag=False,
    flag_value="true",
    type=BOOLEAN,
    metavar="[BOOLEAN]",
    help="Finish an interrupted run: what it has scored is not scored again.",
)
@click.option(
    "--overwrite",
    is_flag=False,
    flag_value="true",
    type=BOOLEAN,
    metavar="[BOOLEAN]",
    help="Replace an output that is there, and start over after an interruption.",
)
@click.option(
    "--trust",
    multiple=True,
    metavar="pickle|sha256:HEX",
    help="Load pickled models, or one exact model, which can run code. Repeatable.",
)
@click.option(
    "--tracking", metavar="TARGET", help="Where the model is: local, azureml, or any MLflow URI."
)
@click.option("--no-track", is_flag=True, help="Record no scoring run.")
@command
@in_workspace
def score(reporter: Reporter, no_track: bool, **options: Any) -> dict[str, Any]:
    """Score a file with a trained model. Every row is in the output or among the rejects.

    \b
    Examples:
      python -m inference --run-id ID --input new.csv --output scored.parquet
      python -m inference --model models:/prices@champion --input 'lake/*.parquet' --output s.csv
    """
    check_numbers(options["jobs"], options["batch_rows"])
    from inference.request import ScoreRequest, output_paths

    defaults = {"method": "predict", "keep": "all", "on_error": "fail", "engine": "local"}
    options = options | {name: options[name] or value for name, value in defaults.items()}
    for flag in ("resume", "overwrite"):
        options[flag] = bool(options[flag])
    asked = ScoreRequest(track=not no_track, **options)
    output_paths(asked)  # before anything heavy is imported
    from inference.score import score as run

    result = run(asked, reporter)
    summarise(result, reporter)
    return dataclasses.asdict(result)


def check_numbers(jobs: int | None, batch_rows: int | None) -> None:
    """Raise BadParameter for a number that cannot be, before anything heavy is imported."""
    check_jobs(jobs, "batches")
    if batch_rows is not None and batch_rows < 1:
        raise click.BadParameter("give a number of rows, 1 or more", param_hint="'--batch-rows'")


def summarise(result: Any, reporter: Reporter) -> None:
    """Print the finished scoring as a table."""
    version = ""
    if result.model_version and result.model_uri.startswith("models:/"):
        version = f" (version {result.model_version})"
    rows = [
        ("model", result.model_uri + version),
        ("rows in", f"{result.rows_in:,}"),
        ("rows out", f"{result.rows_out:,}"),
        ("rows rejected", f"{result.rows_rejected:,}"),
        ("output", result.output),
        ("manifest", result.manifest),
    ]
    if result.rejects:
        rows.insert(5, ("rejects", result.rejects))
    if result.rows_resumed:
        rows.insert(4, ("rows from before", f"{result.rows_resumed:,}"))
    if result.scoring_run_id:
        rows.append(("recorded as", result.scoring_run_id))
    if result.rows_resumed == result.rows_in and not result.rows_per_second:
        reporter.table("Scored before", ("", ""), rows)
        return
    speed = f"scoring at {result.rows_per_second:,.0f} rows/s"
    memory = f", peak memory {result.peak_rss_mb:,.0f} MB" if result.peak_rss_mb is not None else ""
    reporter.table(f"Done in {result.seconds:.1f} s, {speed}{memory}", ("", ""), rows)
