"""What comes back of a job."""

from __future__ import annotations

from dataclasses import dataclass

from mlproject.azure.resources.jobs import CANCELLED, COMPLETED, Details
from mlproject.base.errors import EXIT_INTERRUPTED, EXIT_TRACKING, JobError


@dataclass(frozen=True)
class JobResult:
    """A job that was submitted.

    Attributes
    ----------
    status : str
        The service's word for it, when it was last asked.
    exit_code : int or None
        What its command ended with; None while it is not over, and where it did not come to that.
    """

    job: str
    run_id: str
    experiment: str
    experiment_id: str | None
    status: str
    exit_code: int | None
    studio: str
    compute: str = ""
    code_files: int = 0
    code_bytes: int = 0
    files_uploaded: int = 0


def failure(name: str, details: Details, last_line: str) -> JobError | None:
    """Return the error that a job has ended with; None for one that has completed."""
    if details.status == COMPLETED:
        return None
    again = f"Its log: mlproject jobs logs {name}"
    if details.status == CANCELLED:
        why = f": {details.message}" if details.message else ""
        return JobError(f"The job '{name}' was cancelled{why}", again, EXIT_INTERRUPTED)
    code = details.exit_code
    if code:
        said = f"; its last line: {last_line}" if last_line else ""
        return JobError(f"The job '{name}' failed with exit code {code}{said}", again, code)
    said = details.message or f"its status is {details.status}"
    if last_line and not details.has_run:
        said = f"{said.rstrip('.')}; the last line of the image's log: {last_line}"
    return JobError(f"The job '{name}' failed: {said}", again, EXIT_TRACKING)
