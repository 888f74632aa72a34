"""The emulator of an Azure ML workspace: what it answers, what it refuses, what goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from mlproject.emulator import limits, names
from mlproject.emulator.artifacts import PAGE
from mlproject.emulator.faults import Faults
from mlproject.emulator.messages import Request
from mlproject.emulator.running import Running, find, running
from mlproject.emulator.signing import Key
from mlproject.errors import ConfigurationError, TrackingError
from tests.conftest import Shell

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
API = f"https://{names.API_HOST}"
PUT = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}


class Client:
    """A client that knows HTTP and nothing of this project."""

    def __init__(self, emulator: Running, client: str = names.CLIENT_ID) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": emulator.address}
        self.session.verify = str(emulator.authority)
        self.session.headers["Authorization"] = f"Bearer {self.signed_in(client)}"

    def signed_in(self, client: str, secret: str = names.CLIENT_SECRET) -> str:
        login = f"https://{names.LOGIN_HOST}/{names.TENANT}/oauth2/v2.0/token"
        scope = f"https://{names.ARM_HOST}/.default"
        form = {"client_id": client, "client_secret": secret, "scope": scope}
        answer = self.session.post(login, form | {"grant_type": "client_credentials"})
        return str(answer.json().get("access_token"))

    def mlflow(self, endpoint: str, **content: Any) -> requests.Response:
        url = f"{API}/mlflow/v2.0{names.SCOPE}/api/2.0/mlflow/{endpoint}"
        return self.session.post(url, json=content)

    def asked(self, endpoint: str, **query: str) -> requests.Response:
        url = f"{API}/mlflow/v2.0{names.SCOPE}/api/2.0/mlflow/{endpoint}"
        return self.session.get(url, params=query)

    def experiment(self) -> str:
        name = os.urandom(4).hex()
        return str(self.mlflow("experiments/create", name=name).json()["experiment_id"])

    def run(self, experiment: str | None = None, **content: Any) -> dict[str, Any]:
        content["experiment_id"] = experiment or self.experiment()
        info: dict[str, Any] = self.mlflow("runs/create", **content).json()["run"]["info"]
        return info

    def artifacts(self, run: dict[str, Any], tail: str = "") -> str:
        path = f"experiments/{run['experiment_id']}/runs/{run['run_id']}/artifacts"
        return f"{API}/history/v1.0{names.SCOPE}/{path}{tail}"

    def recorded(self, run: dict[str, Any], *paths: str) -> dict[str, Any]:
        asked = {"paths": [{"path": path} for path in paths]}
        url = self.artifacts(run, "/batch/metadata")
        answer: dict[str, Any] = self.session.post(url, json=asked).json()
        return answer

    def located(self, run: dict[str, Any], path: str) -> str:
        url = self.artifacts(run, "/contentinfo")
        return str(self.session.get(url, params={"path": path}).json()["contentUri"])


@pytest.fixture(scope="session")
def client(azureml_emulator: Running) -> Client:
    return Client(azureml_emulator)


@contextmanager
def emulated(folder: Path, **options: Any) -> Iterator[tuple[Running, Client]]:
    """Run an emulator with options of its own, in this process."""
    with running(folder, **options) as found:
        client = Client(found)
        with client.session:
            yield found, client


def message(answer: requests.Response) -> tuple[int, str, str]:
    content = answer.json()
    assert "message" not in content
    return answer.status_code, content["error_code"], content["Error"]["Message"]


def test_it_has_what_the_workspace_has_and_lacks_what_the_workspace_lacks(client: Client) -> None:
    run = client.run()
    arm = client.session.get(f"https://{names.ARM_HOST}{names.SCOPE}?api-version=2022-05-01")

    assert arm.json()["properties"]["workspaceId"] == names.WORKSPACE_ID
    metric = {"run_id": run["run_id"], "key": "m", "value": 1.0, "timestamp": 1}
    assert client.mlflow("runs/log-metric", **metric).status_code == 200
    assert client.mlflow("logged-models").status_code == 404
    assert client.mlflow("logged-models").text == ""
    assert client.mlflow("registered-models/alias", name="m").status_code == 404
    assert client.mlflow("registered-models/rename", name="m", new_name="n").status_code == 404


def test_ids_are_guids_in_every_answer_and_in_every_request(client: Client) -> None:
    experiment = client.experiment()
    run = client.run(experiment)

    for guid in (experiment, run["run_id"], run["run_uuid"], run["experiment_id"]):
        assert GUID.fullmatch(guid)
    assert run["experiment_id"] == experiment
    where = f"/experiments/{experiment}/runs/{run['run_id']}/artifacts"
    assert run["artifact_uri"] == f"{names.TRACKING_URI}{where}"
    got = client.asked("experiments/get", experiment_id=experiment).json()["experiment"]
    assert (got["experiment_id"], got["artifact_location"]) == (experiment, "")
    query = {"run_id": run["run_id"], "run_uuid": run["run_id"]}
    assert client.asked("runs/get", **query).json()["run"]["info"]["run_id"] == run["run_id"]
    found = client.mlflow("runs/search", experiment_ids=[experiment]).json()["runs"]
    assert [item["info"]["run_id"] for item in found] == [run["run_id"]]


def test_an_id_in_the_form_of_mlflows_own_store_is_unknown(client: Client) -> None:
    run = client.run()
    own = run["run_id"].replace("-", "")

    assert message(client.asked("runs/get", run_id=own)) == (
        *(404, "RESOURCE_DOES_NOT_EXIST"),
        f"Run {own} was not found",
    )
    other = "12345678-1234-4234-8234-123456789012"
    assert other in message(client.asked("runs/get", run_id=other))[2]
    for experiment in ("1", other):
        status, code, _ = message(client.asked("experiments/get", experiment_id=experiment))
        assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_without_an_experiment_runs_are_in_the_default_one(client: Client) -> None:
    run = client.run("0")

    assert GUID.fullmatch(run["experiment_id"])
    got = client.asked("experiments/get", experiment_id=run["experiment_id"]).json()
    assert got["experiment"]["name"] == "Default"


def test_filters_compare_ids_as_clients_know_them_and_tags_as_text(client: Client) -> None:
    experiment = client.experiment()
    parent = client.run(experiment)["run_id"]
    tags = [{"key": "mlflow.parentRunId", "value": parent}]
    child = client.run(experiment, tags=tags)["run_id"]

    def found(text: str) -> list[str]:
        asked = {"experiment_ids": [experiment], "filter": text}
        runs = client.mlflow("runs/search", **asked).json().get("runs", [])
        return [run["info"]["run_id"] for run in runs]

    assert found(f"tags.`mlflow.parentRunId` = '{parent}'") == [child]
    assert found(f"attributes.run_id = '{parent}'") == [parent]
    assert found(f"run_id != '{parent}' and tags.mlflow.parentRunId = '{parent}'") == [child]
    assert sorted(found(f"attribute.run_id IN ('{parent}', '{child}')")) == sorted([parent, child])
    assert found(f"tags.run_id = '{parent}'") == []
    assert found(f"attributes.run_id = '{parent.replace('-', '')}'") == []


def test_a_model_version_knows_its_run_and_keeps_its_source_as_it_was_sent(client: Client) -> None:
    run, name = client.run(), os.urandom(4).hex()
    client.mlflow("registered-models/create", name=name)
    source = f"{run['artifact_uri']}/model"
    content = {"name": name, "source": source, "run_id": run["run_id"]}
    made = client.mlflow("model-versions/create", **content, run_link="12").json()["model_version"]

    assert (made["run_id"], made["source"]) == (run["run_id"], source)
    text = f"run_id = '{run['run_id']}'"
    versions = client.asked("model-versions/search", filter=text).json()["model_versions"]
    assert [(item["name"], item["run_id"]) for item in versions] == [(name, run["run_id"])]
    query = {"name": name, "version": "1"}
    assert client.asked("model-versions/get-download-uri", **query).json() == {
        "artifact_uri": source
    }


def test_a_path_that_was_recorded_cannot_be_recorded_again(client: Client) -> None:
    run = client.run()
    first = client.recorded(run, "sub/a.txt")
    second = client.recorded(run, "sub/a.txt", "b.txt")

    assert first["errors"] == {}
    assert list(second["artifacts"]) == list(second["artifactContentInformation"]) == ["b.txt"]
    error = second["errors"]["sub/a.txt"]["error"]
    name = f"ExperimentRun/dcid.{run['run_id']}/sub/a.txt"
    assert error == {
        "code": "UserError",
        "message": f"Resource Conflict: ArtifactId {name} already exists.",
    }
    listed = client.session.get(client.artifacts(run)).json()
    assert [item["path"] for item in listed["value"]] == ["b.txt", "sub/a.txt"]
    assert client.recorded(run, "../b.txt")["errors"]["../b.txt"]["error"]["code"] == "InvalidUri"


def test_content_is_written_once_and_read_in_ranges(client: Client) -> None:
    run = client.run()
    address = client.recorded(run, "a b.txt")["artifactContentInformation"]["a b.txt"]["contentUri"]
    blob = client.session

    assert blob.get(address).status_code == 404
    assert [blob.put(address, b"hello", headers=PUT).status_code for _ in range(2)] == [201, 409]
    assert blob.get(address, headers={"x-ms-range": "bytes=1-2"}).content == b"el"
    assert blob.get(address, headers={"x-ms-range": "bytes=9-12"}).status_code == 416
    assert blob.head(address).headers["Content-Length"] == "5"


def test_the_address_of_a_record_permits_to_write_what_is_not_there(client: Client) -> None:
    run = client.run()
    client.recorded(run, "a.txt")
    address = client.located(run, "a.txt")
    put = {"x-ms-blob-type": "BlockBlob"}

    assert client.session.put(address, b"one", headers=put).status_code == 201
    refused = client.session.put(address, b"two", headers=put)
    assert refused.status_code == 403
    assert "AuthorizationPermissionMismatch" in refused.text
    assert client.session.get(address).content == b"one"
    missing = client.session.get(client.artifacts(run, "/contentinfo"), params={"path": "b.txt"})
    assert missing.status_code == 404


def test_a_changed_or_expired_signature_is_refused(client: Client) -> None:
    run = client.run()
    client.recorded(run, "a.txt", "b.txt")
    address = client.located(run, "a.txt")

    for wrong in (
        address.partition("?")[0],
        address.replace("a.txt", "b.txt"),
        address.replace("sp=rc", "sp=rcw"),
        re.sub(r"se=\d+", "se=2999", address),
    ):
        answer = client.session.get(wrong)
        assert answer.status_code == 403
        assert answer.headers["x-ms-error-code"] == "AuthenticationFailed"
        assert "<Code>AuthenticationFailed</Code>" in answer.text
    key = Key()
    held = [key.url("host", "/a", "r", seconds) for seconds in (60, -1)]
    targets = [Request("GET", "host", url.removeprefix("https://host"), {}, b"") for url in held]
    assert [key.permissions(target) for target in targets] == ["r", ""]


def test_a_long_listing_comes_in_pages(client: Client) -> None:
    run = client.run()
    paths = [f"sub/{number:03}&.txt" for number in range(PAGE + 1)]
    client.recorded(run, *paths)
    first = client.session.get(client.artifacts(run)).json()
    second = client.session.get(first["nextLink"]).json()

    assert first["nextLink"].startswith(client.artifacts(run))
    assert [len(page["value"]) for page in (first, second)] == [PAGE, 1]
    assert [item["path"] for page in (first, second) for item in page["value"]] == paths
    assert (second["nextLink"], second["continuationToken"]) == (None, None)


def test_the_artifact_service_takes_the_path_order_of_azureml_core(client: Client) -> None:
    base, place = (
        f"{API}/artifact/v2.0{names.SCOPE}/artifacts",
        f"LocalUpload/{os.urandom(4).hex()}",
    )
    asked = {"paths": [{"path": "sub/a b.txt"}, {"path": "subway.txt"}]}
    made = client.session.post(f"{base}/batch/metadata/{place}", json=asked).json()
    address = made["artifactContentInformation"]["sub/a b.txt"]["contentUri"]
    client.session.put(address, b"hello", headers=PUT)
    one = client.session.get(f"{base}/contentinfo/{place}/{quote('sub/a b.txt')}").json()
    below = client.session.get(f"{base}/prefix/contentinfo/{place}/sub").json()["value"]
    listed = client.session.get(f"{base}/{place}").json()["value"]

    assert client.session.get(one["contentUri"]).content == b"hello"
    assert [item["path"] for item in below] == ["sub/a b.txt"]
    assert client.session.get(below[0]["contentUri"]).content == b"hello"
    assert [item["path"] for item in listed] == ["sub/a b.txt", "subway.txt"]


def test_a_run_has_at_most_200_parameters(client: Client) -> None:
    run = client.run()["run_id"]

    def logged(first: int, last: int) -> requests.Response:
        params = [{"key": f"p{number}", "value": "1"} for number in range(first, last)]
        return client.mlflow("runs/log-batch", run_id=run, params=params)

    assert [logged(0, 100).status_code, logged(100, 200).status_code] == [200, 200]
    assert message(logged(200, 201)) == (
        *(400, "INVALID_PARAMETER_VALUE"),
        f"A run can have at most {limits.MOST_PARAMETERS} parameters, and this has 201.",
    )
    assert logged(0, 10).status_code == 200


def test_a_tag_has_at_most_1000_characters(client: Client) -> None:
    experiment, name = client.experiment(), os.urandom(4).hex()
    run = client.run(experiment)["run_id"]
    client.mlflow("registered-models/create", name=name)
    most, long = "x" * limits.LONGEST_TAG, {"key": "t", "value": "x" * (limits.LONGEST_TAG + 1)}

    assert client.mlflow("runs/set-tag", run_id=run, key="t", value=most).status_code == 200
    for answer in (
        client.mlflow("runs/set-tag", run_id=run, **long),
        client.mlflow("runs/log-batch", run_id=run, tags=[long]),
        client.mlflow("runs/create", experiment_id=experiment, tags=[long]),
        client.mlflow("experiments/set-experiment-tag", experiment_id=experiment, **long),
        client.mlflow("registered-models/set-tag", name=name, **long),
        client.mlflow("registered-models/create", name=f"{name}2", tags=[long]),
    ):
        assert message(answer) == (
            *(400, "INVALID_PARAMETER_VALUE"),
            "The value of the tag 't' has 1001 characters, and at most 1000 are allowed.",
        )


def test_an_unwanted_name_is_refused_with_its_whole_batch(tmp_path: Path) -> None:
    with emulated(tmp_path, refuse="bad_.*") as (_, client):
        run = client.run()["run_id"]
        metric, text = {"value": 1.0, "timestamp": 1}, {"value": "1"}
        good = [{"key": "good", **metric}]
        answers = [
            client.mlflow(
                "runs/log-batch", run_id=run, metrics=[*good, {"key": "bad_m", **metric}]
            ),
            client.mlflow(
                "runs/log-batch", run_id=run, metrics=good, tags=[{"key": "bad_t", **text}]
            ),
            client.mlflow("runs/log-metric", run_id=run, key="bad_m", **metric),
            client.mlflow("runs/log-parameter", run_id=run, key="bad_p", **text),
            client.mlflow("runs/set-tag", run_id=run, key="bad_t", **text),
        ]
        fine = client.mlflow("runs/log-parameter", run_id=run, key="not_bad_p", **text)
        data = client.asked("runs/get", run_id=run).json()["run"]["data"]

    for answer in answers:
        status, code, text_of = message(answer)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert re.fullmatch(r"The name 'bad_[mpt]' is not allowed\.", text_of)
    assert fine.status_code == 200
    assert "metrics" not in data
    with pytest.raises(ConfigurationError, match=r"'\(' is no regular expression"):
        running(tmp_path, refuse="(").__enter__()


def test_the_machine_has_an_identity_for_who_knows_its_header(azureml_emulator: Running) -> None:
    variables = azureml_emulator.environment_of("managed")
    endpoint, head = variables["IDENTITY_ENDPOINT"], variables["IDENTITY_HEADER"]
    query = {"api-version": "2019-08-01", "resource": f"https://{names.ARM_HOST}"}

    assert not [name for name in variables if "SECRET" in name or "CLIENT_ID" in name]
    wrong = requests.get(endpoint, query, headers={"X-IDENTITY-HEADER": "no"})
    assert wrong.status_code == 401
    found = requests.get(endpoint, query, headers={"X-IDENTITY-HEADER": head}).json()
    assert found["client_id"] == names.MANAGED_ID
    assert found["resource"] == query["resource"]
    assert int(found["expires_on"]) > time.time()
    client = Client(azureml_emulator)
    client.session.headers["Authorization"] = f"{found['token_type']} {found['access_token']}"
    assert client.mlflow("experiments/search", max_results=1).status_code == 200


def test_a_guest_signs_in_and_may_do_nothing(azureml_emulator: Running) -> None:
    guest = Client(azureml_emulator, names.GUEST_ID)
    arm = f"https://{names.ARM_HOST}"
    answers = [
        guest.session.get(f"{arm}{names.SCOPE}?api-version=2022-05-01"),
        guest.mlflow("experiments/search", max_results=1),
        guest.mlflow("runs/create", experiment_id="0"),
    ]

    for answer in answers:
        assert answer.status_code == 403
        error = answer.json()["error"]
        assert error["code"] == "AuthorizationFailed"
        assert error["message"].startswith(
            f"The client '{names.GUEST_ID}' with object id '{names.GUEST_ID}' does not have "
            "authorization to perform action 'Microsoft.MachineLearningServices/workspaces/"
        )
        assert f"over scope '{names.SCOPE}'" in error["message"]
    assert guest.session.get(f"{arm}/subscriptions").json() == {"value": []}
    assert guest.signed_in(names.GUEST_ID, "wrong") == "None"
    assert azureml_emulator.environment_of("guest")["AZURE_CLIENT_ID"] == names.GUEST_ID


def test_there_is_no_way_to_a_host_that_is_not_emulated(client: Client) -> None:
    for host in ("example.com", "other.blob.core.windows.net", "eastus.api.azureml.ms"):
        with pytest.raises(requests.exceptions.ProxyError, match="502"):
            client.session.get(f"https://{host}/")


def test_a_job_has_a_token_of_its_run_and_no_secret(
    client: Client, azureml_emulator: Running
) -> None:
    run = client.run()
    job = azureml_emulator.job_environment(run["run_id"], run["experiment_id"], "mine")

    assert names.CLIENT_SECRET not in job.values()
    assert job["MLFLOW_TRACKING_URI"].startswith("azureml://")
    assert job["MLFLOW_RUN_ID"] == job["AZUREML_RUN_ID"] == run["run_id"]
    assert job["MLFLOW_EXPERIMENT_ID"] == job["AZUREML_EXPERIMENT_ID"] == run["experiment_id"]
    assert job["MLFLOW_EXPERIMENT_NAME"] == job["AZUREML_ARM_PROJECT_NAME"] == "mine"
    assert int(job["AZUREML_RUN_TOKEN_EXPIRY"]) > time.time()
    mine = Client(azureml_emulator)
    mine.session.headers["Authorization"] = f"Bearer {job['MLFLOW_TRACKING_TOKEN']}"
    path = f"experimentids/{run['experiment_id']}/runs/{run['run_id']}/token"
    again = mine.session.get(f"{API}/history/v1.0{names.SCOPE}/{path}").json()
    assert set(again) == {"token", "expiryTimeUtc"}
    assert mine.mlflow("runs/set-tag", run_id=run["run_id"], key="t", value="1").ok


def test_a_token_expires(tmp_path: Path) -> None:
    with emulated(tmp_path, token_seconds=1.0) as (found, client):
        before = client.mlflow("experiments/search", max_results=1)
        time.sleep(1.1)
        after = client.mlflow("experiments/search", max_results=1)
        arm = client.session.get(f"https://{names.ARM_HOST}{names.SCOPE}")
        assert found.job_environment("a", "b", "c")["MLFLOW_TRACKING_TOKEN"]
    with pytest.raises(TrackingError, match="gave no token"):
        found.job_environment("a", "b", "c")

    assert (before.status_code, after.status_code, arm.status_code) == (200, 401, 401)
    assert "error_code" not in after.json()
    assert after.json()["Error"]["Message"] == "The token is missing, wrong or expired."
    assert arm.json()["error"]["code"] == "ExpiredAuthenticationToken"


def test_what_was_recorded_survives_a_restart(tmp_path: Path) -> None:
    with emulated(tmp_path) as (_, client):
        run = client.run()
        client.recorded(run, "a.txt", "b.txt")
        client.session.put(client.located(run, "a.txt"), b"hello", headers=PUT)
    with (tmp_path / "artifacts.jsonl").open("a") as stream:
        stream.write('\n["ExperimentRun", "dc')
    with emulated(tmp_path) as (_, client):
        assert client.asked("runs/get", run_id=run["run_id"]).ok
        assert list(client.recorded(run, "b.txt", "c.txt")["errors"]) == ["b.txt"]
        assert client.session.get(client.located(run, "a.txt")).content == b"hello"
    with emulated(tmp_path) as (_, client):
        listed = client.session.get(client.artifacts(run)).json()["value"]

    assert [item["path"] for item in listed] == ["a.txt", "b.txt", "c.txt"]


def test_a_damaged_database_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database\n" * 100)
    with pytest.raises(ConfigurationError, match=r"mlflow\.db cannot be opened") as caught:
        running(tmp_path).__enter__()

    assert "\n" not in str(caught.value)


def faulty(folder: Path, faults: Faults) -> list[int | None]:
    """Return how 30 requests end."""
    ended: list[int | None] = []
    with emulated(folder, wrong=faults) as (found, client):
        for _ in range(30):
            try:
                ended.append(client.mlflow("experiments/get-by-name").status_code)
            except requests.ConnectionError:
                ended.append(None)
        assert [request.status for request in found.requests()][1:] == ended
    return ended


def test_the_same_seed_gives_the_same_faults(tmp_path: Path) -> None:
    faults = {"throttled": 0.2, "unavailable": 0.2, "reset": 0.2}
    first, again, other = (
        faulty(tmp_path / str(number), Faults(**faults, seed=seed))
        for number, seed in enumerate((1, 1, 2))
    )

    assert first == again != other
    assert {429, 503, None} < set(first)


@pytest.mark.parametrize(("fault", "seen", "done"), [("throttled", 429, 0), ("lost", None, 1)])
def test_faults_come_when_they_are_asked_for(
    tmp_path: Path, fault: str, seen: int | None, done: int
) -> None:
    with emulated(tmp_path, wrong=Faults(**{fault: 1.0})) as (found, client):
        try:
            assert client.mlflow("experiments/create", name="mine").status_code == seen
        except requests.ConnectionError:
            assert seen is None
        assert [request.status for request in found.requests()] == [200, seen]
    with emulated(tmp_path) as (_, client):
        answer = client.asked("experiments/get-by-name", experiment_name="mine")

    assert int(answer.status_code == 200) == done


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"these are throttled 0\.6, lost 0\.5"):
        Faults(throttled=0.6, lost=0.5)
    with pytest.raises(ConfigurationError, match=r"these are reset 1\.5"):
        Faults(reset=1.5)
    with pytest.raises(ConfigurationError, match=r"these are reset -1"):
        Faults(reset=-1.0)


def test_requests_are_kept_with_their_time_and_without_secrets(
    client: Client, azureml_emulator: Running
) -> None:
    before, came = len(azureml_emulator.requests()), time.time()
    run = client.run("0")
    client.session.put(client.recorded(run, "a")["artifactContentInformation"]["a"]["contentUri"])
    made, recorded, put = azureml_emulator.requests()[before:]

    assert (made.method, made.host, made.status) == ("POST", names.API_HOST, 200)
    assert made.path.endswith("/api/2.0/mlflow/runs/create")
    assert came - 1 < made.time <= recorded.time <= put.time
    assert 0 <= made.seconds < 60
    assert (put.host, put.path) == (names.BLOB_HOST, f"/ExperimentRun/dcid.{run['run_id']}/a")
    assert "sig=" not in (azureml_emulator.folder / "requests.jsonl").read_text()


def test_clients_are_served_at_once(client: Client, azureml_emulator: Running) -> None:
    experiment = client.experiment()

    def recorded(number: int) -> int:
        mine = Client(azureml_emulator)
        with mine.session:
            run = mine.run(experiment)["run_id"]
            for step in range(5):
                metric = {"key": "m", "value": 1.0, "timestamp": 1, "step": step}
                assert mine.mlflow("runs/log-batch", run_id=run, metrics=[metric]).ok
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(recorded, range(16))) == list(range(16))
    found = client.mlflow("runs/search", experiment_ids=[experiment]).json()["runs"]
    assert len(found) == 16


def test_a_process_is_kept_from_what_would_lead_it_elsewhere(azureml_emulator: Running) -> None:
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
    assert found["MLFLOW_TRACKING_URI"].startswith(f"azureml3://{names.API_HOST}/")
    assert found["NO_PROXY"] == "127.0.0.1,localhost,::1,intranet.example"
    assert found["HTTPS_PROXY"] == azureml_emulator.address
    config = json.loads(Path(found["MLPROJECT_WORKSPACE"]).read_text())
    assert config["workspace_name"] == names.WORKSPACE
    for kept in (
        names.TRACKING_URI,
        names.TRACKING_URI.replace("azureml", "azureml3", 1),
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


def test_a_second_emulator_on_a_folder_is_refused(azureml_emulator: Running, shell: Shell) -> None:
    folder = azureml_emulator.folder
    second = shell.mlproject("emulator", "start", "--state", str(folder))

    assert second.code == 2
    assert second.error == (
        f"Error: An emulator already runs with the folder {folder}. "
        "Use it: mlproject emulator env; or give another --state."
    )
    assert find(folder) == azureml_emulator


def test_two_emulators_in_one_process_are_refused(tmp_path: Path) -> None:
    with (
        emulated(tmp_path / "a"),
        pytest.raises(ConfigurationError, match="already runs in this process"),
    ):
        running(tmp_path / "b").__enter__()


def test_a_killed_emulator_is_no_obstacle(shell: Shell) -> None:
    (shell.folder / "state").mkdir()
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    (shell.folder / "state" / "emulator.json").write_text(json.dumps({"address": address}))
    (shell.folder / "state" / "emulator.lock").touch()
    status = shell.mlproject("emulator", "status", "--state", "state")
    done = shell.mlproject("emulator", "run", "--state", "state", "--", "env")

    assert status.code == 2
    assert "No emulator runs with the folder" in status.error
    assert (done.code, done.err) == (0, "")
    assert "MLPROJECT_WORKSPACE=" in done.out


def test_the_exit_code_is_that_of_the_command(shell: Shell) -> None:
    script = "import os; raise SystemExit(7 if os.environ.get('IDENTITY_HEADER') else 1)"
    command = ["emulator", "run", "--identity", "managed", "--", sys.executable, "-c", script]
    assert shell.mlproject(*command).code == 7
    missing = shell.mlproject("emulator", "run", "--", "no-such-command")
    assert missing.code == 2
    assert "'no-such-command' cannot be run" in missing.error
    many = shell.mlproject("emulator", "run", "--lost", "0.6", "--reset", "0.6", "--", "true")
    assert many.code == 2
    assert "at most 1 together" in many.error


def test_a_started_emulator_is_found_by_its_folder(shell: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlproject", "emulator", "start"],
        cwd=shell.folder,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert "The emulator is at http://127.0.0.1:" in process.stderr.readline()
        exported = shell.mlproject("emulator", "env", "--identity", "guest", AZURE_USERNAME="me")
        state = shell.mlproject("emulator", "status", "--json").json
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()

    assert exported.out.startswith("unset AZURE_USERNAME\n")
    assert f"export HTTPS_PROXY={state['address']}\n" in exported.out
    assert f"export AZURE_CLIENT_ID={names.GUEST_ID}\n" in exported.out
    assert process.returncode == 0
    gone = shell.mlproject("emulator", "status")
    assert gone.code == 2
    assert "No emulator runs with the folder" in gone.error


def microsoft(shell: Shell, environment: dict[str, str], code: str) -> str:
    """Run a script with Microsoft's clients."""
    (shell.folder / "client.py").write_text(code)
    done = Shell(shell.folder, environment).python("client.py", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
    assert done.code == 0, done.err
    return done.out


def test_the_microsoft_clients_work_unmodified_and_log_model_fails_as_on_the_service(
    shell: Shell, azureml_emulator: Running
) -> None:
    code = """
import os, mlflow
from azureml.core import Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml._restclient.artifacts_client import ArtifactsClient
from sklearn.linear_model import LinearRegression
names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
workspace = Workspace.from_config(os.environ["MLPROJECT_WORKSPACE"],
    auth=ServicePrincipalAuthentication(*(os.environ[name] for name in names)))
mlflow.set_tracking_uri(workspace.get_mlflow_tracking_uri())
mlflow.set_experiment("e")
with mlflow.start_run() as run:
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("hello", "sub/a.txt")
client = mlflow.MlflowClient()
assert client.get_run(run.info.run_id).data.metrics == {"m": 1.5}
found = mlflow.search_runs(filter_string=f"attributes.run_id = '{run.info.run_id}'")
assert list(found.run_id) == [run.info.run_id]
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="sub/a.txt")
assert open(path).read() == "hello"
old = ArtifactsClient(workspace.service_context)
old.upload_artifact(path, "ExperimentRun", "dcid." + run.info.run_id, "b.txt")
with mlflow.start_run(run.info.run_id):
    try:
        mlflow.log_text("hello", "b.txt")
    except Exception as error:
        assert "already exists" in str(error)
    else:
        raise AssertionError("an artifact was written over")
with mlflow.start_run():
    try:
        mlflow.sklearn.log_model(LinearRegression().fit([[1], [2]], [1, 2]), name="model")
    except mlflow.exceptions.MlflowException as error:
        assert "logged-models failed with error code 404" in str(error)
        assert "Response body: ''" in str(error)
    else:
        raise AssertionError("log_model should have failed")
"""
    environment = azureml_emulator.process_environment("secret", shell.environment)
    microsoft(shell, environment, code)


def test_the_microsoft_client_records_as_a_managed_identity(
    shell: Shell, azureml_emulator: Running
) -> None:
    code = f"""
import mlflow
from azure.identity import ManagedIdentityCredential
assert ManagedIdentityCredential().get_token("https://management.azure.com/.default").token
mlflow.set_tracking_uri("{names.TRACKING_URI}")
with mlflow.start_run():
    mlflow.log_metric("m", 1.5)
"""
    environment = azureml_emulator.process_environment("managed", shell.environment)
    microsoft(shell, environment, code)


def test_the_microsoft_client_joins_a_jobs_run_by_its_token(
    shell: Shell, azureml_emulator: Running, client: Client
) -> None:
    run = client.run()
    job = azureml_emulator.job_environment(run["run_id"], run["experiment_id"], "mine")
    code = """
import mlflow
with mlflow.start_run():
    mlflow.log_metric("m", 1.5)
    mlflow.log_text("hello", "a.txt")
"""
    microsoft(shell, shell.environment | job, code)
    found = client.asked("runs/get", run_id=run["run_id"]).json()["run"]

    assert found["data"]["metrics"][0]["value"] == 1.5
    assert client.session.get(client.located(run, "a.txt")).content == b"hello"
