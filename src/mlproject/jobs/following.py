"""A job's status and log, until its end: each line once, in order."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Literal

from mlproject.azure.resources.jobs import Details, Jobs
from mlproject.base.console import Reporter
from mlproject.base.errors import EXIT_INTERRUPTED, JobError, TrackingError
from mlproject.base.visible import visible
from mlproject.jobs.result import JobResult, failure
from mlproject.jobs.waiting import BUILDING, Waiting
from mlproject.tracking.failures import as_tracking_error

Choice = Literal["cancel", "detach"]
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_SLOWER = 1.3
# How often in turn a new URL of the log may be refused, and how many lines are kept of it.
_REFUSALS = 5
_LAST_LINES = 10
# How often it is asked anew why a job waits.
_SECONDS_BETWEEN_REASONS = 30.0


class JobLog:
    """What a job has printed, by line; only what is new is read."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._position = 0
        self._begun = b""
        self._refusals = 0

    def new_lines(self, url: str | None) -> Iterator[str]:
        """Yield the lines that were finished since the last time."""
        content: bytes | None = b""
        while url is not None and (content := self._jobs.read_log(url, self._position)):
            self._refusals = 0
            self._position += len(content)
            *lines, self._begun = (self._begun + content).split(b"\n")
            yield from (_text(line) for line in lines)
        # Where the URL has ended, the next one goes on from here.
        self._refusals = self._refusals + 1 if content is None else 0
        if self._refusals > _REFUSALS:
            raise TrackingError("The log of the job cannot be read: each new URL of it is refused")

    def last_line(self) -> Iterator[str]:
        """Yield what stands behind the last end of a line."""
        if self._begun:
            yield _text(self._begun)
            self._begun = b""

    @property
    def is_refused(self) -> bool:
        """Whether the last URL was refused, so that there may be more."""
        return self._refusals > 0


class Follower:
    """Follows one job; what it prints goes to ``write``, by line, or else to ``reporter``."""

    def __init__(
        self,
        jobs: Jobs,
        name: str,
        waiting: Waiting,
        reporter: Reporter,
        write: Callable[[str], None] | None = None,
    ) -> None:
        self._jobs = jobs
        self._name = name
        self._waiting = waiting
        self._reporter = reporter
        self._write = write or reporter.say
        self._log = JobLog(jobs)
        self._build_log = JobLog(jobs)
        self._told = ""
        self._asked_why = 0.0
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)

    @property
    def last_line(self) -> str:
        return self.last_lines[-1].removeprefix("Error: ") if self.last_lines else ""

    def to_end(self) -> Details:
        """Return how the job has ended, once it has and all of its log was written."""
        pause = _SHORTEST_PAUSE
        while True:
            details = self._asked()
            is_new = False
            if details is not None:
                self._tell(details.status)
                is_new = self._pass_on_new(details)
                if details.status == BUILDING:
                    is_new = self._pass_on_build()
                if details.has_ended and not self._log.is_refused:
                    self._pass_on(self._log.last_line())
                    return details
            pause = _SHORTEST_PAUSE if is_new else min(pause * _SLOWER, _LONGEST_PAUSE)
            time.sleep(pause)

    def so_far(self) -> Details:
        """Return how the job is now, after what it has printed."""
        while True:
            details = self._asked()
            if details is not None:
                self._pass_on_new(details)
            if not self._log.is_refused:
                self._pass_on(self._log.last_line())
                return details or Details("NotStarted")

    def _asked(self) -> Details | None:
        with self._as_tracking_error():
            return self._jobs.details(self._name)

    def _pass_on_new(self, details: Details) -> bool:
        with self._as_tracking_error():
            return self._pass_on(self._log.new_lines(details.log))

    def _as_tracking_error(self) -> AbstractContextManager[None]:
        again = f"The job goes on: mlproject jobs logs {self._name} --follow"
        return as_tracking_error(f"The job '{self._name}' cannot be followed", again)

    def interrupted(self, choose: Callable[[], Choice]) -> Details:
        """Return how the job ends, if who interrupted chooses to cancel it; else it goes on."""
        if choose() == "cancel":
            self._jobs.cancel(self._name)
            return self.to_end()
        raise JobError(
            f"The job '{self._name}' goes on, and is no longer followed",
            f"Come back: mlproject jobs logs {self._name} --follow; "
            f"end it: mlproject jobs cancel {self._name}",
            EXIT_INTERRUPTED,
        )

    def _pass_on(self, lines: Iterator[str]) -> bool:
        any_line = False
        for line in lines:
            any_line = True
            self._write(line)
            if line.strip():
                self.last_lines.append(line.strip())
        return any_line

    def _pass_on_build(self) -> bool:
        with self._as_tracking_error():
            lines = list(self._build_log.new_lines(self._waiting.build_log(self._name)))
        for line in lines:
            self._reporter.say(f"Image: {line}")
        self.last_lines.extend(line.strip() for line in lines if line.strip())
        return bool(lines)

    def _tell(self, status: str) -> None:
        """Tell a new status, and from time to time why a job still waits."""
        is_known = self._told.startswith(status)
        if is_known and time.monotonic() - self._asked_why < _SECONDS_BETWEEN_REASONS:
            return
        with self._as_tracking_error():
            why = self._waiting.words(status)
        self._asked_why = time.monotonic()
        text = f"{status}{f' ({why})' if why else ''}"
        if text != self._told:
            self._told = text
            self._reporter.say(f"Job {self._name}: {text}")


def completed(
    result: JobResult, details: Details, follower: Follower, reporter: Reporter
) -> JobResult:
    """Return what came of a job that has ended; JobError unless it has completed."""
    error = failure(result.job, details, follower.last_line)
    if error is None:
        return result
    if reporter.quiet:  # nobody has seen them
        for line in follower.last_lines:
            reporter.console.print(visible(line), markup=False)
    error.result = replace(result, exit_code=error.exit_code)
    error.run_id = result.run_id
    raise error


def detach() -> Choice:
    """Choose for those who are not there to be asked."""
    return "detach"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
