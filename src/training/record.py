"""The parent run: joined or started, tagged, given its dataset and files, and always ended."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlproject import __version__
from mlproject.base import environ, git
from mlproject.base.errors import MlprojectError, TrackingError, reason
from mlproject.base.redaction import redacted_text
from mlproject.data import samples
from mlproject.data.source import is_url
from mlproject.data.table import Table
from mlproject.tracking.experiments import experiment_id
from mlproject.tracking.failures import as_tracking_error, short_reason

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RECIPE_FILE = "recipe.yaml"
ENVIRONMENT_FILE = "environment.txt"
RESULTS_FILE = "cv_results.csv"
FAILURE_TAG = "mlproject.failure"
_LONGEST_TAG = 1000
_DIGEST_LENGTH = 36
# Tags that say who and what started a run; children carry their parent's.
_CONTEXT_TAGS = (
    "mlflow.user",
    "mlflow.source.name",
    "mlflow.source.type",
    "mlflow.source.git.commit",
)


@contextmanager
def opened(client: MlflowClient, experiment: str, run_name: str | None) -> Iterator[Run]:
    """Open the run for the block and end it, whatever happens.

    The run that MLflow or an Azure ML job has already started is joined; else one is made in the
    experiment. The run ends FINISHED, FAILED with the reason in a tag, or KILLED when interrupted.

    Parameters
    ----------
    client : MlflowClient
    experiment : str
        The name of the experiment for a new run.
    run_name : str, optional

    Raises
    ------
    TrackingError
        When the run cannot be joined or made.
    """
    import mlflow

    given = environ.get(environ.RUN_ID)
    if given:
        with as_tracking_error(f"The run {given} cannot be joined"):
            run = mlflow.start_run(run_id=given)
            if run_name:
                client.update_run(given, name=run_name)
    else:
        number = experiment_id(client, experiment)
        with as_tracking_error("The run cannot be started"):
            run = mlflow.start_run(experiment_id=number, run_name=run_name)
    run_id = str(run.info.run_id)
    try:
        yield run
    except BaseException as error:
        _end_failed(client, run_id, error)
        raise
    with as_tracking_error(f"The run {run_id} cannot be ended"):
        mlflow.end_run("FINISHED")


def joined() -> bool:
    """Return whether a run was already started for this process."""
    return environ.get(environ.RUN_ID) is not None


def context_tags(run: Run) -> dict[str, str]:
    """Return the tags that children share with their parent."""
    tags = run.data.tags
    return {name: tags[name] for name in _CONTEXT_TAGS if name in tags}


def describe(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags in one request."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def version_tags() -> dict[str, str]:
    """Return which version of this project, and which commit of the user's folder, trained."""
    tags = {"mlproject.version": __version__}
    commit = git.commit()
    if commit:
        tags["mlflow.source.git.commit"] = commit
        tags["mlproject.git.dirty"] = str(git.is_dirty()).lower()
    return tags


def log_dataset(
    client: MlflowClient, run_id: str, table: Table, X: pd.DataFrame, context: str
) -> None:
    """Log a table as the run's input: source, SHA-256 of the whole content, rows, schema.

    Parameters
    ----------
    client : MlflowClient
    run_id : str
    table : Table
    X : DataFrame of shape (n_rows, n_features)
        The features, whose schema is recorded.
    context : str
        ``train`` or ``eval``.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.models import infer_signature

    kind, place = _dataset_source(table)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*integer column")
        schema = infer_signature(X.head(100)).inputs.to_dict()
    profile = {
        "num_rows": table.rows,
        "num_elements": int(table.frame.size),
        "sha256": table.sha256,
    }
    dataset = Dataset(
        name=table.name,
        digest=table.sha256[:_DIGEST_LENGTH],
        source_type=kind,
        source=json.dumps(place),
        schema=json.dumps({"mlflow_colspec": schema}),
        profile=json.dumps(profile),
    )
    tag = InputTag("mlflow.data.context", context)
    client.log_inputs(run_id, [DatasetInput(dataset, [tag])])


def log_files(client: MlflowClient, run_id: str, files: Mapping[str, str]) -> None:
    """Log texts as files at the root of the run's artifacts."""
    with TemporaryDirectory(prefix="mlproject-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(content, encoding="utf-8")
        client.log_artifacts(run_id, folder)


def _dataset_source(table: Table) -> tuple[str, dict[str, Any]]:
    """Return MLflow's source type and source of a table."""
    if samples.is_sample(table.source):
        return "code", {"tags": {"mlflow.source.name": table.source}}
    if is_url(table.source):
        scheme = table.source.partition("://")[0]
        return (
            ("http", {"url": table.source})
            if scheme in ("http", "https")
            else (
                scheme,
                {"uri": table.source},
            )
        )
    return "local", {"uri": table.source}


def _end_failed(client: MlflowClient, run_id: str, error: BaseException) -> None:
    """End the run as FAILED or KILLED; what prevents that is told with the error itself."""
    import mlflow

    error.run_id = run_id  # type: ignore[attr-defined]  # for --json, of an interruption too
    why = str(error) if isinstance(error, MlprojectError) else reason(error)
    interrupted = isinstance(error, KeyboardInterrupt)
    if isinstance(error, TrackingError) or interrupted:  # waited for long enough already
        os.environ.setdefault(environ.HTTP_RETRIES, "1")
    try:
        client.set_tag(run_id, FAILURE_TAG, redacted_text(why)[:_LONGEST_TAG])
    except Exception:  # noqa: BLE001 - the state matters more than its reason
        os.environ.setdefault(environ.HTTP_RETRIES, "0")  # the server is gone: do not wait for it
    try:
        mlflow.end_run("KILLED" if interrupted else "FAILED")
    except Exception as ending:  # noqa: BLE001 - told with the first error
        if isinstance(error, TrackingError):
            return
        if interrupted:
            why = "Interrupted"
        raise TrackingError(
            f"{why}; and the run {run_id} could not be marked as failed: {short_reason(ending)}"
        ) from error
