"""Who may do what, for how long, and what leads a client to the emulator."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import requests

from mlproject.base.errors import TrackingError
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from tests.emulator.conftest import API, Client, emulated


def test_the_machine_has_an_identity_for_who_knows_its_header(
    azureml_emulator: EmulatorInstance,
) -> None:
    variables = azureml_emulator.environment_of("managed")
    endpoint, head = variables["IDENTITY_ENDPOINT"], variables["IDENTITY_HEADER"]
    query = {"api-version": "2019-08-01", "resource": f"https://{identities.ARM_HOST}"}

    assert not [name for name in variables if "SECRET" in name or "CLIENT_ID" in name]
    wrong = requests.get(endpoint, query, headers={"X-IDENTITY-HEADER": "no"})
    assert wrong.status_code == 401
    found = requests.get(endpoint, query, headers={"X-IDENTITY-HEADER": head}).json()
    assert found["client_id"] == identities.MANAGED_ID
    assert found["resource"] == query["resource"]
    assert int(found["expires_on"]) > time.time()
    client = Client(azureml_emulator)
    client.session.headers["Authorization"] = f"{found['token_type']} {found['access_token']}"
    assert client.mlflow("experiments/search", max_results=1).status_code == 200


def test_a_guest_signs_in_and_may_do_nothing(azureml_emulator: EmulatorInstance) -> None:
    guest = Client(azureml_emulator, identities.GUEST_ID)
    arm = f"https://{identities.ARM_HOST}"
    answers = [
        guest.session.get(f"{arm}{identities.SCOPE}?api-version=2022-05-01"),
        guest.mlflow("experiments/search", max_results=1),
        guest.mlflow("runs/create", experiment_id="0"),
    ]

    for answer in answers:
        assert answer.status_code == 403
        error = answer.json()["error"]
        assert error["code"] == "AuthorizationFailed"
        assert error["message"].startswith(
            f"The client '{identities.GUEST_ID}' with object id '{identities.GUEST_ID}' does not "
            "have authorization to perform action 'Microsoft.MachineLearningServices/workspaces/"
        )
        assert f"over scope '{identities.SCOPE}'" in error["message"]
    assert guest.session.get(f"{arm}/subscriptions").json() == {"value": []}
    assert guest.signed_in(identities.GUEST_ID, "wrong") == "None"
    assert azureml_emulator.environment_of("guest")["AZURE_CLIENT_ID"] == identities.GUEST_ID


def test_there_is_no_way_to_a_host_that_is_not_emulated(client: Client) -> None:
    for host in ("example.com", "other.blob.core.windows.net", "eastus.api.azureml.ms"):
        with pytest.raises(requests.exceptions.ProxyError, match="502"):
            client.session.get(f"https://{host}/")


def test_a_job_has_a_token_of_its_run_and_no_secret(
    client: Client, azureml_emulator: EmulatorInstance
) -> None:
    run = client.run()
    job = azureml_emulator.job_environment(run["run_id"], run["experiment_id"], "mine")

    assert identities.CLIENT_SECRET not in job.values()
    assert job["MLFLOW_TRACKING_URI"].startswith("azureml://")
    assert job["MLFLOW_RUN_ID"] == job["AZUREML_RUN_ID"] == run["run_id"]
    assert job["MLFLOW_EXPERIMENT_ID"] == job["AZUREML_EXPERIMENT_ID"] == run["experiment_id"]
    assert job["MLFLOW_EXPERIMENT_NAME"] == job["AZUREML_ARM_PROJECT_NAME"] == "mine"
    assert int(job["AZUREML_RUN_TOKEN_EXPIRY"]) > time.time()
    mine = Client(azureml_emulator)
    mine.session.headers["Authorization"] = f"Bearer {job['MLFLOW_TRACKING_TOKEN']}"
    path = f"experimentids/{run['experiment_id']}/runs/{run['run_id']}/token"
    again = mine.session.get(f"{API}/history/v1.0{identities.SCOPE}/{path}").json()
    assert set(again) == {"token", "expiryTimeUtc"}
    assert mine.mlflow("runs/set-tag", run_id=run["run_id"], key="t", value="1").ok


def test_a_token_expires(tmp_path: Path) -> None:
    with emulated(tmp_path, token_life=1.0) as (found, client):
        before = client.mlflow("experiments/search", max_results=1)
        time.sleep(1.1)
        after = client.mlflow("experiments/search", max_results=1)
        arm = client.session.get(f"https://{identities.ARM_HOST}{identities.SCOPE}")
        assert found.job_environment("a", "b", "c")["MLFLOW_TRACKING_TOKEN"]
    with pytest.raises(TrackingError, match="gave no token"):
        found.job_environment("a", "b", "c")

    assert (before.status_code, after.status_code, arm.status_code) == (200, 401, 401)
    assert "error_code" not in after.json()
    assert after.json()["Error"]["Message"] == "The token is missing, wrong or expired."
    assert arm.json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_a_process_is_kept_from_what_would_lead_it_elsewhere(
    azureml_emulator: EmulatorInstance,
) -> None:
    around = {
        "PATH": "/bin",
        "https_proxy": "http://proxy.example:3128",
        "NO_PROXY": "intranet.example, .azureml.ms,management.azure.com:443,*",
        "AZURE_AUTHORITY_HOST": "login.example",
        "AZURE_CLIENT_SECRET": "mine",
        "AZUREML_RUN_TOKEN_EXPIRY": "1",
        "AZUREML_ARTIFACT_BATCH_SIZE": "10",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
        "MLFLOW_TRACKING_TOKEN": "mine",
        "MLFLOW_EXPERIMENT_NAME": "mine",
    }
    found = azureml_emulator.process_environment("managed", around)

    assert set(found) == {
        *("PATH", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "MLFLOW_EXPERIMENT_NAME"),
        *("AZUREML_CURRENT_CLOUD", "AZUREML_ARTIFACT_BATCH_SIZE", "MLPROJECT_WORKSPACE"),
        *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MLFLOW_TRACKING_URI"),
    }
    assert found["MLFLOW_TRACKING_URI"].startswith(f"azureml3://{identities.API_HOST}/")
    assert found["NO_PROXY"] == "127.0.0.1,localhost,::1,intranet.example"
    assert found["HTTPS_PROXY"] == azureml_emulator.address
    config = json.loads(Path(found["MLPROJECT_WORKSPACE"]).read_text())
    assert config["workspace_name"] == identities.WORKSPACE
    for kept in (
        identities.TRACKING_URI,
        identities.TRACKING_URI.replace("azureml", "azureml3", 1),
        "azureml",
    ):
        mine = azureml_emulator.process_environment("secret", {"MLFLOW_TRACKING_URI": kept})
        assert mine["MLFLOW_TRACKING_URI"] == kept


def test_a_test_has_the_workspace_in_its_environment(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "login.example")
    found = request.getfixturevalue("azureml_workspace")

    assert "AZURE_AUTHORITY_HOST" not in os.environ
    assert os.environ["HTTPS_PROXY"] == found.address
    assert Path(os.environ["HOME"]).is_relative_to(tmp_path)
    assert "127.0.0.1" in os.environ["NO_PROXY"]
