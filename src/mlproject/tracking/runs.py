"""A run: what it holds, and how it is opened, filled, checked and ended."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlproject.base import environ
from mlproject.base.errors import MlprojectError, TrackingError, reason
from mlproject.base.redaction import redacted_text
from mlproject.tracking import names
from mlproject.tracking.experiments import experiment_id
from mlproject.tracking.failures import (
    as_tracking_error,
    at_most_retries,
    is_of_store,
    short_reason,
)
from mlproject.tracking.session import Session

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, LoggedModelInput, Run

_LONGEST_PARAMETER = 500
_LONGEST_TAG = 5000
_LONGEST_FAILURE = 1000
# What a server takes in one batch (mlflow.utils.validation).
_MOST_METRICS, _MOST_PARAMETERS, _MOST_TAGS = 1000, 100, 100
_MOST_NAMED = 10
# Given to this process, and used up: one that could not be recorded can still be finished.
_JOINED: set[str] = set()


@dataclass(frozen=True)
class Contents:
    """What a run holds: one declaration, from which it is written and checked.

    Attributes
    ----------
    files : mapping of str to bytes or str
        Path below the run's artifacts to content; text is written as UTF-8.
    datasets, models : sequence
        The inputs of the run. They are written and not checked.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes | str] = field(default_factory=dict)
    datasets: Sequence[DatasetInput] = ()
    models: Sequence[LoggedModelInput] = ()

    def __or__(self, other: Contents) -> Contents:
        """Return the contents of both; the other's where they differ."""
        return Contents(
            {**self.parameters, **other.parameters},
            {**self.metrics, **other.metrics},
            {**self.tags, **other.tags},
            {**self.files, **other.files},
            (*self.datasets, *other.datasets),
            (*self.models, *other.models),
        )

    @property
    def described(self) -> list[str]:
        """What is in it, as ``kind name``."""
        kinds = {
            "parameter": self.parameters,
            "metric": self.metrics,
            "tag": self.tags,
            "artifact": self.files,
        }
        return [f"{kind} {name}" for kind, named in kinds.items() for name in named]


@dataclass(frozen=True)
class OpenRun:
    """The run that is open, and whether somebody else had started it."""

    run: Run
    joined: bool
    experiment: str

    @property
    def run_id(self) -> str:
        return str(self.run.info.run_id)


@contextmanager
def opened(session: Session, experiment: str, run_name: str | None) -> Iterator[OpenRun]:
    """Open MLflow's active run for the block and end it, whatever happens.

    The run that MLflow or an Azure ML job has already started is joined; else one is made in the
    experiment, nested in the caller's active run where there is one. It ends FINISHED, FAILED with
    the reason in a tag, or KILLED when interrupted.
    """
    given = environ.get(environ.RUN_ID)
    if given in _JOINED:  # it has been filled: the next one of this process is a run of its own
        given = None
        os.environ.pop(environ.RUN_ID)
    open_run = (
        _joined(session.client, given, run_name) if given else _new(session, experiment, run_name)
    )
    try:
        yield open_run
    except BaseException as error:
        if is_of_store(error):
            _JOINED.discard(open_run.run_id)
        _end_failed(session.client, open_run.run_id, error)
        raise
    with as_tracking_error(f"The run {open_run.run_id} cannot be ended"):
        _end(open_run.run_id, "FINISHED")


@dataclass(frozen=True)
class NewRun:
    """A run that is to be made without being MLflow's active one."""

    experiment_id: str
    name: str
    start_time: int | None = None  # milliseconds since the epoch
    tags: Mapping[str, str] = field(default_factory=dict)


def created(client: MlflowClient, new: NewRun, contents: Contents) -> str:
    """Make a run with its contents and return its id; a run that cannot be filled is ended."""
    run = client.create_run(
        new.experiment_id, start_time=new.start_time, tags=dict(new.tags), run_name=new.name
    )
    run_id = str(run.info.run_id)
    try:
        fill(client, run_id, contents)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    return run_id


def fill(client: MlflowClient, run_id: str, contents: Contents) -> None:
    """Write contents into a run, in as few requests as the server takes."""
    from mlflow.entities import Metric, Param, RunTag

    now = int(time.time() * 1000)
    metrics = _batches(
        (Metric(name, value, now, 0) for name, value in contents.metrics.items()), _MOST_METRICS
    )
    parameters = _batches(
        (Param(name, value) for name, value in contents.parameters.items()), _MOST_PARAMETERS
    )
    tags = _batches(
        (RunTag(name, value) for name, value in storable_tags(contents.tags).items()), _MOST_TAGS
    )
    for batch in zip_longest(metrics, parameters, tags, fillvalue=()):
        client.log_batch(run_id, *batch)
    if contents.datasets or contents.models:
        client.log_inputs(run_id, list(contents.datasets), list(contents.models) or None)
    if contents.files:
        _log_files(client, run_id, contents.files)


