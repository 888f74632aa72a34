"""Jobs that were submitted before: their logs, and their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from mlproject.azure.connection.context import Context
from mlproject.azure.resources.jobs import ENDED, Job, Jobs
from mlproject.base.console import Reporter
from mlproject.jobs.following import Choice, Follower, completed
from mlproject.jobs.result import JobResult
from mlproject.jobs.waiting import Waiting
from mlproject.tracking.failures import as_tracking_error

_POLL_SECONDS = 0.5


class ExistingJobs:
    """The jobs of one workspace."""

    def __init__(self, context: Context, reporter: Reporter) -> None:
        self._context = context
        self._jobs = Jobs(context)
        self._reporter = reporter

    def listed(self, most: int, *, everybodys: bool) -> list[Job]:
        """Return the newest jobs of this project, or of everybody."""
        with as_tracking_error("The jobs of the workspace cannot be listed"):
            return list(islice(self._jobs.listed(everybodys=everybodys), most))

    def shown(self, name: str) -> JobResult:
        """Return how a job is."""
        job = self._found(name)
        with as_tracking_error(f"The job '{name}' cannot be read"):
            details = self._jobs.details(job.name)
        code = details.exit_code if details is not None else None
        experiment_id = details.experiment_id if details is not None else None
        return self._result(job, experiment_id, code)

    def log(
        self, name: str, write: Callable[[str], None], choose: Callable[[], Choice], *, follow: bool
    ) -> JobResult:
        """Pass on what a job has printed; all that it will, when it is followed.

        Raises
        ------
        JobError
            When a job that is followed does not complete.
        """
        job = self._found(name)
        waiting = Waiting(self._context, self._jobs, job.compute)
        follower = Follower(self._jobs, job.name, waiting, self._reporter, write)
        if not follow:
            details = follower.so_far()
            return self._result(job, details.experiment_id, details.exit_code)
        try:
            details = follower.to_end()
        except KeyboardInterrupt:
            details = follower.interrupted(choose)
        ended = Job(**{**vars(job), "status": details.status})
        result = self._result(ended, details.experiment_id, details.exit_code)
        return completed(result, details, follower, self._reporter)

    def cancel(self, name: str) -> JobResult:
        """Cancel a job, and return once it has ended; one that has ended stays as it is."""
        job = self._found(name)
        if job.status not in ENDED:
            with as_tracking_error(f"The job '{name}' cannot be cancelled"):
                self._jobs.cancel(job.name)
                while (job := self._jobs.get(name)).status not in ENDED:
                    time.sleep(_POLL_SECONDS)
        return self.shown(name)

    def _found(self, name: str) -> Job:
        with as_tracking_error(f"The job '{name}' cannot be read"):
            return self._jobs.get(name)

    def _result(self, job: Job, experiment_id: str | None, code: int | None) -> JobResult:
        workspace, tenant = self._context.workspace, self._context.credential.tenant
        return JobResult(
            job=job.name,
            run_id=job.name,
            experiment=job.experiment,
            experiment_id=experiment_id,
            status=job.status,
            exit_code=code,
            studio=workspace.link(job.name, tenant),
            compute=job.compute,
        )
