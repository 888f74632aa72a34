"""Online endpoints and their deployments: made, asked, and moved between.

https://learn.microsoft.com/rest/api/azureml/online-endpoints
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mlproject.azure.connection import credentials
from mlproject.azure.connection.arm import Arm
from mlproject.azure.connection.context import Context, cloud
from mlproject.azure.connection.failures import (
    AzureMLException,
    Unanswered,
    pause_after_silence,
    repeat,
)
from mlproject.azure.connection.uris import is_scoring_address
from mlproject.base.errors import MlprojectError

_TOP = "/onlineEndpoints"
_SUCCEEDED = "Succeeded"
_ENDED = frozenset({_SUCCEEDED, "Failed", "Canceled"})
_AAD_SCOPE = "https://ml.azure.com/.default"
_DEPLOYMENT_HEADER = "azureml-model-deployment"
_PAUSES = (0.5, 1, 2, 5)
_LATER = frozenset({429, 502, 503, 504})


class OperationFailedError(MlprojectError):
    """The service could not do what it had begun."""


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as Resource Manager has it."""

    name: str
    auth_mode: str
    scoring_uri: str
    traffic: Mapping[str, int]
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Deployment:
    """A deployment of an endpoint."""

    name: str
    state: str
    tags: Mapping[str, str]


class Endpoints:
    """The endpoints of one workspace. MlflowException where the service refuses."""

    def __init__(self, context: Context) -> None:
        self.arm = Arm.of(context)
        self._context = context

    def find(self, name: str) -> Endpoint | None:
        found = self.arm.find(f"{_TOP}/{name}")
        if found is None:
            return None
        properties = found["properties"]
        return Endpoint(
            str(found["name"]),
            str(properties.get("authMode")),
            str(properties.get("scoringUri") or ""),
            dict(properties.get("traffic") or {}),
            found,
        )

    def names(self) -> list[str]:
        return sorted(str(item["name"]) for item in self.arm.listed(_TOP))

    def create(self, name: str, auth_mode: str, tags: Mapping[str, str]) -> None:
        body = {
            "location": self.location(),
            "identity": {"type": "SystemAssigned"},
            "tags": dict(tags),
            "properties": {"authMode": auth_mode, "properties": {}, "traffic": {}},
        }
        self._done("PUT", f"{_TOP}/{name}", body)

    def delete(self, name: str) -> None:
        self._done("DELETE", f"{_TOP}/{name}")

    def deployments(self, endpoint: str) -> list[Deployment]:
        return [
            Deployment(
                str(item["name"]),
                str(item["properties"].get("provisioningState")),
                dict(item.get("tags") or {}),
            )
            for item in self.arm.listed(f"{_TOP}/{endpoint}/deployments")
        ]

    def deploy(self, endpoint: str, name: str, body: Mapping[str, Any]) -> None:
        """Make a deployment, and return once it answers; OperationFailedError when it does not."""
        self._done("PUT", f"{_TOP}/{endpoint}/deployments/{name}", body)

    def delete_deployment(self, endpoint: str, name: str) -> None:
        self._done("DELETE", f"{_TOP}/{endpoint}/deployments/{name}")

    def move(self, endpoint: str, traffic: Mapping[str, int]) -> None:
        """Set how requests are shared; all else stays as the service has it now."""
        found = self.arm.get(f"{_TOP}/{endpoint}")
        given = ("authMode", "properties", "description", "mirrorTraffic", "publicNetworkAccess")
        properties = {key: value for key, value in found["properties"].items() if key in given}
        body = {key: found[key] for key in ("location", "identity", "tags") if key in found}
        body["properties"] = properties | {"traffic": dict(traffic)}
        self._done("PUT", f"{_TOP}/{endpoint}", body)

    def log(self, endpoint: str, name: str, lines: int) -> list[str]:
        """Return the last lines of what a deployment's container has printed."""
        body = {"containerType": "InferenceServer", "tail": lines}
        found = self.arm.post(f"{_TOP}/{endpoint}/deployments/{name}/getLogs", body)
        return [line for line in str(found.get("content") or "").splitlines() if line.strip()]

    def ask(
        self, endpoint: Endpoint, deployment: str, body: bytes, seconds: float
    ) -> tuple[int, Any]:
        """Ask one deployment, whatever its share of the traffic; return the status and JSON.

        Its secret, which may be the user's own token, goes to hosts of online endpoints only.
        """
        import requests

        if not is_scoring_address(endpoint.scoring_uri):
            raise AzureMLException(
                f"the scoring URI {endpoint.scoring_uri!r} is of no online endpoint of Azure ML"
            )
        headers = {
            "Authorization": f"Bearer {self._secret(endpoint)}",
            "Content-Type": "application/json",
            _DEPLOYMENT_HEADER: deployment,
        }

        def send() -> requests.Response:
            try:
                response = requests.post(
                    endpoint.scoring_uri, data=body, headers=headers, timeout=seconds
                )
            except requests.RequestException as error:
                raise Unanswered(str(error)) from error
            if response.status_code in _LATER:
                raise Unanswered(f"{response.status_code}: {response.text}")
            return response

        response = repeat(send, pause_after_silence)
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, response.text

    def location(self) -> str:
        return str(self.arm.get()["location"])

    def _secret(self, endpoint: Endpoint) -> str:
        path = f"{_TOP}/{endpoint.name}"
        if endpoint.auth_mode.lower() == "key":
            return str(self.arm.post(f"{path}/listKeys")["primaryKey"])
        if endpoint.auth_mode.lower() == "amltoken":
            return str(self.arm.post(f"{path}/token")["accessToken"])
        authority = cloud(self._context.workspace.host)._get_authority()
        return str(credentials.of_user(_AAD_SCOPE, authority).get_token().token)

    def _done(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Have something done that takes time, and wait for it."""
        address = self.arm.begin(method, path, body)
        if address is None:
            return
        parts, tries = urlsplit(address), 0
        while True:
            found = self.arm.asked(parts.path, dict(parse_qsl(parts.query)))
            if found.get("status") in _ENDED:
                break
            time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
        if found["status"] != _SUCCEEDED:
            error = found.get("error") or {}
            raise OperationFailedError(str(error.get("message") or json.dumps(found)))