def complete(
    client: MlflowClient, run_id: str, contents: Contents, *, suspect: bool = False
) -> None:
    """Write what a run lacks of its contents; TrackingError when it lacks something even then.

    Its files are written again where they are ``suspect``: what was broken off may have left one
    that is listed and has no content.
    """
    fill(client, run_id, lacking(client.get_run(run_id), replace(contents, files={})))
    run = client.get_run(run_id)
    there = [] if suspect else _files(client, run_id, contents.files)
    missing = lacking(run, contents, there)
    if missing.files:
        fill(client, run_id, Contents(files=missing.files))
    absent = replace(missing, files={}).described
    if absent:
        raise TrackingError(
            f"The run {run_id} is incomplete; it lacks {', '.join(absent[:_MOST_NAMED])}"
        )


def lacking(run: Run, contents: Contents, files: Iterable[str] = ()) -> Contents:
    """Return what of some contents a run lacks or has otherwise; ``files`` are its artifacts."""
    data, there = run.data, set(files)
    return Contents(
        {k: v for k, v in contents.parameters.items() if not _same_text(data.params.get(k), v)},
        {k: v for k, v in contents.metrics.items() if not _same_number(data.metrics.get(k), v)},
        {k: v for k, v in contents.tags.items() if k not in data.tags},
        {k: v for k, v in contents.files.items() if k not in there},
    )


def storable_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags with values that are no longer than a server takes."""
    return {name: value[:_LONGEST_TAG] for name, value in tags.items()}


def parameter_text(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_PARAMETER else text[: _LONGEST_PARAMETER - 3] + "..."


def _joined(client: MlflowClient, run_id: str, run_name: str | None) -> OpenRun:
    import mlflow

    with as_tracking_error(f"The run {run_id} cannot be joined"):
        run = mlflow.start_run(run_id=run_id, nested=True)
        _JOINED.add(run_id)
        if run_name:
            client.update_run(run_id, name=run_name)
        experiment = client.get_experiment(run.info.experiment_id)
    return OpenRun(run, joined=True, experiment=str(experiment.name))


def _new(session: Session, experiment: str, run_name: str | None) -> OpenRun:
    import mlflow

    number = experiment_id(session.client, experiment)
    with as_tracking_error("The run cannot be started"):
        run = mlflow.start_run(experiment_id=number, run_name=run_name, nested=True)
        if names.PARENT in run.data.tags and session.moved:  # the caller's run is elsewhere
            session.client.delete_tag(run.info.run_id, names.PARENT)
    return OpenRun(run, joined=False, experiment=experiment)


def _end(run_id: str, status: str) -> None:
    """End the run, and before it those that an estimator has left open in it."""
    import mlflow

    while (active := mlflow.active_run()) is not None:
        mlflow.end_run(status)
        if active.info.run_id == run_id:
            return


def _end_failed(client: MlflowClient, run_id: str, error: BaseException) -> None:
    """End the run as FAILED or KILLED; what prevents that is told with the error itself."""
    error.run_id = run_id  # type: ignore[attr-defined]  # for --json, of an interruption too
    why = str(error) if isinstance(error, MlprojectError) else reason(error)
    interrupted = isinstance(error, KeyboardInterrupt)
    # After a failure of the server, or an interruption, there was waiting enough already.
    retries = 1 if is_of_store(error) or interrupted else None
    try:
        with at_most_retries(retries):
            client.set_tag(run_id, names.FAILURE, redacted_text(why)[:_LONGEST_FAILURE])
    except Exception:  # noqa: BLE001 - the state matters more than its reason
        retries = retries or 0  # the server is gone: do not wait for it
    try:
        with at_most_retries(retries):
            _end(run_id, "KILLED" if interrupted else "FAILED")
    except Exception as ending:  # noqa: BLE001 - told with the first error
        if is_of_store(error):
            return
        raise TrackingError(
            f"{'Interrupted' if interrupted else why}; and the run {run_id} could not be marked "
            f"as failed: {short_reason(ending)}"
        ) from error


def _log_files(client: MlflowClient, run_id: str, files: Mapping[str, bytes | str]) -> None:
    with TemporaryDirectory(prefix="mlproject-") as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        client.log_artifacts(run_id, folder)


def _files(client: MlflowClient, run_id: str, wanted: Iterable[str]) -> list[str]:
    """Return the artifacts in the folders of those that are wanted."""
    folders = dict.fromkeys(name.rpartition("/")[0] for name in wanted)
    return [
        item.path for folder in folders for item in client.list_artifacts(run_id, folder or None)
    ]


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    waiting = iter(items)
    return iter(lambda: list(islice(waiting, size)), [])


def _same_text(stored: str | None, value: str) -> bool:
    """Whether a stored parameter is the value; autologging cuts long ones elsewhere."""
    sure = _LONGEST_PARAMETER - 3
    return stored is not None and stored[:sure] == value[:sure]


def _same_number(stored: float | None, value: float) -> bool:
    """Whether a stored metric is the value; databases round, and cap infinity."""
    if stored is None:
        return False
    if math.isinf(value):
        return abs(stored) > 1e300 and (stored > 0) == (value > 0)
    return math.isclose(stored, value, rel_tol=1e-9, abs_tol=1e-12)
