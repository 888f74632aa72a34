"""Jobs: Resource Manager makes, lists and cancels them, run history tells how they get on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from mlproject.azure.connection import context, credentials
from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.calls import Calls, error_text
from mlproject.azure.connection.context import Context
from mlproject.azure.connection.failures import AzureMLException, NotOffered
from mlproject.base.errors import TrackingError, reason

if TYPE_CHECKING:
    from mlproject.azure.connection.blobs import Blobs

# The identity of a job that acts for its submitter.
AS_USER = "UserIdentity"
_AUDIENCES = {
    "AzureUSGovernment": "https://ml.azure.us",
    "AzureChinaCloud": "https://ml.azure.cn",
}
COMPLETED, CANCELLED = "Completed", "Canceled"
ENDED = frozenset({COMPLETED, "Failed", CANCELLED, "NotResponding"})
# Jobs that were submitted by this project have it.
TAG = "mlproject-job"
_LOG = re.compile(r"user_logs/std_log\D*0*(?:_ps)?\.txt")
# Of the parent of a sweep, and of the build of an image.
_OTHER_LOGS = ("azureml-logs/hyperdrive.txt", "azureml-logs/20_image_build_log.txt")
_CODE = re.compile(r"exited with (?:status code|exit code|code) (\d+)")


@dataclass(frozen=True)
class Job:
    """A job as Resource Manager has it."""

    name: str
    status: str
    experiment: str
    compute: str
    created: str
    command: str


@dataclass(frozen=True)
class Details:
    """How a job gets on.

    Attributes
    ----------
    log : str or None
        The URL of what its command has printed so far.
    message : str or None
        Why it failed.
    """

    status: str
    experiment_id: str | None = None
    log: str | None = None
    message: str | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def has_run(self) -> bool:
        """Whether its command was ever started."""
        return self.log is not None

    @property
    def exit_code(self) -> int | None:
        """What the job's command ended with; None where it did not come to that."""
        if self.status == COMPLETED:
            return 0
        match = _CODE.search(self.message or "")
        return int(match[1]) if match else None


class Jobs:
    """The jobs of one workspace."""

    def __init__(self, found: Context) -> None:
        self.arm = Arm.of(found)
        self._calls = Calls(found)
        self._history = f"/history/v1.0{found.workspace.scope}/runs"

    @cached_property
    def _blobs(self) -> Blobs:
        from mlproject.azure.connection.blobs import Blobs

        return Blobs()

    def submit(self, name: str, properties: Mapping[str, Any]) -> None:
        """Make a job; made twice under one name, it is one job.

        One that is to act for its submitter takes the submitter's own token along.
        """
        identity = (properties.get("identity") or {}).get("identityType")
        headers = {"x-azureml-token": _own_token()} if identity == AS_USER else None
        self.arm.put(f"/jobs/{name}", {"properties": properties}, headers)

    def get(self, name: str) -> Job:
        """Return a job; TrackingError when there is none of this name."""
        found = self.arm.find(f"/jobs/{name}")
        if found is None:
            raise TrackingError(f"The workspace has no job '{name}'", "See mlproject jobs list")
        return _job(found)

    def listed(self, *, everybodys: bool) -> Iterator[Job]:
        """Return the jobs of this project, or all of them, the newest first."""
        narrowed = {} if everybodys else {"tag": TAG}
        return map(_job, self.arm.listed("/jobs", listViewType="ActiveOnly", **narrowed))

    def cancel(self, name: str) -> None:
        """Ask for a job's end; one that has ended stays as it is."""
        self.arm.post(f"/jobs/{name}/cancel")

    def details(self, name: str) -> Details | None:
        """Return how a job gets on; None when run history does not know it yet."""
        try:
            response = self._calls.send("GET", f"{self._history}/{name}/details")
        except NotOffered:
            return None
        if response.status_code == 404:
            return None
        if response.status_code >= 400:
            raise MlflowException(error_text(response), error_code=RESOURCE_DOES_NOT_EXIST)
        content = response.json()
        logs = content.get("logFiles") or {}
        named = [path for path in sorted(logs) if _LOG.fullmatch(path)]
        log = next((logs[path] for path in (*named, *_OTHER_LOGS) if path in logs), None)
        error = (content.get("error") or {}).get("error") or {}
        found = content.get("experimentId")
        return Details(str(content["status"]), found, log, error.get("message"))

    def read_log(self, url: str, start: int) -> bytes | None:
        """Return what a log has from a position on; None where its URL has ended."""
        from azure.core.exceptions import AzureError

        from mlproject.azure.connection.blobs import RefusedError

        try:
            return self._blobs.tail(url, start)
        except RefusedError:
            return None
        except AzureError as error:
            raise AzureMLException(f"its log cannot be read: {reason(error)}") from error

    def experiment_id(self, name: str) -> str | None:
        response = self._calls.send("GET", f"{self._history}/{name}")
        return response.json().get("experimentId") if response.status_code == 200 else None


def _own_token() -> str:
    """Return a token of whoever submits, for Azure ML itself and not for Resource Manager."""
    cloud = context.cloud()
    audience = _AUDIENCES.get(cloud.name, "https://ml.azure.com")
    credential = credentials.of_user(f"{audience}/.default", cloud._get_authority())
    return credential.get_token().token


def _job(resource: Mapping[str, Any]) -> Job:
    properties = resource["properties"]
    return Job(
        str(resource["name"]),
        str(properties.get("status")),
        str(properties.get("experimentName") or ""),
        str(properties.get("computeId") or "").rpartition("/")[2],
        str((resource.get("systemData") or {}).get("createdAt") or ""),
        str(properties.get("command") or (properties.get("trial") or {}).get("command") or ""),
    )
