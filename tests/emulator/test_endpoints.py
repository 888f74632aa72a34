"""Online endpoints on the emulator, by plain HTTP: who may ask, what answers, what is refused."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from mlproject.emulator import identities
from mlproject.emulator.endpoints.container_runner import CRASHED
from tests.emulator.conftest import Client, emulated

ARM = f"https://{identities.ARM_HOST}{identities.SCOPE}"
BLOB = {"x-ms-blob-type": "BlockBlob"}
SCRIPT = """
import json, os, time
from azureml_inference_server_http.api.aml_request import rawhttp
from azureml_inference_server_http.api.aml_response import AMLResponse

def init():
    print("started as", os.environ["WHO"])
    if os.environ["WHO"] == "broken":
        raise RuntimeError("no model")

@rawhttp
def run(request):
    given = json.loads(request.get_data())
    if "wait" in given:
        time.sleep(given["wait"])
    if "fail" in given:
        raise ValueError(given["fail"])
    return AMLResponse(json.dumps([os.environ["WHO"]]), given.get("status", 200))
"""


class EndpointClient:
    """Makes and asks endpoints, as the service's own API has it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.session = client.session
        pending = self.session.post(f"{ARM}/codes/c/versions/1/startPendingUpload", json={})
        reference = pending.json()["blobReferenceForConsumption"]
        url, query = reference["credential"]["sasUri"].split("?")
        self.session.put(f"{url}/code/score.py?{query}", SCRIPT, headers=BLOB)
        self.put("codes/c/versions/1", {"codeUri": f"{url}/code", "isAnonymous": True})
        self.put("environments/e/versions/1", {"image": "an-image", "condaFile": "name: x"})

    def put(self, path: str, properties: dict[str, Any], **more: Any) -> requests.Response:
        content = {"location": "westeurope", "properties": properties} | more
        return self.session.put(f"{ARM}/{path}", json=content)

    def get(self, path: str) -> requests.Response:
        return self.session.get(f"{ARM}/{path}")

    def post(self, path: str, **content: Any) -> Any:
        return self.session.post(f"{ARM}/{path}", json=content).json()

    def ended(self, answer: requests.Response) -> dict[str, Any]:
        """Wait for the end of an operation, and return it."""
        assert answer.status_code in (200, 201, 202), answer.text
        for _ in range(600):
            found = self.session.get(answer.headers["Azure-AsyncOperation"]).json()
            if found["status"] != "InProgress":
                return dict(found)
            time.sleep(0.05)
        raise AssertionError(found)

    def endpoint(self, name: str, mode: str = "Key", **traffic: int) -> dict[str, Any]:
        made = self.put(f"onlineEndpoints/{name}", {"authMode": mode, "traffic": traffic})
        return self.ended(made)

    def deployment(self, endpoint: str, name: str, **more: Any) -> requests.Response:
        properties = {
            "instanceType": "Standard_DS3_v2",
            "codeConfiguration": {
                "codeId": f"{identities.SCOPE}/codes/c/versions/1",
                "scoringScript": "score.py",
            },
            "environmentId": f"{identities.SCOPE}/environments/e/versions/1",
            "environmentVariables": {"WHO": name},
        }
        return self.put(f"onlineEndpoints/{endpoint}/deployments/{name}", properties | more)

    def key(self, endpoint: str) -> str:
        return str(self.post(f"onlineEndpoints/{endpoint}/listKeys")["primaryKey"])

    def ask(
        self, endpoint: str, token: str | None = None, *, to: str | None = None, **content: Any
    ) -> requests.Response:
        token = self.key(endpoint) if token is None else token
        headers = {"Authorization": f"Bearer {token}"}
        if to is not None:
            headers["azureml-model-deployment"] = to
        url = f"https://{endpoint}.{identities.SCORING_DOMAIN}/score"
        return self.session.post(url, json=content, headers=headers)


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointClient]:
    with emulated(tmp_path_factory.mktemp("endpoints") / "state", job_delay=0.0) as (_, client):
        made = EndpointClient(client)
        assert made.endpoint("asked")["status"] == "Succeeded"
        for name in ("blue", "green"):
            assert made.ended(made.deployment("asked", name))["status"] == "Succeeded"
        yield made


def test_requests_are_shared_by_traffic_and_a_header_names_a_deployment(
    endpoints: EndpointClient,
) -> None:
    assert endpoints.ask("asked").status_code == 404  # nothing has any traffic
    assert endpoints.ask("asked", to="green").json() == ["green"]
    assert endpoints.endpoint("asked", blue=50, green=50)["status"] == "Succeeded"
    key = endpoints.key("asked")
    counts = Counter(endpoints.ask("asked", key).json()[0] for _ in range(40))
    assert set(counts) == {"blue", "green"}
    assert endpoints.ask("asked", to="red").status_code == 404
    assert endpoints.endpoint("asked", blue=100)["status"] == "Succeeded"
    assert {endpoints.ask("asked", key).json()[0] for _ in range(10)} == {"blue"}


def test_a_script_chooses_the_status_and_one_that_raises_is_424(endpoints: EndpointClient) -> None:
    assert endpoints.ask("asked", to="blue", status=400).status_code == 400
    failed = endpoints.ask("asked", to="blue", fail="no such column")
    assert (failed.status_code, failed.text) == (424, "no such column")
    log = endpoints.post("onlineEndpoints/asked/deployments/blue/getLogs", tail=1)["content"]
    assert log == "ValueError: no such column"


