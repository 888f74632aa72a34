"""The scoring run: which model scored what, recorded where the model is."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlproject import __version__
from mlproject.base import environ
from mlproject.data.table import short_name
from mlproject.models.finding import Located
from mlproject.tracking.experiments import ambient_experiment, experiment_id
from mlproject.tracking.failures import as_tracking_error, few_retries
from mlproject.tracking.session import Session

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXPERIMENT = "batch-scoring"
_DIGEST_LENGTH = 36


def record(
    session: Session,
    located: Located,
    manifest: Mapping[str, Any],
    metrics: Mapping[str, float],
    manifest_file: Path,
    started: float,
) -> str:
    """Record a finished scoring as a run and return its id.

    The run that MLflow or a job has already started is joined; else one is made in the experiment
    of the model.

    Parameters
    ----------
    session : Session
    located : Located
    manifest : mapping
    metrics : mapping of str to float
    manifest_file : Path
        Becomes the run's artifact.
    started : float
        When scoring began, in seconds since the epoch.

    Raises
    ------
    TrackingError
        When the server refuses or does not answer.
    """
    with few_retries(), as_tracking_error("The scoring run cannot be recorded"):
        client = session.client
        given = environ.get(environ.RUN_ID)
        run_id = given or _created(client, located, manifest, started)
        try:
            _fill(client, run_id, located, manifest, metrics)
            client.log_artifact(run_id, str(manifest_file))
        except BaseException:
            if not given:
                client.set_terminated(run_id, "FAILED")
            raise
        if not given:
            client.set_terminated(run_id, "FINISHED")
    return run_id


def _created(
    client: MlflowClient, located: Located, manifest: Mapping[str, Any], started: float
) -> str:
    experiment = located.experiment_id
    if experiment is None:
        name = ambient_experiment(client) or _EXPERIMENT
        experiment = experiment_id(client, name)
    name = f"score {short_name(manifest['input']['source'])}"
    run = client.create_run(experiment, start_time=int(started * 1000), run_name=name)
    return str(run.info.run_id)


def _fill(
    client: MlflowClient,
    run_id: str,
    located: Located,
    manifest: Mapping[str, Any],
    metrics: Mapping[str, float],
) -> None:
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelInput,
        Metric,
        Param,
        RunTag,
    )

    source, model = manifest["input"], manifest["model"]
    tags = {
        "mlproject.kind": "score",
        "mlproject.version": __version__,
        "mlproject.model.uri": located.uri,
        "mlproject.model.sha256": model["sha256"],
        "mlproject.model.run_id": located.run_id,
        "mlproject.input.source": source["source"],
        "mlproject.input.sha256": source["sha256"],
        "mlproject.output.sha256": manifest["output"]["sha256"],
    }
    params = {
        "model": located.uri,
        "input": source["source"],
        "output": manifest["output"]["path"],
        "method": manifest["method"],
        "keep": manifest["keep"],
        "on_error": manifest["on_error"],
    }
    # A project's parameters were logged by MLflow before this process began, and cannot be changed.
    logged = client.get_run(run_id).data.params
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[
            Param(name, str(value)[:500]) for name, value in params.items() if name not in logged
        ],
        tags=[RunTag(name, str(value)[:5000]) for name, value in tags.items() if value],
    )
    dataset = Dataset(
        name=short_name(source["source"]),
        digest=source["sha256"][:_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": source["source"]}),
        profile=json.dumps({"num_rows": manifest["rows_in"], "sha256": source["sha256"]}),
    )
    models = [LoggedModelInput(located.model_id)] if located.model_id else None
    datasets = [DatasetInput(dataset, [InputTag("mlflow.data.context", "score")])]
    client.log_inputs(run_id, datasets, models)
