"""The commands as jobs on a cluster of an Azure ML workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inference.request import ScoreRequest
from mlproject.api import arguments
from mlproject.base import environ
from mlproject.base.errors import ConfigurationError
from mlproject.jobs.options import JobOptions
from mlproject.tracking.target import AZUREML, resolve
from training.request import TrainRequest

if TYPE_CHECKING:
    from mlproject.azure.context import Context
    from mlproject.azure.jobs import Job
    from mlproject.jobs.existing import ExistingJobs
    from mlproject.jobs.following import Choice
    from mlproject.jobs.result import JobResult
    from mlproject.jobs.submission import Submission, Submitter

Identity = Literal["job", "managed"]
Variables = Mapping[str, str] | Sequence[str]


def submit_train(
    recipe: str | PathLike[str] | None = None,
    *,
    compute: str | None = None,
    environment: str | None = None,
    env: Variables = (),
    instance_count: int = 1,
    timeout: str | None = None,
    identity: Identity | None = None,
    wait: bool = True,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> JobResult:
    """Train a recipe as a job, in the code that git tracks in the current folder.

    Parameters
    ----------
    compute : str
        The cluster that runs it.
    environment : str, optional
        ``NAME`` or ``NAME:VERSION`` of the workspace, or the URI of a registry's; by default one
        that is made from ``conda.yaml``.
    env : mapping of str to str, or sequence of str
        Environment variables of the job; or texts as ``--env`` takes them.
    instance_count : int
        Nodes of the cluster.
    timeout : str, optional
        Time after which the job is cancelled, such as ``90m`` or ``2h``.
    identity : str, optional
        Who the job is to storage: ``job`` or ``managed``; by default what the service chooses.
    wait : bool
        Follow the job to its end, and print its log where progress is shown.
    tracking : str or path, optional
        The workspace: ``azureml``, or its MLflow URI.
    **options
        Those of :func:`mlproject.train`.

    Raises
    ------
    JobError
        When the job fails or is cancelled; ``result`` is what this would have returned.
    ConfigurationError, DataError, TrackingError
        When it cannot be submitted; nothing has run.
    """
    request = TrainRequest(recipe=arguments.text(recipe), **options)
    job = JobOptions(compute, environment, env, instance_count, timeout, identity, wait)
    return submitted(training(request), job, arguments.text(tracking), progress)


def submit_score(
    model: str,
    input: str | PathLike[str],  # noqa: A002 - the name of the option
    output: str | PathLike[str],
    *,
    compute: str | None = None,
    environment: str | None = None,
    env: Variables = (),
    instance_count: int = 1,
    timeout: str | None = None,
    identity: Identity | None = None,
    wait: bool = True,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> JobResult:
    """Score a file as a job, in the code that git tracks in the current folder.

    Parameters
    ----------
    model : str
        ``runs:/ID``, ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, or a tracked folder.
    input : str or path
        A tracked file or folder, or a URL.
    output : str or path
        What to write: below ``outputs/``, which the run keeps as artifacts, or a URL.
    **options
        Those of :func:`mlproject.score`.

    The other parameters, and errors, are those of :func:`mlproject.submit_train`.
    """
    request = ScoreRequest(model=model, input=str(input), output=str(output), **options)
    job = JobOptions(compute, environment, env, instance_count, timeout, identity, wait)
    return submitted(scoring(request), job, arguments.text(tracking), progress)


def training(request: TrainRequest) -> Submission:
    """Return a training as what is submitted, once its options are known to mean something."""
    from mlproject.jobs import words
    from mlproject.jobs.submission import Submission
    from training import catalogue, overrides

    overrides.check(request)
    recipe = request.recipe
    if recipe not in (None, catalogue.AUTO):
        catalogue.load(str(recipe))
    name = catalogue.AUTO if request.data and request.target else catalogue.DEFAULT
    experiment = request.experiment or Path(recipe or name).stem
    line = partial(words.of_request, "train", request)
    return Submission("train", line, experiment, request.run_name)


def scoring(request: ScoreRequest) -> Submission:
    """Return a scoring as what is submitted, once its options are known to mean something."""
    from mlproject.jobs import words
    from mlproject.jobs.submission import Submission

    for name in ("input", "output"):
        if not getattr(request, name):
            raise ConfigurationError(f"--{name} is missing")
    if bool(request.run_id) == bool(request.model):
        raise ConfigurationError("Give a run or a model", "--run-id ID, or --model URI")
    _ = request.part_bytes, request.dialect
    return Submission("score", partial(words.of_request, "score", request), "score")


def submitted(
    submission: Submission,
    options: JobOptions,
    tracking: str | None,
    progress: bool | None = None,
    choose: Callable[[], Choice] | None = None,
) -> JobResult:
    """Submit a job; ``choose`` says what becomes of it when this is interrupted."""
    from mlproject.jobs.following import detach

    return _submitter(options, tracking, progress).submit(submission, choose or detach)


def started(submission: Submission, options: JobOptions, tracking: str | None) -> JobResult:
    """Submit a job, and return once it has its run."""
    return _submitter(options, tracking, progress=True).started(submission)


def planned(submission: Submission, options: JobOptions, tracking: str | None) -> dict[str, Any]:
    """Return the request that would submit a job."""
    return _submitter(options, tracking, progress=False).request(submission)


def written(
    submission: Submission, options: JobOptions, tracking: str | None, progress: bool | None
) -> Path:
    """Write a job file, and return where it is."""
    path = Path(str(options.yaml)).absolute()
    _submitter(options, tracking, progress).write_file(submission, path)
    return path


def list_jobs(
    most: int = 20, *, everybodys: bool = False, tracking: str | PathLike[str] | None = None
) -> list[Job]:
    """Return the newest jobs that this project has submitted, or those of everybody."""
    return existing(arguments.text(tracking)).listed(most, everybodys=everybodys)


def show_job(name: str, *, tracking: str | PathLike[str] | None = None) -> JobResult:
    """Return how a job is."""
    return existing(arguments.text(tracking)).shown(name)


def cancel_job(name: str, *, tracking: str | PathLike[str] | None = None) -> JobResult:
    """Cancel a job, and return once it has ended; one that has ended stays as it is."""
    return existing(arguments.text(tracking)).cancel(name)


def existing(tracking: str | None, progress: bool | None = None) -> ExistingJobs:
    from mlproject.jobs.existing import ExistingJobs

    return ExistingJobs(_workspace(tracking), arguments.reporter(progress))


def _submitter(options: JobOptions, tracking: str | None, progress: bool | None) -> Submitter:
    from mlproject.jobs.submission import Submitter

    _ = options.variables, options.seconds
    return Submitter(_workspace(tracking), options, arguments.reporter(progress))


def _workspace(tracking: str | None) -> Context:
    """Return the workspace: the one that is named, or tracked to, or the nearest config.json's."""
    given = tracking or environ.get(environ.TRACKING_URI)
    target = resolve(given if given and given.startswith("azureml") else tracking or AZUREML)
    if target.name != AZUREML:
        raise ConfigurationError(
            f"Jobs run in an Azure ML workspace, and not at {target.printable}",
            "Give --tracking azureml, or leave it out",
        )
    from mlproject.azure import context

    return context.of(target.uri)
