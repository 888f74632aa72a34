"""A client of the emulator that knows HTTP and nothing of this project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from mlproject.emulator import identities
from mlproject.emulator.instance import EmulatorInstance
from mlproject.emulator.settings import Settings
from mlproject.emulator.start import started

API = f"https://{identities.API_HOST}"
PUT = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}


class Client:
    """A client that knows HTTP and nothing of this project."""

    def __init__(self, emulator: EmulatorInstance, client: str = identities.CLIENT_ID) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.proxies = {"https": emulator.address}
        self.session.verify = str(emulator.authority)
        self.client = client
        self.sign_in()

    def sign_in(self, *, tenant: str = identities.TENANT, **form: str) -> requests.Response:
        """Ask for a token with which all that follows is asked; ``form`` changes the usual."""
        login = f"https://{identities.LOGIN_HOST}/{tenant}/oauth2/v2.0/token"
        usual = {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_secret": identities.CLIENT_SECRET,
            "scope": f"https://{identities.ARM_HOST}/.default",
        }
        answer = self.session.post(login, usual | form)
        self.session.headers["Authorization"] = f"Bearer {answer.json().get('access_token')}"
        return answer

    def mlflow(self, endpoint: str, **content: Any) -> requests.Response:
        url = f"{API}/mlflow/v2.0{identities.SCOPE}/api/2.0/mlflow/{endpoint}"
        return self.session.post(url, json=content)

    def get(self, endpoint: str, **query: str) -> requests.Response:
        url = f"{API}/mlflow/v2.0{identities.SCOPE}/api/2.0/mlflow/{endpoint}"
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
        return f"{API}/history/v1.0{identities.SCOPE}/{path}{tail}"

    def recorded(self, run: dict[str, Any], *paths: str) -> dict[str, Any]:
        records = {"paths": [{"path": path} for path in paths]}
        url = self.artifacts(run, "/batch/metadata")
        answer: dict[str, Any] = self.session.post(url, json=records).json()
        return answer

    def upload(self, call: str = "", container: str = "mine", **query: str) -> requests.Response:
        """Ask for the artifacts that no run has."""
        path = f"artifact/v2.0{identities.SCOPE}/artifacts/LocalUpload/{container}{call}"
        return self.session.get(f"{API}/{path}", params=query)

    def uploaded(self, *paths: str, container: str = "mine") -> dict[str, str]:
        """Record artifacts that no run has, and return the URLs of their content."""
        path = f"artifact/v2.0{identities.SCOPE}/artifacts/LocalUpload/{container}/batch/metadata"
        records = {"paths": [{"path": path} for path in paths]}
        content = self.session.post(f"{API}/{path}", json=records).json()
        found = content["artifactContentInformation"].items()
        return {path: item["contentUri"] for path, item in found}

    def located(self, run: dict[str, Any], path: str, call: str = "contentinfo") -> str:
        url = self.artifacts(run, f"/{call}")
        return str(self.session.get(url, params={"path": path}).json()["contentUri"])

    def written(self, run: dict[str, Any], path: str, content: bytes) -> None:
        """Record an artifact and write its content."""
        address = self.recorded(run, path)["artifactContentInformation"][path]["contentUri"]
        assert self.session.put(address, content, headers=PUT).status_code == 201


@pytest.fixture(scope="session")
def client(azureml_emulator: EmulatorInstance) -> Client:
    return Client(azureml_emulator)


@contextmanager
def emulated(folder: Path, **options: Any) -> Iterator[tuple[EmulatorInstance, Client]]:
    """Run an emulator with settings of its own, in this process."""
    with started(folder, Settings(**options), wait=False) as instance:
        client = Client(instance)
        with client.session:
            yield instance, client


def message(answer: requests.Response) -> tuple[int, str, str]:
    content = answer.json()
    assert "message" not in content
    return answer.status_code, content["error_code"], content["Error"]["Message"]
