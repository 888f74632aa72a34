"""``mlflow run -b azureml3``: an MLflow Project as a job of an Azure ML workspace.

The backend configuration has the options of ``mlproject submit``, as a mapping:

    mlflow run . -b azureml3 --backend-config '{"compute": "cpu-cluster"}' -P recipe=iris-svc
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
from mlflow.exceptions import ExecutionException
from mlflow.projects.backend.abstract_backend import AbstractBackend
from mlflow.projects.submitted_run import SubmittedRun

from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, MlprojectError, one_line
from mlproject.base.options import collected
from mlproject.jobs import options as job_options
from mlproject.jobs.options import JobOptions

if TYPE_CHECKING:
    from mlproject.jobs.existing import ExistingJobs
    from mlproject.jobs.submission import Submission

_NAME = "azureml3"
# What MLflow itself adds to the configuration (mlflow.projects.utils).
_OF_MLFLOW = frozenset(
    {"ENV_MANAGER", "SYNCHRONOUS", "DOCKER_ARGS", "STORAGE_DIR", "build_image", "docker_auth"}
)
# By the words of the service.
_STATUSES = {
    "Running": "RUNNING",
    "Finalizing": "RUNNING",
    "CancelRequested": "RUNNING",
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "NotResponding": "FAILED",
    "Canceled": "KILLED",
}
_CHECKOUT = Path("src/mlproject/__init__.py")


class SubmittedJob(SubmittedRun):
    """A job that goes on by itself; its run is of the same name."""

    def __init__(self, name: str, existing: ExistingJobs, reporter: Reporter) -> None:
        super().__init__()
        self._name = name
        self._existing = existing
        self._reporter = reporter

    @property
    def run_id(self) -> str:
        return self._name

    def wait(self) -> bool:
        """Show the job's log until its end, and return whether it has completed."""
        try:
            self._existing.log(self._name, self._reporter.say, lambda: "cancel", follow=True)
        except MlprojectError as error:
            self._reporter.warn(str(error))
            return False
        return True

    def get_status(self) -> str:
        return _STATUSES.get(self._existing.shown(self._name).status, "SCHEDULED")

    def cancel(self) -> None:
        """Cancel the job, and return once it has ended."""
        self._existing.cancel(self._name)


class AzureML3Backend(AbstractBackend):
    """Submits the entry point of a project as ``mlproject submit`` does."""

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, str],
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedJob:
        """Return the job, once it is submitted.

        Raises
        ------
        ExecutionException
            For whatever keeps it from being submitted, in one line.
        """
        from mlproject.api import submitting

        try:
            options = _options(backend_config)
            _check_tracking(tracking_uri)
            submission = _submission(project_uri, entry_point, params or {}, version, experiment_id)
            started = submitting.started(submission, options, tracking_uri)
        except MlprojectError as error:
            _refuse(str(error), error)
        except click.ClickException as error:
            _refuse(one_line(error.format_message()), error)
        reporter = Reporter()
        reporter.say(f"Follow it: mlproject jobs logs {started.job} --follow")
        return SubmittedJob(started.job, submitting.existing(tracking_uri, True), reporter)


def _refuse(text: str, cause: Exception) -> NoReturn:
    raise ExecutionException(text) from cause


def _options(backend_config: Mapping[str, Any]) -> JobOptions:
    given = {key: value for key, value in backend_config.items() if key not in _OF_MLFLOW}
    return job_options.of_mapping(given, "the backend configuration")


def _check_tracking(uri: str) -> None:
    if not uri.startswith("azureml"):
        raise ConfigurationError(
            f"The backend {_NAME} records in an Azure ML workspace, and MLflow is led to {uri}",
            'Lead it there: eval "$(mlproject tracking env azureml)"',
        )


def _submission(
    project_uri: str,
    entry_point: str,
    parameters: Mapping[str, str],
    version: str | None,
    experiment_id: str,
) -> Submission:
    """Return the entry point of a project as what is submitted."""
    from mlflow import MlflowClient
    from mlflow.projects.utils import fetch_and_validate_project, load_project

    from mlproject.jobs import words
    from mlproject.jobs.submission import Submission

    folder = Path(fetch_and_validate_project(project_uri, version, entry_point, parameters))
    program = load_project(str(folder)).get_entry_point(entry_point)
    text = program.compute_command(parameters, None)
    experiment = str(MlflowClient().get_experiment(experiment_id).name)
    found = _own_command(text, folder)
    if found is not None:
        command, line = found
    else:
        command, line = entry_point, partial(words.of_command, text, parameters)
    return Submission(command, line, experiment, folder=folder)


def _own_command(text: str, folder: Path) -> tuple[str, Callable[..., Any]] | None:
    """Return a command of ours that can be submitted, and its line; None for any other."""
    from inference.request import ScoreRequest
    from mlproject.api import submitting
    from mlproject.cli import submit
    from training.request import TrainRequest

    words = shlex.split(text)
    if words[:2] != ["python", "src"] or not (folder / _CHECKOUT).is_file():
        return None
    with _in_folder(folder):
        if words[2:3] == ["train"]:
            values = submit.train.make_context("train", words[3:]).params
            return "train", submitting.training(
                TrainRequest(**collected(TrainRequest, values))
            ).line
        if words[2:3] == ["score"]:
            values = submit.score.make_context("score", words[3:]).params
            return "score", submitting.scoring(ScoreRequest(**collected(ScoreRequest, values))).line
    return None


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Be in a project's folder for the block, where its recipes are."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
