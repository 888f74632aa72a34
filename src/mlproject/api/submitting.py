"""The commands as jobs on a cluster of an Azure ML workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from inference.request import ScoreRequest
from mlproject.api import arguments, workspace
from mlproject.base.errors import ConfigurationError
from mlproject.jobs.options import LOCAL, JobOptions, SweepOptions
from mlproject.tracking.target import resolve
from training.request import TrainRequest

if TYPE_CHECKING:
    from mlproject.azure.connection.context import Context
    from mlproject.azure.resources.jobs import Job
    from mlproject.base.console import Reporter
    from mlproject.jobs.code import Code
    from mlproject.jobs.existing import ExistingJobs
    from mlproject.jobs.following import Choice
    from mlproject.jobs.result import JobResult
    from mlproject.jobs.submission import Submission, Submitter
    from mlproject.jobs.words import Assets, Words
    from training.winner import BestRun

Identity = Literal["job", "managed", "user"]
Variables = Mapping[str, str] | Sequence[str]


def submit_train(
    recipe: str | PathLike[str] | None = None,
    *,
    compute: str | None = None,
    environment: str | None = None,
    image: str | None = None,
    env: Variables = (),
    instance_count: int | None = None,
    instance_type: str | None = None,
    timeout: str | None = None,
    identity: Identity | None = None,
    sweep: bool = False,
    max_concurrent_trials: int | None = None,
    wait: bool = True,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> JobResult:
    """Train a recipe as a job, in the code that git tracks in the current folder.

    Parameters
    ----------
    compute : str, optional
        The cluster that runs it; ``serverless``; or ``local``, for a process on this machine. This
        and the options below are by default what ``jobs`` in ``.mlproject.yaml`` says.
    environment : str, optional
        ``NAME`` or ``NAME:VERSION`` of the workspace, or the URI of a registry's; by default one
        that is made from ``conda.yaml``.
    image : str, optional
        Base image of the environment that is made from ``conda.yaml``.
    env : mapping of str to str, or sequence of str
        Environment variables of the job; or texts as ``--env`` takes them.
    instance_count : int, optional
        Nodes of the cluster; 1 by default.
    instance_type : str, optional
        Machine of a serverless job.
    timeout : str, optional
        Time after which the job is cancelled, such as ``90m`` or ``2h``.
    identity : str, optional
        Identity of the job for storage: ``job`` for its own, ``managed`` for the cluster's, or
        ``user`` for yours; by default what the service chooses.
    sweep : bool
        Try each candidate of the recipe's search as a job of its own; :func:`mlproject.best_run`
        names the best.
    max_concurrent_trials : int, optional
        Trials of a sweep at a time; by default as many as the cluster has nodes.
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
    job = JobOptions(
        compute=compute,
        environment=environment,
        image=image,
        env=env,
        instance_count=instance_count,
        instance_type=instance_type,
        timeout=timeout,
        identity=identity,
        wait=wait,
    )
    submission = training(request, SweepOptions(sweep, max_concurrent_trials))
    return submitted(submission, job, arguments.text(tracking), progress)


def submit_score(
    model: str,
    input: str | PathLike[str],  # noqa: A002 - the name of the option
    output: str | PathLike[str],
    *,
    compute: str | None = None,
    environment: str | None = None,
    image: str | None = None,
    env: Variables = (),
    instance_count: int | None = None,
    instance_type: str | None = None,
    timeout: str | None = None,
    identity: Identity | None = None,
    wait: bool = True,
    tracking: str | PathLike[str] | None = None,
    progress: bool | None = None,
    **options: Any,
) -> JobResult:
    """Score a file as a job, in the code that git tracks in the current folder.

    The other parameters, and errors, are those of ``mlproject.submit_train``.

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
    """
    request = ScoreRequest(model=model, input=str(input), output=str(output), **options)
    job = JobOptions(
        compute=compute,
        environment=environment,
        image=image,
        env=env,
        instance_count=instance_count,
        instance_type=instance_type,
        timeout=timeout,
        identity=identity,
        wait=wait,
    )
    return submitted(scoring(request), job, arguments.text(tracking), progress)


