"""Online endpoints and their deployments, as Resource Manager makes, changes and deletes them."""

from __future__ import annotations

import base64
import re
import time
from typing import Any

from werkzeug import Request, Response

from mlproject.emulator.assets import environments, models
from mlproject.emulator.endpoints.container_runner import INFERENCE, ContainerRunner
from mlproject.emulator.identities import AML_AUDIENCE, REGION, SCORING_DOMAIN
from mlproject.emulator.keeping.operations import Operations
from mlproject.emulator.keeping.resource_store import Resource
from mlproject.emulator.keeping.resources import WORKSPACE, listed, unknown
from mlproject.emulator.keeping.state import State
from mlproject.emulator.keeping.store import Store
from mlproject.emulator.messages import Routes, arm_error, json_of, json_response

KEY, AML_TOKEN, AAD_TOKEN = "Key", "AMLToken", "AADToken"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,31}")
_DONE, _UNDER_WAY, _FAILED = "Succeeded", "Creating", "Failed"
_TOP = "onlineEndpoints"


class OnlineEndpoints:
    """Handlers of requests on endpoints."""

    def __init__(self, state: State, store: Store, containers: ContainerRunner) -> None:
        self._state = state
        self._store = store
        self._containers = containers
        self._operations = Operations()

    def endpoint(self, name: str) -> Resource | None:
        return self._state.resources.get(f"/{_TOP}/{name}")

    def deployment(self, endpoint: str, name: str) -> Resource | None:
        return self._state.resources.get(_path(endpoint, name))

    def key(self, endpoint: str, which: str) -> str:
        """Return a key, which the endpoint's name and the emulator's secret make."""
        signed = self._state.key.signature("endpoint", endpoint.lower(), which)
        return base64.urlsafe_b64encode(bytes.fromhex(signed)).decode()

    def add_routes(self, routes: Routes) -> None:
        top = f"{WORKSPACE}/{_TOP}"
        one = f"{top}/(?P<endpoint>[^/]+)"
        below = f"{one}/deployments"
        deployed = f"{below}/(?P<name>[^/]+)"
        routes.add("GET", top, lambda _: listed(self._state.resources.below(f"/{_TOP}")))
        routes.add("PUT", one, self._put)
        routes.add("PATCH", one, self._patch)
        routes.add("GET", one, self._get)
        routes.add("DELETE", one, self._delete)
        routes.add("POST", f"{one}/listKeys", self._keys)
        routes.add("POST", f"{one}/token", self._token)
        routes.add("GET", below, self._deployments)
        routes.add("PUT", deployed, self._put_deployment)
        routes.add("GET", deployed, self._get_deployment)
        routes.add("DELETE", deployed, self._delete_deployment)
        routes.add("POST", f"{deployed}/getLogs", self._logs)
        self._operations.add_routes(routes)

    def _get(self, request: Request, endpoint: str) -> Response:
        found = self.endpoint(endpoint)
        return json_response(found) if found else unknown(request)

    def _put(self, request: Request, endpoint: str) -> Response:
        given = json_of(request)
        before, properties = self.endpoint(endpoint), given.get("properties") or {}
        problem = self._problem(endpoint, before, properties)
        if problem is not None:
            return arm_error(400, "BadRequest", problem)
        return self._kept(endpoint, given, properties, 200 if before else 201)

    def _patch(self, request: Request, endpoint: str) -> Response:
        before = self.endpoint(endpoint)
        if before is None:
            return unknown(request)
        given = json_of(request)
        properties = before["properties"] | (given.get("properties") or {})
        problem = self._problem(endpoint, before, properties)
        if problem is not None:
            return arm_error(400, "BadRequest", problem)
        return self._kept(endpoint, before | given, properties, 202)

    def _kept(
        self, endpoint: str, given: dict[str, Any], properties: dict[str, Any], status: int
    ) -> Response:
        address = f"https://{endpoint.lower()}.{SCORING_DOMAIN}"
        own = {
            "scoringUri": f"{address}/score",
            "swaggerUri": f"{address}/swagger.json",
            "provisioningState": _DONE,
        }
        always = {"authMode": KEY, "traffic": {}, "mirrorTraffic": {}, "properties": {}}
        more = {
            "location": given.get("location") or REGION,
            "tags": given.get("tags") or {},
            "kind": "Managed",
        }
        made = self._state.resources.put(f"/{_TOP}/{endpoint}", always | properties | own, **more)
        response = json_response(made, status)
        response.headers.update(self._operations.started(self._waited))
        return response

    def _problem(
        self, endpoint: str, before: Resource | None, properties: dict[str, Any]
    ) -> str | None:
        traffic = properties.get("traffic") or {}
        known = {item["name"].lower() for item in self._below(endpoint)}
        strange = [name for name in traffic if name.lower() not in known]
        mode = properties.get("authMode", KEY)
        if not _NAME.fullmatch(endpoint):
            return f"'{endpoint}' is no name of an endpoint: 3 to 32 letters, digits and dashes."
        if mode not in (KEY, AML_TOKEN, AAD_TOKEN):
            return f"authMode is '{mode}'."
        if before and before["properties"]["authMode"] != mode:
            return "The authMode of an endpoint cannot be changed."
        if strange:
            return f"The endpoint has no deployment '{strange[0]}'."
        if sum(traffic.values()) not in (0, 100):
            return f"The traffic adds up to {sum(traffic.values())}, and can be 0 or 100."
        return None

    def _delete(self, request: Request, endpoint: str) -> Response:
        if self.endpoint(endpoint) is None:
            return Response(status=204)

        def work() -> str | None:
            for item in self._below(endpoint):
                self._removed(endpoint, item["name"])
            self._state.resources.remove(f"/{_TOP}/{endpoint}")
            return self._waited()

        return Response(status=202, headers=self._operations.started(work))

    def _keys(self, request: Request, endpoint: str) -> Response:
        if self.endpoint(endpoint) is None:
            return unknown(request)
        names = ("primary", "secondary")
        return json_response({f"{name}Key": self.key(endpoint, name) for name in names})

    def _token(self, request: Request, endpoint: str) -> Response:
        if self.endpoint(endpoint) is None:
            return unknown(request)
        text, expires = self._state.token(AML_AUDIENCE, endpoint=endpoint.lower())
        return json_response(
            {
                "accessToken": text,
                "tokenType": "Bearer",
                "expiryTimeUtc": expires,
                "refreshAfterTimeUtc": int(time.time() + (expires - time.time()) / 2),
            }
        )

    def _deployments(self, request: Request, endpoint: str) -> Response:
        return listed(self._below(endpoint)) if self.endpoint(endpoint) else unknown(request)

    def _below(self, endpoint: str) -> list[Resource]:
        return self._state.resources.below(f"/{_TOP}/{endpoint}/deployments")

    def _get_deployment(self, request: Request, endpoint: str, name: str) -> Response:
        found = self.deployment(endpoint, name)
        return json_response(found) if found else unknown(request)

    def _put_deployment(self, request: Request, endpoint: str, name: str) -> Response:
        given = json_of(request)
        properties, path = given.get("properties") or {}, _path(endpoint, name)
        before = self._state.resources.get(path)
        if self.endpoint(endpoint) is None:
            return unknown(request)
        if before and before["properties"]["provisioningState"] == _FAILED:
            message = f"The deployment {name} has failed, and cannot be updated: delete it first."
            return arm_error(400, "BadRequest", message)
        problem = self._wrong(name, properties)
        if problem is not None:
            return arm_error(400, "BadRequest", problem)
        always = {"endpointComputeType": "Managed", "scaleSettings": {"scaleType": "Default"}}
        more = {
            "location": given.get("location") or REGION,
            "tags": given.get("tags") or {},
            "sku": given.get("sku") or {"name": "Default", "capacity": 1},
        }
        under_way = {"provisioningState": _UNDER_WAY}
        made = self._state.resources.put(path, always | properties | under_way, **more)

        def work() -> str | None:
            self._waited()
            found = self._containers.start(path, properties)
            ended = {"provisioningState": _DONE if found is None else _FAILED}
            self._state.resources.put(path, always | properties | ended, **more)
            return found

        response = json_response(made, 200 if before else 201)
        response.headers.update(self._operations.started(work))
        return response

    def _wrong(self, name: str, properties: dict[str, Any]) -> str | None:
        model, code = str(properties.get("model") or ""), properties.get("codeConfiguration")
        environment = str(properties.get("environmentId") or "")
        if not _NAME.fullmatch(name):
            return f"'{name}' is no name of a deployment."
        if model and models.find(self._state, self._store, model) is None:
            return f"Unknown model '{model}'."
        if not properties.get("instanceType"):
            return "A deployment needs an instanceType."
        if code and self._state.resources.get(str(code.get("codeId"))) is None:
            return f"Unknown code '{code.get('codeId')}'."
        if code and not environments.is_known(self._state, environment):
            return f"Unknown environment '{environment}'."
        if not code and not model:
            return "A deployment without code needs a model of MLflow."
        return None

    def _delete_deployment(self, request: Request, endpoint: str, name: str) -> Response:
        if self.deployment(endpoint, name) is None:
            return Response(status=204)
        traffic = (self.endpoint(endpoint) or {}).get("properties", {}).get("traffic") or {}
        if traffic.get(name):
            message = f"The deployment {name} has {traffic[name]} % of the traffic."
            return arm_error(400, "BadRequest", message)

        def work() -> str | None:
            self._removed(endpoint, name)
            return self._waited()

        return Response(status=202, headers=self._operations.started(work))

    def _removed(self, endpoint: str, name: str) -> None:
        self._containers.remove(_path(endpoint, name))
        self._state.resources.remove(_path(endpoint, name))

    def _logs(self, request: Request, endpoint: str, name: str) -> Response:
        if self.deployment(endpoint, name) is None:
            return unknown(request)
        given = json_of(request)
        kind = given.get("containerType") or INFERENCE
        text = self._containers.log(_path(endpoint, name), kind, given.get("tail"))
        return json_response({"content": text})

    def _waited(self) -> str | None:
        time.sleep(self._state.settings.job_delay)
        return None


def _path(endpoint: str, name: str) -> str:
    return f"/{_TOP}/{endpoint}/deployments/{name}"


def path_of(deployment: Resource) -> str:
    """Return a deployment's path below the workspace."""
    return "/" + "/".join(str(deployment["id"]).split("/")[-4:])
