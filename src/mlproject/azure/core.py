"""azureml-core, which knows a workspace's region; nothing else of this project imports it."""

from __future__ import annotations

import logging
import warnings
from typing import Any

from azureml.core import Workspace
from azureml.core.authentication import ArmTokenAuthentication

from mlproject.azure import context, uris
from mlproject.azure.workspace import Names
from mlproject.base.console import quiet_loggers
from mlproject.base.errors import TrackingError, one_line
from mlproject.base.redaction import redacted_text


class _Authentication(ArmTokenAuthentication):  # type: ignore[misc]
    """Our credential, as azureml-core asks for one: each request takes a token that holds."""

    def __init__(self, credential: Any) -> None:
        self._credential = credential
        super().__init__(None, cloud=context.cloud().name)

    def _get_arm_token(self) -> str:
        return str(self._credential.get_token().token)


def tracking_uri(names: Names) -> str:
    """Return the tracking URI of a workspace, under our scheme."""
    credential = context.user_credential()
    authentication = _Authentication(credential)
    failing = f"The Azure ML workspace '{names.name}' of {names.path} cannot be used"
    with quiet_loggers("azureml", level=logging.CRITICAL), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            authentication._get_arm_token()
            workspace = Workspace(names.subscription, names.group, names.name, auth=authentication)
            uri = str(workspace.get_mlflow_tracking_uri())
        except Exception as error:
            # azureml-core lets through whatever its many clients raise.
            raise TrackingError(f"{failing}: {_reason(error)}", _hint(error)) from error
    our_uri = uris.workspace_of(uri).uri
    context.adopt(our_uri, credential)
    return our_uri


def _reason(error: BaseException) -> str:
    """Return the first sentence of what azureml-core prints on several lines."""
    text = str(getattr(error, "message", None) or error)
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("Message:"):
            return redacted_text(one_line(stripped.removeprefix("Message:")))
    # On a subscription that is out of reach it goes on about other tenants and other ways.
    return redacted_text(one_line(text.partition(", please check")[0]))[:400]


def _hint(error: BaseException) -> str | None:
    text = str(error)
    if "AuthorizationFailed" in text or "does not have authorization" in text:
        return "Ask the workspace's owner for the role 'AzureML Data Scientist'"
    if "subscription" in text.lower() and "access" in text.lower():
        return "Check the subscription, and the directory that 'az login' signs in to"
    if "NotFound" in text or "not found" in text.lower():
        return "Check its three names, or download config.json again"
    return None
