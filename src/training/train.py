"""Train a recipe: the main job, from options to a finished run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlproject.base import clusters, environ
from mlproject.base.console import Reporter
from mlproject.base.errors import ModelError
from mlproject.tracking import session as sessions
from mlproject.tracking.azureml import studio_link
from mlproject.tracking.experiments import ambient_experiment
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.target import AZUREML, Target, resolve
from training import (
    autologging,
    catalogue,
    children,
    completion,
    engine,
    metrics,
    model,
    record,
    registration,
    requirements,
    search,
)
from training.preparation import Prepared, prepare
from training.recipe import Recipe
from training.request import TrainRequest, TrainResult
from training.search import Outcome
from training.split import Split

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def train(options: TrainRequest, reporter: Reporter) -> TrainResult:
    """Train a recipe and record it.

    Everything that the options, the recipe and the data can get wrong is found before the
    tracking server is asked, so that nothing half-written is left behind.

    Raises
    ------
    ConfigurationError, DataError, TrackingError, ModelError
        Each with one line that says what is wrong and what to do.
    """
    started = time.perf_counter()
    registration.check_name(options.register)
    clusters.check_installed(options.engine)
    with sessions.opened(resolve(options.tracking)) as session:  # before anything imports MLflow
        with reporter.step("Reading recipe and data"):
            prepared = prepare(options)
        for notice in prepared.notices:
            reporter.warn(notice)
        with reporter.step(f"Connecting to {session.target.described}"):
            client = session.client
        experiment = options.experiment or ambient_experiment(client) or prepared.recipe.name
        joined = record.joined()
        with record.opened(client, experiment, options.run_name) as run:
            result = _record(
                client, run, session.target, prepared, options, reporter, experiment, joined=joined
            )
        if options.register:
            registered = registration.register(client, result.run_id, options.register)
            result = replace(result, registered=registered)
    return replace(result, seconds=round(time.perf_counter() - started, 3))


def _record(
    client: MlflowClient,
    run: Run,
    target: Target,
    prepared: Prepared,
    options: TrainRequest,
    reporter: Reporter,
    experiment: str,
    *,
    joined: bool,
) -> TrainResult:
    """Fit inside the open run, record everything, and return what came out."""
    run_id = str(run.info.run_id)
    recipe, rows, table = prepared.recipe, prepared.rows, prepared.table
    failing = f"The run {run_id} cannot be recorded"
    # What is there already is completed, not repeated.
    later = f"Finish it later with {environ.RUN_ID}={run_id} and the same command"
    with as_tracking_error(failing, later):
        _describe(client, run_id, prepared)
    count = _candidates_text(prepared.planned, recipe)
    with (
        reporter.step(f"Fitting {recipe.name}: {count}"),
        engine.running(options.engine, options.jobs, prepared.planned, recipe.imports) as planned,
        autologging.autologged(),
    ):
        outcome = search.fit(planned, rows, prepared.scoring, recipe.refit)
    for failure in outcome.failures:
        shown = ", ".join(f"{name}={value}" for name, value in failure.parameters.items())
        folds = "1 fold" if failure.folds == 1 else f"{failure.folds} folds"
        reporter.warn(f"Candidate {failure.index} ({shown}) failed on {folds}: {failure.why}")
    values, unmeasured = metrics.measured(prepared.held_out, outcome.best, rows.X_test, rows.y_test)
    if not values:
        why = next(iter(unmeasured.values()))
        raise ModelError(f"The model cannot be measured on the held-out rows: {why}")
    for name, why in unmeasured.items():
        reporter.warn(f"The metric '{name}' cannot be measured on the held-out rows: {why}")
    with (
        reporter.step("Recording candidates and model"),
        as_tracking_error(failing, later),
    ):
        # The model first: it is what a run is for, should the server go away after it.
        chosen = _log_model(client, run_id, recipe, rows, outcome)
        _complete(client, run_id, prepared, outcome, values)
        ids = _children(client, run, target, outcome, joined=joined)
    if joined:
        with as_tracking_error(f"The run {run_id} cannot be read"):
            found = client.get_experiment(run.info.experiment_id).name
        if options.experiment not in (None, found):
            reporter.warn(f"The run was already started in '{found}': --experiment is not used")
        experiment = found
    return TrainResult(
        run_id=run_id,
        experiment_id=str(run.info.experiment_id),
        experiment=experiment,
        tracking_uri=target.printable,
        model_uri=f"runs:/{run_id}/{model.NAME}",
        status="FINISHED",
        metrics=values | outcome.metrics,
        best_params={name: plain(value) for name, value in outcome.best_parameters.items()},
        candidates=outcome.candidates,
        children=len(ids),
        seconds=0.0,
        recipe=recipe.name,
        data={"source": table.source, "sha256": table.sha256, "rows": table.rows},
        model_format=chosen,
        failed_candidates=len(outcome.failures),
        recorded_in=target.described,
        studio=studio_link(target.uri, run_id) if target.name == AZUREML else None,
    )


def _describe(client: MlflowClient, run_id: str, prepared: Prepared) -> None:
    recipe, table = prepared.recipe, prepared.table
    tags = {
        "mlproject.recipe": recipe.name,
        "mlproject.task": recipe.task,
        "mlproject.seed": str(recipe.seed),
        "mlproject.data.source": table.source,
        "mlproject.data.sha256": table.sha256,
        "mlproject.data.rows": str(table.rows),
    }
    record.describe(client, run_id, tags | record.version_tags())
    record.log_dataset(client, run_id, table, prepared.rows.X_train, "train")
    if prepared.validation is not None:
        record.log_dataset(client, run_id, prepared.validation, prepared.rows.X_test, "eval")
    files = {
        record.RECIPE_FILE: catalogue.dump(prepared.recordable),
        record.ENVIRONMENT_FILE: requirements.of_environment(),
    }
    record.log_files(client, run_id, files)


def _children(
    client: MlflowClient, run: Run, target: Target, outcome: Outcome, *, joined: bool
) -> dict[int, str]:
    if not outcome.results:
        return {}
    seed = outcome.fitted.estimator
    kind = type(seed)
    tags = record.context_tags(run) | {
        "estimator_name": kind.__name__,
        "estimator_class": f"{kind.__module__}.{kind.__name__}",
    }
    failures = {failure.index: failure.why for failure in outcome.failures}
    return completion.complete_children(
        client,
        children.Family(run, _store(target), tags),
        children.expected(outcome.fitted, failures),
        joined=joined,
    )


def _store(target: Target) -> children.Store:
    if target.is_file_store:
        return children.Store.FILES
    if target.name == AZUREML:
        return children.Store.WORKSPACE
    return children.Store.HTTP if target.uri.startswith("http") else children.Store.OTHER


def _log_model(
    client: MlflowClient, run_id: str, recipe: Recipe, rows: Split, outcome: Outcome
) -> str:
    example = rows.X_train.head(model.EXAMPLE_ROWS)
    chosen = model.choose_format(outcome.best, example)
    model.log(outcome.best, example, recipe.imports, chosen)
    tags = {"mlproject.model.format": chosen.name}
    if chosen.why:
        tags["mlproject.model.format.why"] = chosen.why[:1000]
    record.describe(client, run_id, tags)
    return chosen.name


def _complete(
    client: MlflowClient,
    run_id: str,
    prepared: Prepared,
    outcome: Outcome,
    values: Mapping[str, float],
) -> None:
    """Write and check what the parent run holds beside what autologging wrote."""
    measured = {**values, **outcome.metrics}
    wanted = {name: value for name, value in measured.items() if not np.isnan(value)}
    fixed = _fixed_parameters(outcome)
    files = {record.RECIPE_FILE, record.ENVIRONMENT_FILE}
    restorable: dict[str, str] = {}
    if outcome.results:
        wanted["best_cv_score"] = float(outcome.fitted.best_score_)
        best = {f"best_{name}": children.text(v) for name, v in outcome.best_parameters.items()}
        fixed = fixed | best
        restorable[record.RESULTS_FILE] = pd.DataFrame(outcome.results).to_csv(index=False)
    expected = completion.Expected(fixed, wanted, frozenset(files), restorable)
    completion.complete_parent(client, run_id, expected)


def _fixed_parameters(outcome: Outcome) -> dict[str, str]:
    """Return the pipeline's own values of what was not searched, without nested estimators."""
    searched = {name for parameters in outcome.results.get("params", []) for name in parameters}
    return {
        name: children.text(value)
        for name, value in outcome.best.get_params(deep=True).items()
        if name not in searched and (value is None or isinstance(value, (str, int, float, bool)))
    }


def _candidates_text(planned: Any, recipe: Recipe) -> str:
    if not hasattr(planned, "cv"):
        return "one fit"
    if recipe.search.kind == "random":
        return f"{planned.n_iter} candidates, {recipe.search.folds} folds"
    count = search.size(search.grids(recipe))
    return f"{count} {'candidate' if count == 1 else 'candidates'}, {recipe.search.folds} folds"


def plain(value: Any) -> Any:
    """Return a parameter's value as JSON can hold it."""
    if isinstance(value, np.generic):
        return value.item()
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
