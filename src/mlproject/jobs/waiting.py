"""Why a job waits: the image of its environment is built, or its cluster has no node for it."""

from __future__ import annotations

from mlproject.azure.connection.context import Context
from mlproject.azure.resources import computes
from mlproject.azure.resources.builds import Builds
from mlproject.azure.resources.computes import Compute
from mlproject.azure.resources.jobs import Jobs
from mlproject.jobs.options import SERVERLESS

BUILDING, QUEUED = "Preparing", "Queued"


class Waiting:
    """What a job waits for, asked of the service."""

    def __init__(self, context: Context, jobs: Jobs, compute: str) -> None:
        self._jobs = jobs
        self._compute = compute
        self._builds = Builds(context)

    def words(self, status: str) -> str:
        """Return why a job with this status waits; nothing where it does not."""
        if status == BUILDING:
            return "the image of its environment is built, once for each environment"
        if status != QUEUED:
            return ""
        if self._compute in ("", SERVERLESS):
            return "it waits for a machine"
        found = computes.find(self._jobs.arm, self._compute)
        return f"it waits for nodes of {self._compute}{_of_nodes(found) if found else ''}"

    def build_log(self, job: str) -> str | None:
        """Return the URL of the log of the image that is built; None where none is told of."""
        name = self._builds.during(job)
        details = self._jobs.details(name) if name else None
        return details.log if details is not None else None


def _of_nodes(compute: Compute) -> str:
    told = []
    if compute.nodes is not None and compute.most_nodes is not None:
        busy = f", {compute.busy} busy" if compute.busy else ""
        told.append(f"{compute.nodes} of at most {compute.most_nodes} are there{busy}")
    if compute.problem:
        told.append(compute.problem.rstrip("."))
    return f": {'; '.join(told)}" if told else ""