def training(request: TrainRequest, sweeping: SweepOptions | None = None) -> Submission:
    """Return a training as what is submitted, once its options are known to mean something."""
    from mlproject.jobs import words
    from mlproject.jobs.submission import Submission
    from training import catalogue, overrides

    sweeping = sweeping or SweepOptions()
    sweeping.check()
    overrides.check(request)
    recipe = request.recipe
    if recipe not in (None, catalogue.AUTO):
        catalogue.load(str(recipe))
    name = catalogue.AUTO if request.data and request.target else catalogue.DEFAULT
    experiment = request.experiment or Path(recipe or name).stem
    if sweeping.sweep:
        return _sweep(request, experiment, sweeping)
    line = partial(words.of_request, "train", request)
    return Submission("train", line, experiment, request.run_name)


def _sweep(request: TrainRequest, experiment: str, sweeping: SweepOptions) -> Submission:
    from mlproject.jobs import words
    from mlproject.jobs.submission import Submission
    from mlproject.jobs.sweeps import Sweep, of_trial
    from training import trials

    found = trials.of(request)
    sweep = Sweep(
        axes=found.axes,
        trials=found.count,
        is_drawn=found.is_drawn,
        seed=found.seed,
        metric=trials.METRIC,
        at_a_time=sweeping.max_concurrent_trials,
    )

    def line(code: Code, assets: Assets) -> Words:
        shared = words.of_request("train", found.request, code, assets)
        return of_trial(shared, sweep)

    return Submission("train", line, experiment, request.run_name, sweep=sweep)


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

    options = options.completed()
    if options.compute == LOCAL:
        return _run_here(submission, options, tracking, arguments.reporter(progress))
    return _submitter(options, tracking, progress).submit(submission, choose or detach)


def best_of_sweep(job: str, tracking: str | None) -> BestRun:
    """Return the best trial of a sweep, in the workspace that it ran in."""
    from mlproject.api import comparing

    return comparing.best_run(job, tracking=_uri(tracking))


def started(submission: Submission, options: JobOptions, tracking: str | None) -> JobResult:
    """Submit a job, and return once it has its run."""
    return _submitter(_elsewhere(options), tracking, progress=True).started(submission)


def planned(submission: Submission, options: JobOptions, tracking: str | None) -> dict[str, Any]:
    """Return the request that would submit a job."""
    return _submitter(_elsewhere(options), tracking, progress=False).request(submission)


def written(
    submission: Submission, options: JobOptions, tracking: str | None, progress: bool | None
) -> Path:
    """Write a job file, and return where it is."""
    path = Path(str(options.yaml)).absolute()
    _submitter(_elsewhere(options), tracking, progress).write_file(submission, path)
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

    return Submitter(_workspace(tracking), options, arguments.reporter(progress))


def _elsewhere(options: JobOptions) -> JobOptions:
    """Return options with the project's settings, for a job that is not a process here."""
    options = options.completed()
    if options.compute == LOCAL:
        raise ConfigurationError(
            "There is no request for --compute local", "It is a process here; leave out --dry-run"
        )
    return options


def _run_here(
    submission: Submission, options: JobOptions, tracking: str | None, reporter: Reporter
) -> JobResult:
    from mlproject.jobs import local
    from mlproject.jobs.assets import asset_of

    if submission.sweep is not None:
        raise ConfigurationError(
            "--sweep needs a cluster, but --compute is local",
            "Leave it out: one process tries all candidates",
        )
    local.check(options)
    target = resolve(tracking)
    found = partial(asset_of, lambda: _workspace(tracking))
    return local.run(submission, options, target, found, reporter)


def _workspace(tracking: str | None) -> Context:
    from mlproject.azure.connection import context

    return context.of(_uri(tracking))


def _uri(tracking: str | None) -> str:
    return workspace.target(tracking, "Jobs run").uri
