"""Jobs on the emulator, by plain HTTP: what they run in, how they end, and what is refused."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from mlproject.emulator import identities
from tests.emulator.conftest import API, Client, emulated

ARM = f"https://{identities.ARM_HOST}{identities.SCOPE}"
ENDED = {"Completed", "Failed", "Canceled"}
BLOB = {"x-ms-blob-type": "BlockBlob"}


class JobClient:
    """Makes and watches jobs, as the service's own API has it."""

    def __init__(self, client: Client) -> None:
        self.session = client.session
        self.client = client
        properties = {"image": "an-image", "condaFile": "name: x"}
        self.put("environments/e/versions/1", properties)

    def put(self, path: str, properties: dict[str, Any]) -> requests.Response:
        return self.session.put(f"{ARM}/{path}", json={"properties": properties})

    def get(self, path: str, **query: str) -> Any:
        return self.session.get(f"{ARM}/{path}", params=query).json()

    def made(self, command: str, **properties: Any) -> str:
        """Make a job, and return its name."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        answer = self.put(f"jobs/{name}", new_job(command, **properties))
        assert answer.status_code == 201, answer.text
        return name

    def details(self, name: str) -> Any:
        return self.session.get(f"{API}/history/v1.0{identities.SCOPE}/runs/{name}/details").json()

    def log(self, name: str) -> str:
        return self.session.get(self.details(name)["logFiles"]["user_logs/std_log.txt"]).text

    def until(self, name: str, *statuses: str) -> Any:
        """Wait for a status, by default the end, and return what run history tells then."""
        for _ in range(600):
            details = self.details(name)
            if details["status"] in (statuses or ENDED):
                return details
            time.sleep(0.05)
        raise AssertionError(details)


def new_job(command: str, **properties: Any) -> dict[str, Any]:
    return {
        "jobType": "Command",
        "command": command,
        "environmentId": f"{identities.SCOPE}/environments/e/versions/1",
        "computeId": f"{identities.SCOPE}/computes/cpu-cluster",
        "experimentName": "jobs",
    } | properties


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobClient]:
    with emulated(tmp_path_factory.mktemp("jobs") / "state", job_delay=0.0) as (_, client):
        yield JobClient(client)


def test_a_job_runs_in_the_code_that_was_uploaded_and_keeps_its_outputs(jobs: JobClient) -> None:
    code, digest = str(uuid.uuid4()), "1" * 64
    pending = jobs.session.post(f"{ARM}/codes/{code}/versions/1/startPendingUpload", json={}).json()
    url, query = pending["blobReferenceForConsumption"]["credential"]["sasUri"].split("?")
    for path, text in (("f/say.sh", "echo said $1"), ("f/sub/b.txt", "b")):
        assert jobs.session.put(f"{url}/{path}?{query}", text, headers=BLOB).status_code == 201
    hashes = {"hash_sha256": digest, "hash_version": 202208}
    code_id = jobs.put(
        f"codes/{code}/versions/1",
        {"codeUri": f"{url}/f", "isAnonymous": True, "properties": hashes},
    ).json()["id"]

    name = jobs.made(
        "bash say.sh ${{inputs.word}}$MINE && ls sub && mkdir outputs && "
        "echo kept > outputs/a.txt && echo $MLFLOW_RUN_ID",
        codeId=code_id,
        inputs={"word": {"jobInputType": "literal", "value": "hello"}},
        environmentVariables={"MINE": "mine"},
    )

    assert jobs.until(name)["status"] == "Completed"
    assert jobs.log(name).split("\n") == ["said hellomine", "b.txt", name, ""]
    known = jobs.get(f"codes/{uuid.uuid4()}/versions", hash=digest, hashVersion="202208")
    assert [item["id"] for item in known["value"]] == [code_id]
    run = jobs.client.get("runs/get", run_id=name).json()["run"]["info"]
    assert run["status"] == "FINISHED"
    kept = jobs.client.located(run, "outputs/a.txt")
    assert jobs.session.get(kept).text == "kept\n"


def test_a_literal_is_in_the_environment_too(jobs: JobClient) -> None:
    name = jobs.made(
        "echo $AZURE_ML_INPUT_a ${{ inputs.a }}",
        inputs={"a": {"jobInputType": "literal", "value": "1"}},
    )

    jobs.until(name)
    assert jobs.log(name) == "1 1\n"


def test_a_folder_of_the_blob_store_is_an_input(jobs: JobClient) -> None:
    pending = jobs.session.post(f"{ARM}/codes/c/versions/1/startPendingUpload", json={}).json()
    url, query = pending["blobReferenceForConsumption"]["credential"]["sasUri"].split("?")
    jobs.session.put(f"{url}/d/part.csv?{query}", "a,b", headers=BLOB)
    inputs = {
        "one": {"jobInputType": "uri_file", "uri": f"{url}/d/part.csv"},
        "all": {"jobInputType": "uri_folder", "uri": f"{url}/d/"},
    }

    name = jobs.made("cat ${{inputs.one}} ${{inputs.all}}/part.csv", inputs=inputs)

    jobs.until(name)
    assert jobs.log(name) == "a,ba,b"


def test_a_command_that_fails_fails_the_job_with_its_exit_code(jobs: JobClient) -> None:
    name = jobs.made("echo so far; exit 7")

    details = jobs.until(name)
    assert details["status"] == "Failed"
    assert "exited with status code 7." in details["error"]["error"]["message"]
    assert jobs.client.get("runs/get", run_id=name).json()["run"]["info"]["status"] == "FAILED"


def test_cancelling_ends_all_that_the_command_has_started(jobs: JobClient, tmp_path: Path) -> None:
    mark = tmp_path / "alive"
    name = jobs.made(f"(sleep 2; touch {mark}) & echo begun; wait")
    jobs.until(name, "Running")

    answer = jobs.session.post(f"{ARM}/jobs/{name}/cancel")

    assert answer.status_code == 202
    while (state := jobs.session.get(answer.headers["Location"]).status_code) == 202:
        time.sleep(0.05)
    assert state == 200
    assert jobs.get(f"jobs/{name}")["properties"]["status"] == "Canceled"
    assert jobs.client.get("runs/get", run_id=name).json()["run"]["info"]["status"] == "KILLED"
    time.sleep(2.2)
    assert not mark.exists()


def test_a_job_that_takes_longer_than_it_may_is_cancelled(jobs: JobClient) -> None:
    limits = {"jobLimitsType": "Command", "timeout": "PT1S"}
    name = jobs.made("sleep 100", limits=limits)

    details = jobs.until(name)
    assert details["status"] == "Canceled"
    assert "longer than 1 s" in details["error"]["error"]["message"]


def test_a_cluster_runs_as_many_jobs_at_once_as_it_has_nodes(
    jobs: JobClient, tmp_path: Path
) -> None:
    command = (
        f"d={tmp_path}; touch $d/$MLFLOW_RUN_ID; ls $d | wc -l; sleep 0.4; rm $d/$MLFLOW_RUN_ID"
    )
    names = [jobs.made(command) for _ in range(9)]

    assert {jobs.until(name)["status"] for name in names} == {"Completed"}
    assert max(int(jobs.log(name)) for name in names) <= 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"computeId": f"{identities.SCOPE}/computes/none"}, "Unknown compute target"),
        ({"environmentId": f"{identities.SCOPE}/environments/e/versions/2"}, "Unknown environment"),
        ({"codeId": f"{identities.SCOPE}/codes/none/versions/1"}, "Unknown code"),
        ({"command": ""}, "needs a command"),
    ],
)
def test_what_is_not_there_is_refused_when_the_job_is_made(
    jobs: JobClient, changes: dict[str, str], message: str
) -> None:
    answer = jobs.put("jobs/refused", new_job("true") | changes)

    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert jobs.session.get(f"{ARM}/jobs/refused").status_code == 404


def test_a_job_that_is_made_twice_is_one_job_and_does_not_change(jobs: JobClient) -> None:
    name = jobs.made("echo once")

    again = jobs.put(f"jobs/{name}", new_job("echo once"))
    changed = jobs.put(f"jobs/{name}", new_job("echo twice"))

    assert (again.status_code, changed.status_code) == (200, 400)
    jobs.until(name)
    assert jobs.log(name) == "once\n"


def test_an_environment_does_not_change(jobs: JobClient) -> None:
    same = jobs.put("environments/e/versions/1", {"image": "an-image", "condaFile": "name: x"})
    other = jobs.put("environments/e/versions/1", {"image": "another"})

    assert (same.status_code, other.status_code) == (201, 409)


def test_the_url_of_a_container_is_good_for_that_container_alone(jobs: JobClient) -> None:
    pending = jobs.session.post(f"{ARM}/codes/c/versions/1/startPendingUpload", json={}).json()
    url, query = pending["blobReferenceForConsumption"]["credential"]["sasUri"].split("?")
    elsewhere = f"{url.rpartition('/')[0]}/other/a.txt?{query}"

    assert jobs.session.put(elsewhere, "a", headers=BLOB).status_code == 403
    assert jobs.session.put(f"{url}/a.txt?{query}", "a", headers=BLOB).status_code == 201


def test_jobs_of_an_emulator_that_ended_have_failed(tmp_path: Path) -> None:
    with emulated(tmp_path / "state", job_delay=0.0) as (_, client):
        first = JobClient(client)
        done, cut = first.made("true"), first.made("sleep 100")
        first.until(done)
        first.until(cut, "Running")
    with emulated(tmp_path / "state") as (_, client):
        second = JobClient(client)

        assert second.details(done)["status"] == "Completed"
        assert second.details(cut)["status"] == "Failed"
        assert second.log(done) == ""
