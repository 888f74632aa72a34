"""A job of the workspace: what its process finds in its environment, in the place of a secret."""

from __future__ import annotations

import calendar
import json
import ssl
import time
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from mlproject.base import environ
from mlproject.base.errors import TrackingError
from mlproject.emulator import names
from mlproject.emulator.environment import Reached, network
from mlproject.emulator.signing import ZULU

_SECONDS = 30.0
_ATTEMPTS = 10


def job_environment(
    reached: Reached, run_id: str, experiment_id: str, experiment_name: str
) -> dict[str, str]:
    """Return the variables that a job's process has on the service, for a run that there is.

    The run's token is asked for over HTTP, so that this can be another process than the
    emulator's.

    Parameters
    ----------
    reached : Reached
    run_id, experiment_id, experiment_name : str
        Of the run that the job is.

    Raises
    ------
    TrackingError
        When the emulator does not answer.
    """
    token, expires = run_token(reached, run_id, experiment_id)
    return network(reached, {}) | {
        environ.TRACKING_URI: names.TRACKING_URI,
        "MLFLOW_TRACKING_TOKEN": token,
        environ.RUN_ID: run_id,
        environ.EXPERIMENT_ID: experiment_id,
        environ.EXPERIMENT_NAME: experiment_name,
        "AZUREML_ARM_SUBSCRIPTION": names.SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": names.RESOURCE_GROUP,
        "AZUREML_ARM_WORKSPACE_NAME": names.WORKSPACE,
        "AZUREML_ARM_PROJECT_NAME": experiment_name,
        "AZUREML_WORKSPACE_ID": names.WORKSPACE_ID,
        "AZUREML_EXPERIMENT_ID": experiment_id,
        "AZUREML_RUN_ID": run_id,
        "AZUREML_RUN_TOKEN": token,
        "AZUREML_RUN_TOKEN_EXPIRY": str(expires),
        "AZUREML_SERVICE_ENDPOINT": f"https://{names.API_HOST}",
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{names.API_HOST}/discovery",
    }


def run_token(reached: Reached, run_id: str, experiment_id: str) -> tuple[str, int]:
    """Sign in, and return a new token of a run and when it expires, in seconds since the epoch."""
    form = {
        "grant_type": "client_credentials",
        "client_id": names.CLIENT_ID,
        "client_secret": names.CLIENT_SECRET,
        "scope": f"https://{names.ARM_HOST}/.default",
    }
    login = f"https://{names.LOGIN_HOST}/{names.TENANT}/oauth2/v2.0/token"
    mine = _asked(reached, login, body=urlencode(form).encode())
    path = f"/history/v1.0{names.SCOPE}/experimentids/{experiment_id}/runs/{run_id}/token"
    head = {"Authorization": f"Bearer {mine['access_token']}"}
    found = _asked(reached, f"https://{names.API_HOST}{path}", headers=head)
    return found["token"], calendar.timegm(time.strptime(found["expiryTimeUtc"], ZULU))


def _asked(
    reached: Reached,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    context = ssl.create_default_context(cafile=str(reached.authority))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": reached.address}),
        urllib.request.HTTPSHandler(context=context),
    )
    request = urllib.request.Request(url, body, dict(headers or {}))  # noqa: S310 - https
    for left in reversed(range(_ATTEMPTS)):
        try:
            with opener.open(request, timeout=_SECONDS) as answer:
                return json.loads(answer.read())
        except (OSError, HTTPException) as error:  # it may have been told to fail now and then
            if not left:
                raise TrackingError(
                    f"The emulator at {reached.address} gave no token: {error}",
                    "Start one: mlproject emulator start",
                ) from error
    raise AssertionError
