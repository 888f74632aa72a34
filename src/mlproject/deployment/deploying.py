"""Blue and green: a new deployment beside the one that answers, a call, and then the traffic."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mlproject.azure.connection.context import Context
from mlproject.azure.resources import codes, environments
from mlproject.azure.resources.codes import hash_of
from mlproject.azure.resources.endpoints import (
    Deployment,
    Endpoint,
    Endpoints,
    OperationFailedError,
)
from mlproject.base.console import Reporter
from mlproject.base.errors import ConfigurationError, ModelError, TrackingError
from mlproject.base.finite import is_close
from mlproject.base.suggestions import did_you_mean
from mlproject.deployment import no_code, preflight
from mlproject.deployment.no_code import NoCodePackage
from mlproject.deployment.options import AUTH_MODES, DeployRequest, DeployResult
from mlproject.deployment.package import SCRIPT, Package
from mlproject.models import finding
from mlproject.models.opening import open_folder
from mlproject.models.trust import Policy
from mlproject.tracking.failures import as_tracking_error
from mlproject.tracking.session import Session

_COLOURS = ("blue", "green")
_MODEL, _VERSION = "mlproject-model", "mlproject-version"
_LOG_LINES = 20
_LAST_LINES = 3
_RUNS = "Succeeded"
_STAYS = "The traffic stays where it was"


@dataclass(frozen=True)
class Standing:
    """An endpoint and its deployments, as they are."""

    endpoint: Endpoint
    deployments: Mapping[str, Deployment]

    @property
    def answering(self) -> str | None:
        """The deployment that has most of the traffic."""
        shares = {name: share for name, share in self.endpoint.traffic.items() if share}
        return max(shares, key=lambda name: shares[name]) if shares else None

    @property
    def free(self) -> str:
        """The colour of the next deployment."""
        return next(colour for colour in _COLOURS if colour != self.answering)


class Deployer:
    """Deploys models of one workspace."""

    def __init__(self, context: Context, session: Session, reporter: Reporter) -> None:
        self._context = context
        self._endpoints = Endpoints(context)
        self._session = session
        self._reporter = reporter

    def deploy(self, request: DeployRequest, policy: Policy) -> DeployResult:
        """Try a model here, deploy it beside the one that answers, and move the traffic to it.

        Raises
        ------
        ModelError
            When it does not answer, here or there; the traffic stays where it was, and what was
            made for it is deleted.
        """
        started, endpoint = time.perf_counter(), request.endpoint_name
        name = _registered_name(request.model)
        source = finding.find(request.model, self._session)
        with finding.fetched(source) as folder:
            model = open_folder(folder, source, policy)
            for notice in model.notices:
                self._reporter.warn(notice)
            kind = NoCodePackage if request.no_code else Package
            package = kind(model, folder, request.method)
            with self._reporter.step("Trying the model in its own environment"):
                expected = preflight.answer(package, built=request.preflight == "built")
            with as_tracking_error(f"The endpoint '{endpoint}' cannot be deployed to"):
                body = self._body(request, package, name)
                standing = self._standing(endpoint)
                result = self._deployed(request, package, body, standing, expected)
        return DeployResult(**{**vars(result), "seconds": time.perf_counter() - started})

    def rollback(self, endpoint: str) -> DeployResult:
        """Move the traffic of an endpoint to the deployment that had it before."""
        with as_tracking_error(f"The endpoint '{endpoint}' cannot be rolled back"):
            standing = self._standing(endpoint)
            if standing is None:
                raise self._unknown(endpoint)
            answering, wanted = standing.answering, standing.free
            kept = standing.deployments.get(wanted)
            if kept is None or kept.state != _RUNS:
                raise ConfigurationError(
                    f"The endpoint '{endpoint}' has no deployment to go back to beside "
                    f"'{answering}'",
                    "Deploy the version that you want: mlproject deploy models:/NAME/VERSION",
                )
            return self._moved(standing, wanted, kept.tags)

    def delete(self, endpoint: str) -> None:
        """Delete an endpoint with its deployments."""
        with as_tracking_error(f"The endpoint '{endpoint}' cannot be deleted"):
            if self._endpoints.find(endpoint) is None:
                raise self._unknown(endpoint)
            self._endpoints.delete(endpoint)

    def _deployed(
        self,
        request: DeployRequest,
        package: Package,
        body: Mapping[str, Any],
        standing: Standing | None,
        expected: Any,
    ) -> DeployResult:
        name, was_there = request.endpoint_name, standing is not None
        if standing is None:
            with self._reporter.step(f"Making the endpoint {name}"):
                self._endpoints.create(name, AUTH_MODES[request.auth], {"mlproject": "deploy"})
            standing = self._standing(name)
            assert standing is not None  # noqa: S101 - it was made
        colour = standing.free
        if colour in standing.deployments:
            with self._reporter.step(f"Deleting the deployment {colour}, which has no traffic"):
                self._endpoints.move(name, _all_to(standing.answering))
                self._endpoints.delete_deployment(name, colour)
        with self._undone(name, colour, keep_endpoint=was_there):
            with self._reporter.step(f"Making the deployment {colour}; this takes minutes"):
                self._make(name, colour, body)
            with self._reporter.step(f"Asking the deployment {colour}"):
                self._ask(request, package, standing, expected)
        return self._moved(standing, colour, body["tags"])

    def _ask(
        self, request: DeployRequest, package: Package, standing: Standing, expected: Any
    ) -> None:
        """Ask the new deployment for what is known; ModelError when it says anything else."""
        colour, name = standing.free, standing.endpoint.name
        where = f"on the deployment '{colour}' of the endpoint '{name}'"
        status, content = self._endpoints.ask(
            standing.endpoint, colour, package.body, request.timeout
        )
        try:
            found = preflight.checked(package.model.uri, status, content, where)
        except ModelError as error:
            raise ModelError(f"{error.what}{self._logged(name, colour)}", _STAYS) from error
        if not is_close(found, expected):
            raise ModelError(
                f"The model {package.model.uri} predicts {found[:3]} {where}, and {expected[:3]} "
                "on this machine",
                f"{_STAYS}. Compare the versions of packages",
            )

    def _make(self, endpoint: str, colour: str, body: Mapping[str, Any]) -> None:
        try:
            self._endpoints.deploy(endpoint, colour, body)
        except OperationFailedError as error:
            what = f"The deployment '{colour}' of the endpoint '{endpoint}' failed: {error.what}"
            said = self._logged(endpoint, colour)
            kind = ModelError if said else TrackingError
            raise kind(f"{what}{said}", _STAYS) from error

    def _logged(self, endpoint: str, colour: str) -> str:
        """Show what a container has printed, and return the end of it, worded; or nothing."""
        lines = self._endpoints.log(endpoint, colour, _LOG_LINES)
        for line in lines:
            self._reporter.say(f"  {line}")
        last = " / ".join(line.strip() for line in lines[-_LAST_LINES:])
        return f". Its log ends with: {last}" if last else ""

    @contextmanager
    def _undone(self, endpoint: str, colour: str, *, keep_endpoint: bool) -> Iterator[None]:
        """Delete what was made in the block when that fails: it costs money, and is of no use."""
        try:
            yield
        except BaseException:
            with self._reporter.step(f"Deleting the deployment {colour}, which failed"):
                if keep_endpoint:
                    self._endpoints.delete_deployment(endpoint, colour)
                else:
                    self._endpoints.delete(endpoint)
            raise

    def _moved(self, standing: Standing, colour: str, tags: Mapping[str, str]) -> DeployResult:
        name = standing.endpoint.name
        traffic = _all_to(colour)
        self._endpoints.move(name, traffic)
        before = standing.answering
        return DeployResult(
            endpoint=name,
            deployment=colour,
            model_uri=tags.get(_MODEL),
            model_version=tags.get(_VERSION),
            scoring_uri=standing.endpoint.scoring_uri,
            traffic=traffic,
            previous=before if before != colour else None,
        )

    def _body(self, request: DeployRequest, package: Package, name: str) -> dict[str, Any]:
        """Return the request for a deployment; what it refers to is in the workspace then."""
        arm, version = self._endpoints.arm, str(package.model.version)
        seconds = f"PT{request.timeout}S"
        properties: dict[str, Any] = {
            "endpointComputeType": "Managed",
            "instanceType": request.instance_type,
            "appInsightsEnabled": False,
            "requestSettings": {
                "requestTimeout": seconds,
                "maxConcurrentRequestsPerInstance": 4,
            },
        }
        if isinstance(package, NoCodePackage):
            if package.lacking:
                self._reporter.warn(
                    f"The model's requirements lack {' and '.join(package.lacking)}: "
                    f"a copy that lists them is registered as '{name}-no-code'"
                )
            name, version = no_code.registered(package, name, self._session)
        else:
            code = codes.registered(arm, package.files, hash_of(package.files))
            properties |= {
                "codeConfiguration": {"codeId": code.id, "scoringScript": SCRIPT},
                "environmentId": environments.from_conda(arm, package.conda),
                "environmentVariables": package.variables,
            }
        return {
            "location": self._endpoints.location(),
            "sku": {"name": "Default", "capacity": request.instance_count},
            "tags": {_MODEL: request.model, _VERSION: str(package.model.version)},
            "properties": properties | {"model": f"{arm.scope}/models/{name}/versions/{version}"},
        }

    def _standing(self, name: str) -> Standing | None:
        endpoint = self._endpoints.find(name)
        if endpoint is None:
            return None
        found = {item.name: item for item in self._endpoints.deployments(name)}
        return Standing(endpoint, found)

    def _unknown(self, name: str) -> ConfigurationError:
        names = self._endpoints.names()
        hint = did_you_mean(name, names, noun="endpoints") if names else "It has none"
        return ConfigurationError(f"The workspace has no endpoint '{name}'", hint)


def _registered_name(reference: str) -> str:
    """Return the name of a registered model; ConfigurationError for any other."""
    rest = reference.removeprefix("models:/")
    name = rest.partition("@")[0].partition("/")[0]
    if rest in (reference, name) or not name:
        raise ConfigurationError(
            f"'{reference}' is not a registered model, which an endpoint needs",
            "Register it: mlproject models register; then give models:/NAME/VERSION",
        )
    return name


def _all_to(colour: str | None) -> dict[str, int]:
    return {} if colour is None else {colour: 100}
