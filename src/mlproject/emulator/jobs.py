"""A job of the workspace: what its process finds in its environment, in the place of a secret."""

from __future__ import annotations

import calendar
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from mlproject.base import environ
from mlproject.base.errors import TrackingError
from mlproject.emulator import identities
from mlproject.emulator.keeping.signing import ZULU

if TYPE_CHECKING:
    from mlproject.emulator.instance import EmulatorInstance

_SECONDS = 30.0
# The emulator may have been told to fail now and then.
_RETRIES = Retry(10, allowed_methods=None, status_forcelist=(429, 502, 503))


@dataclass(frozen=True)
class JobRun:
    """The run of a job, as clients know it."""

    run_id: str
    experiment_id: str
    experiment_name: str


def job_environment(
    instance: EmulatorInstance, run_id: str, experiment_id: str, experiment_name: str
) -> dict[str, str]:
    token, expires = _made(instance, run_id, experiment_id)
    run = JobRun(run_id, experiment_id, experiment_name)
    return instance.network({}) | variables(run, token, expires)


def variables(run: JobRun, token: str, expires: int) -> dict[str, str]:
    """Return what the service sets for a job's process, whoever started it."""
    context = {
        "subscription_id": identities.SUBSCRIPTION,
        "resource_group": identities.RESOURCE_GROUP,
        "workspace_name": identities.WORKSPACE,
        "workspace_id": identities.WORKSPACE_ID,
        "service_endpoint": f"https://{identities.API_HOST}",
        "discovery_endpoint": f"https://{identities.API_HOST}/discovery",
        "experiment_name": run.experiment_name,
        "experiment_id": run.experiment_id,
        "root_run_id": run.run_id,
        "run_id": run.run_id,
        "run_token": token,
    }
    return {
        environ.TRACKING_URI: identities.TRACKING_URI,
        "MLFLOW_TRACKING_TOKEN": token,
        environ.RUN_ID: run.run_id,
        environ.EXPERIMENT_ID: run.experiment_id,
        environ.EXPERIMENT_NAME: run.experiment_name,
        "AZUREML_ARM_SUBSCRIPTION": identities.SUBSCRIPTION,
        "AZUREML_ARM_RESOURCEGROUP": identities.RESOURCE_GROUP,
        "AZUREML_ARM_WORKSPACE_NAME": identities.WORKSPACE,
        "AZUREML_ARM_PROJECT_NAME": run.experiment_name,
        "AZUREML_WORKSPACE_ID": identities.WORKSPACE_ID,
        "AZUREML_EXPERIMENT_ID": run.experiment_id,
        "AZUREML_RUN_ID": run.run_id,
        "AZUREML_RUN_TOKEN": token,
        "AZUREML_RUN_TOKEN_EXPIRY": str(expires),
        "AZUREML_SERVICE_ENDPOINT": f"https://{identities.API_HOST}",
        "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"https://{identities.API_HOST}/discovery",
        "AZUREML_CR_AZUREML_CONTEXT": json.dumps(context),
    }


def _made(instance: EmulatorInstance, run_id: str, experiment_id: str) -> tuple[str, int]:
    """Make a job's run where there is none, and return a token of it.

    With when it expires, in seconds since the epoch.
    It is asked for over HTTP, so that this can be another process than the emulator's.
    """
    login = f"https://{identities.LOGIN_HOST}/{identities.TENANT}/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": identities.CLIENT_ID,
        "client_secret": identities.CLIENT_SECRET,
        "scope": f"https://{identities.ARM_HOST}/.default",
    }
    run = f"experimentids/{experiment_id}/runs/{run_id}"
    url = f"https://{identities.API_HOST}/history/v1.0{identities.SCOPE}/{run}"
    with requests.Session() as session:
        session.trust_env = False
        session.proxies = {"https": instance.address}
        session.verify = str(instance.authority)
        session.mount("https://", HTTPAdapter(max_retries=_RETRIES))
        try:
            signed_in = session.post(login, form, timeout=_SECONDS)
            signed_in.raise_for_status()
            head = {"Authorization": f"Bearer {signed_in.json()['access_token']}"}
            session.patch(url, json={}, headers=head, timeout=_SECONDS).raise_for_status()
            response = session.get(f"{url}/token", headers=head, timeout=_SECONDS)
            response.raise_for_status()
        except requests.RequestException as error:
            raise TrackingError(
                f"The emulator at {instance.address} gave no token: {error}",
                "Start one: mlproject emulator start",
            ) from error
    content = response.json()
    return content["token"], calendar.timegm(time.strptime(content["expiryTimeUtc"], ZULU))
