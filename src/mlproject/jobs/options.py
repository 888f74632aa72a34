"""What is asked of a job, beside what its command is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from mlproject.base import consent, settings
from mlproject.base.errors import ConfigurationError
from mlproject.base.options import NOT_GIVEN, Declared, Option, Options, declared
from mlproject.base.suggestions import did_you_mean

SERVERLESS, LOCAL = "serverless", "local"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_DURATION = re.compile(r"(\d+)\s*(s|m|h|d|)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class JobOptions(Options):
    """What is asked of a job."""

    compute: Annotated[
        str | None,
        Option(
            "Cluster of the workspace that runs the job; serverless; or local, for a process here.",
            metavar="NAME",
        ),
    ] = None
    environment: Annotated[
        str | None,
        Option(
            "Environment of the workspace, or URI of a registry's.",
            metavar="NAME[:VERSION]",
            unset="made from conda.yaml",
        ),
    ] = None
    env: Annotated[
        Sequence[str] | Mapping[str, str],
        Option("Environment variable of the job.", metavar="NAME=VALUE"),
    ] = ()
    image: Annotated[
        str | None,
        Option(
            "Base image of the environment of conda.yaml, such as one for GPUs.",
            metavar="IMAGE",
            unset="Azure ML's for CPUs",
        ),
    ] = None
    instance_count: Annotated[int | None, Option("Nodes of the cluster.", minimum=1, unset="1")] = (
        None
    )
    instance_type: Annotated[
        str | None,
        Option(
            "Machine of a serverless job, such as Standard_DS3_v2.",
            metavar="SIZE",
            unset="the service's choice",
        ),
    ] = None
    timeout: Annotated[
        str | None,
        Option("Time after which the job is cancelled, such as 90m or 2h.", metavar="DURATION"),
    ] = None
    identity: Annotated[
        Literal["job", "managed", "user"] | None,
        Option(
            "Identity for storage: that of the job, of the cluster (managed), or of whoever "
            "submits (user)."
        ),
    ] = None
    wait: Annotated[bool, Option("Submit, and do not follow the job.", in_project=False)] = True
    dry_run: Annotated[
        bool, Option("Print the request, and send and upload nothing.", in_project=False)
    ] = False
    yaml: Annotated[
        str | None,
        Option(
            "Write a job file for 'az ml job create -f' instead of submitting.",
            metavar="FILE",
            in_project=False,
        ),
    ] = None

    def completed(self) -> JobOptions:
        """Return the same, with what the project's settings say where nothing was given.

        What could send the job's code or token elsewhere is taken only where the user has allowed
        it.

        Raises
        ------
        ConfigurationError
            For what means nothing, or does not belong together.
        """
        given = self
        if self.instance_type and not self.compute:
            given = replace(self, compute=SERVERLESS)
        path = settings.find()
        if path is not None:
            content = settings.read(path)
            for wish in content.wishes_of_jobs(lacking=given.not_given):
                consent.check(path, wish)
            saved = of_mapping(content.jobs, f"'jobs' of {path}")
            given = replace(given, **{name: getattr(saved, name) for name in given.not_given})
        given.check()
        return given

    @property
    def not_given(self) -> list[str]:
        """The options that a settings file may fill in."""
        return [
            item.name
            for item in declared(type(self))
            if item.option.in_project and getattr(self, item.name) in NOT_GIVEN
        ]

    def check(self) -> None:
        """Raise ConfigurationError for what means nothing, or does not belong together."""
        _ = self.variables, self.seconds
        if self.image and self.environment:
            raise ConfigurationError(
                "--image and --environment exclude each other",
                "An image is what conda.yaml is installed on; a named environment has its own",
            )
        if self.instance_type and self.compute != SERVERLESS:
            raise ConfigurationError(
                f"--instance-type is for serverless jobs, but --compute is {self.compute}",
                "A cluster has machines of one size; leave one of the two out",
            )

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables. A ConfigurationError for what is none."""
        if isinstance(self.env, Mapping):
            return {name: str(value) for name, value in self.env.items()}
        found = {}
        for text in self.env:
            name, equals, value = text.partition("=")
            if not equals or not _NAME.fullmatch(name):
                raise ConfigurationError(f"--env is '{text}'", "Give NAME=VALUE")
            found[name] = value
        return found

    @property
    def seconds(self) -> int | None:
        """The timeout. A ConfigurationError for what is none."""
        if self.timeout is None:
            return None
        match = _DURATION.fullmatch(self.timeout.strip())
        seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
        if seconds < 1:
            raise ConfigurationError(f"--timeout is '{self.timeout}'", "Give 90s, 30m, 2h or 1d")
        return seconds


@dataclass(frozen=True)
class SweepOptions(Options):
    """How the candidates of a search are tried."""

    sweep: Annotated[
        bool,
        Option(
            "Try each candidate as a job of its own, under one parent: for searches that keep one "
            "machine busy for hours.",
            in_project=False,
        ),
    ] = False
    max_concurrent_trials: Annotated[
        int | None,
        Option("Trials at a time.", minimum=1, unset="the nodes of the cluster", in_project=False),
    ] = None

    def check(self) -> None:
        if self.max_concurrent_trials and not self.sweep:
            raise ConfigurationError("--max-concurrent-trials is for a sweep", "Give --sweep too")


def of_mapping(content: Mapping[str, Any], origin: str) -> JobOptions:
    """Return what a file says of jobs; a ConfigurationError for what it may not say."""
    known = {item.name: item for item in declared(JobOptions) if item.option.in_project}
    for key, value in content.items():
        if key not in known:
            hint = did_you_mean(str(key), known, noun="keys")
            raise ConfigurationError(f"{origin} has no key '{key}'", hint)
        problem = _problem(known[key], value)
        if problem:
            raise ConfigurationError(f"'{key}' in {origin} {problem}, not {value!r}")
    options = JobOptions(**content)
    _ = options.variables, options.seconds
    return options


def _problem(item: Declared, value: Any) -> str | None:
    """Return what a value should be; None where it is that, or left out."""
    if item.repeated:
        fits = isinstance(value, Mapping) and all(
            isinstance(found, (str, int, float)) for found in value.values()
        )
        return None if fits or value is None else "should map names to texts"
    if item.kind is int:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return None if is_whole or value is None else "should be a whole number"
    if item.choices and value is not None and value not in item.choices:
        return f"should be one of {', '.join(item.choices)}"
    return None if isinstance(value, str) or value is None else "should be a text"