def test_who_asks_without_the_key_or_token_is_refused(endpoints: EndpointClient) -> None:
    aad = endpoints.client.sign_in(scope="https://ml.azure.com/.default").json()["access_token"]
    endpoints.client.sign_in()
    endpoints.endpoint("tokens", "AMLToken")
    endpoints.endpoint("entra", "AADToken")
    for name in ("tokens", "entra"):
        endpoints.ended(endpoints.deployment(name, "blue"))
    aml = endpoints.post("onlineEndpoints/tokens/token")["accessToken"]

    assert endpoints.ask("asked", "wrong", to="blue").status_code == 401
    assert endpoints.ask("asked", aml, to="blue").status_code == 401
    assert endpoints.ask("tokens", aml, to="blue").status_code == 200
    assert endpoints.ask("tokens", aad, to="blue").status_code == 401
    assert endpoints.ask("entra", aad, to="blue").status_code == 200
    assert endpoints.ask("entra", aml, to="blue").status_code == 401
    nobody = endpoints.session.post(f"https://nobody.{identities.SCORING_DOMAIN}/score")
    assert nobody.status_code == 404


def test_requests_that_take_long_or_come_in_crowds_are_given_up(endpoints: EndpointClient) -> None:
    limits = {"requestTimeout": "PT1S", "maxConcurrentRequestsPerInstance": 1}
    endpoints.endpoint("limits")
    endpoints.ended(endpoints.deployment("limits", "blue", requestSettings=limits))
    key = endpoints.key("limits")

    assert endpoints.ask("limits", key, to="blue", wait=2).status_code == 408
    with ThreadPoolExecutor(4) as pool:
        crowd = [pool.submit(endpoints.ask, "limits", key, to="blue", wait=0.8) for _ in range(4)]
    assert {answer.result().status_code for answer in crowd} == {200, 429}


def test_a_deployment_that_crashes_fails_with_its_log_and_cannot_be_updated(
    endpoints: EndpointClient,
) -> None:
    ended = endpoints.ended(endpoints.deployment("asked", "broken"))

    assert ended["status"] == "Failed"
    assert ended["error"]["message"] == CRASHED
    path = "onlineEndpoints/asked/deployments/broken"
    assert endpoints.get(path).json()["properties"]["provisioningState"] == "Failed"
    log = endpoints.post(f"{path}/getLogs", tail=50)["content"].splitlines()
    assert (log[0], log[-1]) == ("started as broken", "RuntimeError: no model")
    again = endpoints.deployment("asked", "broken")
    assert (again.status_code, "delete it first" in again.text) == (400, True)
    assert endpoints.ended(endpoints.session.delete(f"{ARM}/{path}"))["status"] == "Succeeded"
    assert endpoints.get(path).status_code == 404


def test_an_endpoint_refuses_what_the_service_refuses(endpoints: EndpointClient) -> None:
    endpoints.endpoint("asked", blue=100)
    path = f"{ARM}/onlineEndpoints/asked"
    refused = [
        endpoints.put("onlineEndpoints/1x", {"authMode": "Key"}),
        endpoints.put("onlineEndpoints/other", {"authMode": "Password"}),
        endpoints.put("onlineEndpoints/asked", {"authMode": "AMLToken"}),
        endpoints.put("onlineEndpoints/asked", {"authMode": "Key", "traffic": {"blue": 50}}),
        endpoints.put("onlineEndpoints/asked", {"authMode": "Key", "traffic": {"red": 100}}),
        endpoints.session.delete(f"{path}/deployments/blue"),
        endpoints.deployment("asked", "other", environmentId="nothing"),
        endpoints.deployment("asked", "other", codeConfiguration={"codeId": "nothing"}),
        endpoints.deployment("asked", "other", model="nothing"),
        endpoints.deployment("asked", "other", instanceType=None),
    ]

    assert [answer.status_code for answer in refused] == [400] * len(refused)
    assert endpoints.deployment("nowhere", "blue").status_code == 404


@pytest.mark.parametrize(("fate", "said"), [("no-image", "image"), ("no-quota", "quota")])
def test_deployments_fail_on_demand(fate: str, said: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"job_delay": 0.0, "deployment_fate": fate}
    with emulated(tmp_path / "state", **options) as (_, client):
        made = EndpointClient(client)
        made.endpoint("failing")
        ended = made.ended(made.deployment("failing", "blue"))

    assert ended["status"] == "Failed"
    assert said in ended["error"]["message"]


def test_what_was_deployed_answers_after_a_restart(tmp_path: Path) -> None:
    with emulated(tmp_path / "state", job_delay=0.0) as (_, client):
        made = EndpointClient(client)
        made.endpoint("kept")
        made.ended(made.deployment("kept", "blue"))
        made.ended(made.deployment("kept", "green"))
        made.ended(made.session.delete(f"{ARM}/onlineEndpoints/kept/deployments/green"))
    with emulated(tmp_path / "state", job_delay=0.0) as (_, client):
        again = EndpointClient.__new__(EndpointClient)
        again.client, again.session = client, client.session
        listed = again.get("onlineEndpoints/kept/deployments").json()["value"]
        assert [item["name"] for item in listed] == ["blue"]
        assert again.ask("kept", to="blue").json() == ["blue"]
