"""Who may do what, for how long, and what leads a client to the emulator."""

from __future__ import annotations

import json
import os
import time
import uuid
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
    assert guest.sign_in(client_secret="wrong").status_code == 401
    assert azureml_emulator.environment_of("guest")["AZURE_CLIENT_ID"] == identities.GUEST_ID


@pytest.mark.parametrize(
    ("wrong", "status", "error", "code"),
    [
        ({"tenant": "common"}, 400, "invalid_request", "AADSTS90002"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "AADSTS70003"),
        ({"grant_type": ""}, 400, "unsupported_grant_type", "AADSTS70003"),
        ({"client_id": identities.TENANT}, 401, "invalid_client", "AADSTS7000215"),
    ],
)
def test_who_signs_in_wrongly_gets_no_token(
    azureml_emulator: EmulatorInstance, wrong: dict[str, str], status: int, error: str, code: str
) -> None:
    answer = Client(azureml_emulator).sign_in(**wrong)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"].startswith(code)
    assert "access_token" not in answer.json()


def test_a_tenant_that_is_not_there_has_no_endpoints(client: Client) -> None:
    there, other = (
        client.session.get(f"https://{identities.LOGIN_HOST}/{tenant}/v2.0/.well-known{tail}")
        for tenant, tail in (
            (identities.TENANT, "/openid-configuration"),
            ("contoso.example", "/openid-configuration"),
        )
    )

    assert there.json()["token_endpoint"].endswith(f"/{identities.TENANT}/oauth2/v2.0/token")
    assert (other.status_code, other.json()["error"]) == (400, "invalid_tenant")


def test_a_token_holds_for_its_audience_only(
    azureml_emulator: EmulatorInstance, tmp_path: Path
) -> None:
    client, arm = Client(azureml_emulator), f"https://{identities.ARM_HOST}{identities.SCOPE}"
    expected = {
        "https://management.azure.com/.default": (200, 200),
        "https://management.azure.com//.default": (200, 200),
        "https://management.core.windows.net//.default": (200, 200),
        "https://ml.azure.com/.default": (401, 200),
        "https://storage.azure.com/.default": (401, 401),
    }
    for scope, statuses in expected.items():
        client.sign_in(scope=scope)
        asked = client.session.get(arm), client.mlflow("experiments/search", max_results=1)
        assert tuple(answer.status_code for answer in asked) == statuses, scope
    assert asked[0].json()["error"]["code"] == "InvalidAuthenticationTokenAudience"
    assert "wrong audience" in asked[1].json()["Error"]["Message"]
    with emulated(tmp_path, any_audience=True) as (_, other):
        other.sign_in(scope="https://storage.azure.com/.default")
        assert other.session.get(arm).status_code == 200


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


def test_the_run_of_a_job_has_the_jobs_name_and_is_there_before_it(
    client: Client, azureml_emulator: EmulatorInstance
) -> None:
    experiment, name = client.experiment(), f"exp_1700000000_{os.urandom(4).hex()}"
    for _ in range(2):
        job = azureml_emulator.job_environment(name, experiment, "mine")
        assert job["MLFLOW_RUN_ID"] == name
    tagged = client.mlflow("runs/set-tag", run_id=name, key="t", value="1")
    info = client.get("runs/get", run_id=name).json()["run"]["info"]
    listed = client.mlflow(
        "runs/search", experiment_ids=[experiment], filter=f"attributes.run_id = '{name}'"
    ).json()["runs"]

    assert tagged.status_code == 200
    assert (info["run_id"], info["run_uuid"], info["run_name"]) == (name, name, name)
    assert info["artifact_uri"].endswith(f"/experiments/{experiment}/runs/{name}/artifacts")
    assert info["experiment_id"] == experiment
    assert [run["info"]["run_id"] for run in listed] == [name]
    client.written(info, "a.txt", b"hello")
    assert client.session.get(client.located(info, "a.txt")).content == b"hello"


def test_a_job_needs_an_experiment_and_a_name_that_can_be(client: Client) -> None:
    base, guid = f"{API}/history/v1.0{identities.SCOPE}", str(uuid.uuid4())
    experiment = client.experiment()
    name = client.get("experiments/get", experiment_id=experiment).json()["experiment"]["name"]
    patch = client.session.patch

    assert patch(f"{base}/experiments/no-such/runs/a", json={}).status_code == 404
    assert patch(f"{base}/experimentids/{guid}/runs/a", json={}).status_code == 404
    assert patch(f"{base}/experimentids/{experiment}/runs/a%20b", json={}).status_code == 400
    made = patch(f"{base}/experiments/{name}/runs/{guid}", json={})
    assert made.json() == {"runId": guid, "experimentId": experiment}
    assert client.get("runs/get", run_id=guid).json()["run"]["info"]["run_id"] == guid


def test_a_token_expires(tmp_path: Path) -> None:
    with emulated(tmp_path, token_life=1.0) as (found, client):
        before = client.mlflow("experiments/search", max_results=1)
        time.sleep(1.1)
        after = client.mlflow("experiments/search", max_results=1)
        arm = client.session.get(f"https://{identities.ARM_HOST}{identities.SCOPE}")
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
        *("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MLFLOW_TRACKING_URI", "MSI_ENDPOINT"),
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
