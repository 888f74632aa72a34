"""What goes wrong on demand, and the log of what was asked."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from mlproject.base.errors import ConfigurationError
from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from mlproject.emulator.settings import Settings
from tests.emulator.conftest import Client, emulated

SUBSCRIPTIONS = f"https://{identities.ARM_HOST}/subscriptions"


def faulty(folder: Path, **faults: Any) -> list[int | None]:
    """Return how 30 requests end."""
    ended: list[int | None] = []
    with emulated(folder, **faults) as (found, client):
        for _ in range(30):
            try:
                ended.append(client.session.get(SUBSCRIPTIONS).status_code)
            except requests.ConnectionError:
                ended.append(None)
        assert [request.status for request in found.requests()][1:] == ended
    return ended


def test_the_same_seed_gives_the_same_faults(tmp_path: Path) -> None:
    faults = {"throttled": 0.2, "unavailable": 0.2, "reset": 0.2}
    first, again, other = (
        faulty(tmp_path / str(number), **faults, seed=seed) for number, seed in enumerate((1, 1, 2))
    )

    assert first == again != other
    assert {429, 503, None} < set(first)


@pytest.mark.parametrize(("fault", "seen", "done"), [("throttled", 429, 0), ("lost", None, 1)])
def test_faults_come_when_they_are_asked_for(
    tmp_path: Path, fault: str, seen: int | None, done: int
) -> None:
    with emulated(tmp_path, **{fault: 1.0}) as (found, client):
        try:
            assert client.mlflow("experiments/create", name="mine").status_code == seen
        except requests.ConnectionError:
            assert seen is None
        assert [request.status for request in found.requests()] == [200, seen]
    with emulated(tmp_path) as (_, client):
        answer = client.get("experiments/get-by-name", experiment_name="mine")

    assert int(answer.status_code == 200) == done


def test_each_host_throttles_in_its_own_way(tmp_path: Path) -> None:
    with emulated(tmp_path, throttled=1.0, retry_after=3) as (_, client):
        arm = client.session.get(SUBSCRIPTIONS)
        blob = client.session.get(f"https://{identities.BLOB_HOST}/a")

    assert (arm.status_code, arm.headers["Retry-After"]) == (429, "3")
    assert (blob.status_code, blob.headers["x-ms-error-code"]) == (503, "ServerBusy")
    assert "<Code>ServerBusy</Code>" in blob.text
    assert Settings().retry_after == 1


def test_a_gateway_answers_without_a_message_where_microsofts_client_wants_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.storage.blob import BlobClient

    with emulated(tmp_path, gateway=1.0) as (found, _):
        for name, value in found.network({}).items():
            monkeypatch.setenv(name, value)
        url = f"https://{identities.BLOB_HOST}/a/b?sv=2024-11-04&sp=rcw&sig=x"
        with (
            BlobClient.from_blob_url(url, retry_total=0) as blob,
            pytest.raises(TypeError, match="NoneType"),
        ):
            blob.upload_blob(b"hello")


def test_a_request_without_a_possible_length_is_refused_at_once(
    azureml_emulator: EmulatorInstance,
) -> None:
    url = urlsplit(azureml_emulator.address)
    for length in (b"-5", b"five"):
        with socket.create_connection((str(url.hostname), int(url.port or 0)), 10) as connection:
            connection.sendall(
                b"POST /msi/token HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\n"
            )
            assert b" 400 " in connection.recv(100)


def test_shares_above_one_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"these are throttled 0\.6, lost 0\.5"):
        Settings(throttled=0.6, lost=0.5)
    with pytest.raises(ConfigurationError, match=r"these are reset 1\.5"):
        Settings(reset=1.5)
    with pytest.raises(ConfigurationError, match=r"these are reset -1"):
        Settings(reset=-1.0)


def test_requests_are_kept_with_their_time_and_without_secrets(
    client: Client, azureml_emulator: EmulatorInstance
) -> None:
    before, came = len(azureml_emulator.requests()), time.time()
    run = client.run("0")
    client.session.put(client.recorded(run, "a")["artifactContentInformation"]["a"]["contentUri"])
    made, recorded, put = azureml_emulator.requests()[before:]

    assert (made.method, made.host, made.status) == ("POST", identities.API_HOST, 200)
    assert made.path.endswith("/api/2.0/mlflow/runs/create")
    assert came - 1 < made.time <= recorded.time <= put.time
    assert 0 <= made.seconds < 60
    assert (put.host, put.path) == (
        identities.BLOB_HOST,
        f"/azureml/ExperimentRun/dcid.{run['run_id']}/a",
    )
    assert "sig=" not in (azureml_emulator.folder / "requests.jsonl").read_text()
