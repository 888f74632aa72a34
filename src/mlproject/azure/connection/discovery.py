"""Which host answers for a workspace: Resource Manager knows its discovery service, that the host.

These are the two requests that azureml-core's ``Workspace`` makes for it, under our own rules for
what is tried again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import MlflowHostCreds, http_request

from mlproject.azure.connection import context
from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.calls import answered
from mlproject.azure.connection.failures import AzureMLException, pause_after_silence, repeat
from mlproject.azure.connection.uris import Workspace, is_service_host
from mlproject.azure.connection.workspace import Names
from mlproject.base.errors import TrackingError, one_line
from mlproject.base.hosts import host_of
from mlproject.base.redaction import redacted_text

_VERSION = "2022-05-01"


def tracking_uri(names: Names) -> str:
    """Return the tracking URI of a workspace, under our scheme."""
    failing = f"The Azure ML workspace '{names.name}' of {names.path} cannot be used"
    try:
        credential = context.user_credential()
        credential.get_token()
        nameless = Workspace("", names.subscription, names.group, names.name)
        found = host(Arm(nameless, credential, _VERSION))
    except MlflowException as error:
        raise TrackingError(f"{failing}: {_reason(error)}", _hint(error)) from error
    workspace = Workspace(found, names.subscription, names.group, names.name)
    context.adopt(workspace.uri, credential)
    return workspace.uri


def host(arm: Arm) -> str:
    """Return the host that answers for a workspace; MlflowException where none is named."""
    found = host_of(str(_json(_discovery(arm.get())).get("api")))
    if found is None or not is_service_host(found):
        raise MlflowException("its discovery service names no host of Azure ML")
    return found


def _discovery(workspace: Mapping[str, Any]) -> str:
    address = (workspace.get("properties") or {}).get("discoveryUrl")
    if not address:
        raise MlflowException("Resource Manager does not name its discovery service")
    return str(address)


def _json(address: str) -> dict[str, Any]:
    """Return what an address answers, to anybody."""
    parts = urlsplit(address)
    creds = MlflowHostCreds(f"https://{parts.netloc}")
    response = repeat(
        lambda: answered(
            lambda: http_request(creds, parts.path, "GET", max_retries=0, raise_on_status=False),
            f"{parts.netloc} answers",
        ),
        pause_after_silence,
    )
    try:
        content = json.loads(response.text)
    except ValueError:
        content = None
    if response.status_code != 200 or not isinstance(content, dict):
        raise MlflowException(f"its discovery service answers {response.status_code}")
    return content


def _reason(error: Exception) -> str:
    return redacted_text(one_line(str(getattr(error, "message", None) or error)))[:600]


def _hint(error: MlflowException) -> str | None:
    if isinstance(error, AzureMLException):  # it says what to do itself
        return None
    text = str(error).lower()
    if "subscription" in text and "not found" not in text.partition("subscription")[0]:
        return "Check the subscription, and the directory that 'az login' signs in to"
    return "Check its three names, or download config.json again" if "not found" in text else None
