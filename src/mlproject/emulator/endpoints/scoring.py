"""The hosts of endpoints: who may ask, which deployment answers, and what goes wrong there."""

from __future__ import annotations

import hmac
import random
from http.client import HTTPConnection, HTTPException
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.endpoints.container_runner import Container, ContainerRunner
from mlproject.emulator.endpoints.online_endpoints import (
    AAD_TOKEN,
    AML_TOKEN,
    KEY,
    OnlineEndpoints,
    path_of,
)
from mlproject.emulator.identities import AML_AUDIENCE, GUEST_ID
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.state import State
from mlproject.emulator.messages import json_response

_WAITS_SECONDS = 0.5
# https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints
_SCRIPT_FAILED, _BUSY, _TOO_LONG = 424, 429, 408
_PASSED_ON = ("Content-Type", "x-ms-run-function-failed")


class ScoringHosts:
    """Answers for the host of every endpoint."""

    def __init__(
        self, state: State, endpoints: OnlineEndpoints, containers: ContainerRunner
    ) -> None:
        self._state = state
        self._endpoints = endpoints
        self._containers = containers
        self._chance = random.Random(state.settings.seed)  # noqa: S311 - no secret

    def __call__(self, request: Request) -> Response:
        endpoint = self._endpoints.endpoint(request.host.partition(".")[0])
        if endpoint is None:
            return Response(status=404)
        denied = self._denied(request, endpoint)
        if denied is not None:
            return json_response({"error": {"code": "Unauthorized"}}, denied)
        if request.path != "/score":
            return Response(status=404)
        deployment = self._chosen(request, endpoint)
        if deployment is None:
            return _failed(404, "No valid deployments to route to.")
        container = self._containers.running(path_of(deployment), deployment)
        if container is None:
            return _failed(503, "The deployment does not answer.")
        if not container.room.acquire(timeout=_WAITS_SECONDS):
            return _failed(_BUSY, "Too many requests at a time.")
        try:
            response = _answered(container, request)
        finally:
            container.room.release()
        response.headers["azureml-model-deployment"] = deployment["name"]
        return response

    def _denied(self, request: Request, endpoint: Resource) -> int | None:
        """Return the status of who may not ask; None for who may."""
        mode, name = endpoint["properties"]["authMode"], str(endpoint["name"])
        if mode == KEY:
            given = request.authorization.token if request.authorization else None
            keys = [self._endpoints.key(name, which) for which in ("primary", "secondary")]
            return None if any(hmac.compare_digest(given or "", key) for key in keys) else 401
        claims = self._state.key.claims(request)
        if claims is None or str(claims["aud"]).rstrip("/") != AML_AUDIENCE:
            return 401
        own = claims.get("endpoint")  # which a token of the workspace is for
        if mode == AAD_TOKEN and own is None:
            return 403 if claims["appid"] == GUEST_ID else None
        return None if mode == AML_TOKEN and own == name.lower() else 401

    def _chosen(self, request: Request, endpoint: Resource) -> Resource | None:
        """Return the deployment that is asked for, or one by its share of the traffic."""
        name, traffic = endpoint["name"], endpoint["properties"].get("traffic") or {}
        wanted = request.headers.get("azureml-model-deployment")
        if wanted is None:
            shares = {key: share for key, share in traffic.items() if share}
            if not shares:
                return None
            (wanted,) = self._chance.choices(list(shares), list(shares.values()))
        found = self._endpoints.deployment(name, wanted)
        is_up = found is not None and found["properties"]["provisioningState"] == "Succeeded"
        return found if is_up else None


def _answered(container: Container, request: Request) -> Response:
    connection = HTTPConnection("127.0.0.1", container.port, timeout=container.seconds)
    try:
        kind = request.content_type or "application/json"
        connection.request("POST", "/score", request.get_data(), {"Content-Type": kind})
        answer = connection.getresponse()
        body, status = answer.read(), answer.status
        headers: dict[str, Any] = {
            name: answer.headers[name] for name in _PASSED_ON if answer.headers[name]
        }
    except TimeoutError:
        return _failed(_TOO_LONG, "upstream request timeout")
    except (OSError, HTTPException) as error:
        return _failed(502, f"The container does not answer: {error}")
    finally:
        connection.close()
    return Response(body, _SCRIPT_FAILED if status == 500 else status, headers)


def _failed(status: int, message: str) -> Response:
    return json_response({"error": {"message": message}}, status)
